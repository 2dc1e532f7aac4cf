"""Log records of an execution say which, whoever writes them."""

from __future__ import annotations

import io
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from squidmesh.observability.logs import ExecutionFilter, JSONFormatter, TextFormatter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from squidmesh import SquidMesh


@pytest.fixture
def lines() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Everything that is logged meanwhile, as the JSON lines of a worker."""
    output = io.StringIO()
    handler = logging.StreamHandler(output)
    handler.addFilter(ExecutionFilter())
    handler.setFormatter(JSONFormatter())
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield lambda: [json.loads(line) for line in output.getvalue().splitlines()]
    root.removeHandler(handler)
    root.setLevel(before)


def test_every_record_of_an_execution_names_run_workflow_step_and_attempt(
    mesh: SquidMesh, work: Callable[[SquidMesh], None], lines: Callable[[], list[dict[str, Any]]]
):
    """Those of the context's logger, of any other logger (in a coroutine too), and the engine's own."""
    run = mesh.start_run("shop.pay")
    work(mesh)
    found = {(line["message"], line.get("attempt")): line for line in lines()}
    facts = {"run_id": str(run.id), "workflow": "shop.pay"}
    own = found["charging", 2]
    assert own.items() >= (facts | {"step": "charge", "attempt": 2, "amount": 5, "logger": "squidmesh.step"}).items()
    other = found["telling", 1]
    assert other.items() >= (facts | {"step": "tell", "level": "warning", "logger": "shop.library"}).items()
    (engine,) = [line for message, line in found.items() if "is tried again" in message[0]]
    assert engine.items() >= (facts | {"step": "charge", "attempt": 1}).items()
    outside = [line for line in lines() if line["message"].startswith("worker ")]
    assert outside
    assert all("run_id" not in line for line in outside)


def test_without_the_filter_our_own_records_say_it_too(
    mesh: SquidMesh, work: Callable[[SquidMesh], None], caplog: pytest.LogCaptureFixture
):
    """A host's handlers, which know nothing of us, find the facts on the engine's records."""
    run = mesh.start_run("shop.fail")
    with caplog.at_level(logging.INFO):
        work(mesh)
    (record,) = [record for record in caplog.records if "no_stock" in record.getMessage()]
    assert (record.run_id, record.workflow, record.step, record.attempt) == (str(run.id), "shop.fail", "refuse", 1)


def formatted(formatter: logging.Formatter, message: str, **extra: Any) -> str:
    """Return one record's line."""
    record = logging.getLogger("t").makeRecord("t", logging.ERROR, __file__, 1, message, (), None, extra=extra)
    return formatter.format(record)


def test_json_is_one_line_whatever_is_logged():
    """Line breaks, lone surrogates, values that are not JSON, keys that are no text, values that hold themselves."""
    loop: dict[Any, Any] = {1: {2, 3}}
    loop["self"] = loop
    nan = float("nan")
    for extra in ({"a": {1, 2}}, {"a": {(1, 2): 3}}, {"a": loop}, {"a": b"\xff"}, {"a": nan}, {"a": [-nan]}):
        line = formatted(JSONFormatter(), "two\nlines \ud800", **extra)
        assert "\n" not in line
        assert json.loads(line, parse_constant=pytest.fail)["message"] == "two\nlines \ud800"


def test_what_a_caller_adds_is_kept_beside_what_the_record_is():
    """A level of the caller's own hides nothing."""
    line = json.loads(formatted(JSONFormatter(), "hi", level="gold", time="noon", exception="none", size=3))
    assert (line["level"], line["extra_level"], line["extra_time"], line["size"]) == ("error", "gold", "noon", 3)
    assert line["time"].endswith("+00:00")
    assert line["extra_exception"] == "none"


def test_json_holds_the_stack_that_was_asked_for():
    """``logger.warning(..., stack_info=True)`` says where it was called."""
    record = logging.LogRecord("t", logging.ERROR, __file__, 1, "here", (), None, sinfo="Stack (most recent call last)")
    assert json.loads(JSONFormatter().format(record))["stack"] == "Stack (most recent call last)"


def test_json_holds_the_exception():
    """Type, message and traceback."""
    error = LookupError("gone")
    record = logging.LogRecord("t", logging.ERROR, __file__, 1, "failed", (), (type(error), error, None))
    assert json.loads(JSONFormatter().format(record))["exception"] == {
        "type": "builtins.LookupError",
        "message": "gone",
        "traceback": "LookupError: gone",
    }


def test_text_ends_with_the_facts():
    """A line for a person says what it is about, and only if it is about a step."""
    facts = {"run_id": "r", "workflow": "w", "step": "s", "attempt": 1}
    assert formatted(TextFormatter(), "hi", **facts).endswith("hi [run_id=r workflow=w step=s attempt=1]")
    assert formatted(TextFormatter(), "hi").endswith("ERROR   t: hi")
