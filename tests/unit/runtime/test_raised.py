"""Whatever a callable raises: an outcome that can be stored, and never an error of ours."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from squidmesh import RetryStep, StepFailed
from squidmesh.errors import InvalidValue
from squidmesh.model.outcome import Failed
from tests.unit.runtime.executing import endless, failure, raising, run


class Mute(Exception):  # noqa: N818 - named for what it does
    """Fails to describe itself."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


class BareFailure(StepFailed):
    """Never calls the constructor of its base."""

    def __init__(self) -> None:
        Exception.__init__(self, "bare")

    def __str__(self) -> str:
        return "bare"


class Untrustworthy(Mapping):
    """A mapping that raises whatever one does with it."""

    def __getitem__(self, key: object) -> object:
        raise RuntimeError

    def __iter__(self) -> Iterator[object]:
        raise RuntimeError

    def __len__(self) -> int:
        raise RuntimeError

    def __repr__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (StepFailed("no", code="declined"), ("declined", False)),
        (RetryStep("later", code="busy"), ("busy", True)),
        (ValueError("odd"), ("step_raised", True)),
        (InvalidValue("a.b", "is odd"), ("step_raised", True)),
        (LookupError("nul \x00 and lone \ud800"), ("step_raised", True)),
        (RuntimeError("x" * 1_000_000), ("step_raised", True)),
        (Mute(), ("step_raised", True)),
        (BareFailure(), ("step_failed", False)),
        (SystemExit(3), ("step_raised", True)),
        (GeneratorExit(), ("step_raised", True)),
        (asyncio.CancelledError(), ("step_raised", True)),
        (ExceptionGroup("several", [ValueError("one"), Mute()]), ("step_raised", True)),
        (StepFailed("x", details={"at": datetime(2024, 5, 1, tzinfo=UTC)}), ("step_failed", False)),
        (StepFailed("x", details={"big": "y" * 100_000}), ("step_failed", False)),
        (StepFailed("x", details={"deep": endless()}), ("step_failed", False)),
        (StepFailed("x", details=Untrustworthy()), ("step_failed", False)),
        (StepFailed("x", details="not a mapping"), ("step_failed", False)),  # type: ignore[arg-type]  # on purpose
        (StepFailed(Mute(), code=Mute()), ("a Mute that cannot be shown as text", False)),  # type: ignore[arg-type]  # on purpose
        (RetryStep("x", delay=float("inf")), ("step_retry", True)),
        (RetryStep("x", delay="soon"), ("step_retry", True)),
        (RetryStep("x", delay=-1), ("step_retry", True)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_whatever_is_raised_is_an_outcome(
    error: BaseException, expected: tuple[str, bool], monkeypatch: pytest.MonkeyPatch
):
    """Of every kind, describable or not: a failure that can be stored, its size capped."""
    monkeypatch.setattr(logging.getLogger("squidmesh.step"), "disabled", True)  # no terminal could show it all
    outcome = run(raising(error))
    assert failure(outcome) == expected
    assert isinstance(outcome, Failed)
    assert len(json.dumps(outcome.failure.to_dict())) < 100_000
    assert outcome.delay is None


def test_a_request_to_end_the_process_is_not_the_steps():
    """KeyboardInterrupt in the main thread passes through to whom it is meant for."""
    with pytest.raises(KeyboardInterrupt):
        run(raising(KeyboardInterrupt()))


async def interrupted() -> None:
    """Raise on the event loop what Python raises in the main thread alone."""
    raise KeyboardInterrupt


@pytest.mark.parametrize("call", [raising(KeyboardInterrupt()), interrupted], ids=["plain", "async"])
def test_in_another_thread_it_is_the_steps(call: object):
    """Ctrl-C never comes there: it is a failure like any other, and no worker loses its claim by it."""

    def execute() -> tuple[str, bool] | None:
        try:
            return failure(run(call))
        except KeyboardInterrupt:  # which would end the tests
            return None

    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(execute).result() == ("step_raised", True)
