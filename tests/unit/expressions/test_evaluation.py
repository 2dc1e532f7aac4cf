"""Evaluating a condition: exactly True or False, or a failure that says why."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from squidmesh.errors import InvalidExpression
from squidmesh.expressions import EvaluationFailed, compile_expression

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def evaluate(text: str, **roots: Any) -> bool:
    """Return what ``text`` says at ``NOW``."""
    return compile_expression(text).evaluate({"now": NOW, **roots})


def nested(levels: int) -> list[Any]:
    """Return a list this many levels deep."""
    value: list[Any] = []
    for _ in range(levels - 1):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("payload.amount > 100", True),
        ("payload.amount > 100.5", True),
        ("payload.amount == 120.0", True),
        ("double(payload.amount) * 1.08 > 130.0", False),
        ("payload.paid", True),
        (".payload.paid && .payload.amount in [120]", True),
        ("!payload.paid", False),
        ("has(payload.note)", False),
        ("has(payload.note) && payload.note == 'x'", False),
        ("payload['amount'] == 120 && 'paid' in payload", True),
        ("context.order.lines.exists(line, line.price > 10)", True),
        ("size(context.order.lines) == 2", True),
        ("payload.nothing == null", True),
        ("failure.code == 'late'", True),
        ("now - timestamp(run.started_at) > duration('1h')", True),
        ("run.workflow.startsWith('shop.')", True),
    ],
)
def test_says_true_or_false(text: str, *, expected: bool) -> None:
    """Natural conditions over the roots that a run has."""
    assert (
        evaluate(
            text,
            payload={"amount": 120, "paid": True, "nothing": None},
            context={"order": {"lines": [{"price": 5}, {"price": 20.5}]}},
            run={"workflow": "shop.order", "started_at": "2026-03-01T10:00:00Z"},
            failure={"code": "late"},
        )
        is expected
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("payload.missing == 1", "'missing' is not there"),
        ("payload.amount", "is a number, not true or false"),
        ("payload.name", "is a text, not true or false"),
        ("payload.nothing", "is null, not true or false"),
        ("payload.amount / 0 == 1", "divide by zero"),
        ("payload.amount * 1.5 > 1.0", "double(x)"),
        ("payload.name.matches('(')", "regular expression"),
        ("payload.lines[7] == 1", "index"),
    ],
)
def test_anything_else_is_a_failure(text: str, reason: str) -> None:
    """An error is truthy to the library and a number to Python: neither counts as true here."""
    with pytest.raises(EvaluationFailed) as caught:
        evaluate(text, payload={"amount": 1, "name": "x", "nothing": None, "lines": [1]})
    assert reason.lower() in str(caught.value).lower()


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (2**63, "beyond 64 bits"),
        (-(2**63) - 1, "beyond 64 bits"),
        (10**5000, "beyond 64 bits"),
        ([{"deep": 2**70}], "beyond 64 bits"),
        (nested(20_000), "nested deeper than 100"),
        (nested(101), "nested deeper than 100"),
        ((1, 2), "a tuple, which is not JSON"),
        ("\ud800", "payload.x"),
    ],
    ids=["64 bits", "-64 bits", "digits", "inside", "20,000 levels", "101 levels", "tuple", "surrogate"],
)
def test_refuses_what_the_library_cannot_take(value: Any, reason: str) -> None:
    """Values that the library misreads or crashes on never reach it."""
    with pytest.raises(EvaluationFailed, match=reason):
        evaluate("payload.x == 1", payload={"x": value})


def test_accepts_the_deepest_values_that_may_be_stored() -> None:
    """A payload of 100 levels, the most that is accepted at a start, can be read."""
    assert evaluate("size(payload.x) == 1", payload={"x": nested(100)})


def test_touches_only_the_keys_that_it_names() -> None:
    """A value that nobody asks for is neither parsed nor judged."""

    class Lazy(dict[str, Any]):
        def __getitem__(self, key: str) -> Any:
            assert key == "amount"
            return super().__getitem__(key)

    assert evaluate("payload.amount == 1", payload=Lazy(amount=1, huge=10**5000))


def test_the_whole_root_is_passed_where_it_is_meant() -> None:
    """A root used as a map, with an index or with in, has all its keys."""
    assert evaluate("'b' in payload && payload['a'] == 1 && size(payload) == 2", payload={"a": 1, "b": 2})


def test_roots_that_are_not_there_are_empty() -> None:
    """A run without a failure has an empty one."""
    assert evaluate("!has(failure.code) && !has(context.x)", failure=None)


def test_times_of_the_run_may_be_given_as_times() -> None:
    """The engine's datetime is read as the text that a workflow's author sees."""
    assert evaluate("timestamp(run.started_at) < now", run={"started_at": datetime(2026, 1, 1, tzinfo=UTC)})


def test_now_has_an_offset() -> None:
    """A naive time would mean another moment on each machine."""
    with pytest.raises(ValueError, match="aware"):
        compile_expression("payload.x == 1").evaluate({"payload": {"x": 1}, "now": datetime(2026, 1, 1)})  # noqa: DTZ001 - the point


@pytest.mark.parametrize(
    ("text", "column", "reason"),
    [
        ("payload.a and payload.b", 11, "&&"),
        ("payload.a = 1", 11, "=="),
        ("nobody.a == 1", 1, "'nobody' is not known"),
        ("x" * 5000, 1, "5000 bytes"),
        ("  ", 1, "empty"),
        ("(" * 60 + "true" + ")" * 60, 1, "nested too deeply"),
        ("payload.a ==\n  ", 13, "too early"),
    ],
)
def test_compiling_says_what_is_wrong_and_where(text: str, column: int, reason: str) -> None:
    """A definition with a bad condition is refused with the column."""
    with pytest.raises(InvalidExpression, match=reason.replace("(", r"\(")) as caught:
        compile_expression(text)
    assert caught.value.column == column


def test_compiles_once() -> None:
    """The same text is the same compiled expression."""
    assert compile_expression("payload.once == 1") is compile_expression("payload.once == 1")


def test_threads_share_an_expression() -> None:
    """Many threads evaluate one expression over data of their own."""
    expression = compile_expression("payload.items.all(item, item <= payload.most)")

    def wrong(most: int) -> int:
        data = {"payload": {"items": list(range(50)), "most": most}}
        return sum(expression.evaluate(data) is not (most >= 49) for _ in range(200))

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(wrong, range(40, 60))) == 0
