"""What the adapter rests on: how cel-expr-python really behaves. A new version that differs is to be seen here."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from cel_expr_python import cel

MAP = cel.Type.Map(cel.Type.STRING, cel.Type.DYN)


def environment() -> Any:
    """Return an environment with one open map."""
    return cel.NewEnv(variables={"payload": MAP})


def test_an_error_is_a_truthy_value() -> None:
    """An evaluation error comes back as a value that plain Python would take for true."""
    result = environment().compile("payload.missing == 1").eval(data={"payload": {}})
    assert result.type() == cel.Type.ERROR
    assert bool(result)


def test_evaluation_may_raise_too() -> None:
    """Other errors come as exceptions, a lone surrogate for example."""
    with pytest.raises(RuntimeError):
        environment().compile("payload.x == 'a'").eval(data={"payload": {"x": "\ud800"}})


def test_all_findings_come_in_one_error() -> None:
    """The compiler reports each problem in a line with line and column, counted in characters."""
    with pytest.raises(RuntimeError) as caught:
        environment().compile("'🦑' == first && second")
    assert "ERROR: <input>:1:8: undeclared reference to 'first'" in str(caught.value)
    assert "ERROR: <input>:1:17: undeclared reference to 'second'" in str(caught.value)


def test_has_is_the_value_of_a_dotted_variable() -> None:
    """Where payload.x is one variable, has(payload.x) is its value: so has is read as dyn when checking."""
    dotted = cel.NewEnv(variables={"payload.x": cel.Type.STRING})
    assert dotted.compile("has(payload.x)").return_type() == cel.Type.STRING


def test_one_big_integer_spoils_its_whole_root() -> None:
    """A map is converted whole: an integer beyond 64 bits makes every other key unreadable."""
    result = environment().compile("payload.fine == 1").eval(data={"payload": {"fine": 1, "big": 2**64}})
    assert result.type() == cel.Type.ERROR


def test_times_cannot_stand_inside_a_map() -> None:
    """A datetime is accepted as a variable of its own only: so times inside run are texts."""
    result = environment().compile("payload.at == 1").eval(data={"payload": {"at": datetime.now(UTC)}})
    assert result.type() == cel.Type.ERROR


@pytest.mark.parametrize("value", ["10**5000", "nested"])
def test_hostile_values_would_crash_the_process(value: str) -> None:
    """Integers of thousands of digits and endless nesting kill the interpreter: the guards are not optional."""
    program = f"""
from cel_expr_python import cel
nested = []
for _ in range(100_000):
    nested = [nested]
environment = cel.NewEnv(variables={{"payload": cel.Type.Map(cel.Type.STRING, cel.Type.DYN)}})
environment.compile("payload.x == 1").eval(data={{"payload": {{"x": {value}}}}})
"""
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True)
    assert done.returncode < 0
