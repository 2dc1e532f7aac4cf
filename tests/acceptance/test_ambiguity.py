"""Commits whose answer never comes: what was recorded is known as recorded, and what was handed over is taken up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from squidmesh import SquidMesh, StepContext, StepFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from uuid import UUID

    from tests.acceptance.conftest import Desk

RECORD = "INSERT INTO squidmesh.attempts"
CHAIN = """
workflow: acc.chain
triggers: {go: {manual: {}}}
steps:
  one: {uses: cut.here, next: two}
  two: {uses: cut.here, when: "run.trigger == 'go'", next: three}
  three: {uses: cut.here, retry: {max_attempts: 2, backoff: {type: constant, min: 10ms, jitter: false}}, next: four}
  four: {uses: cut.here, when: "run.trigger == 'nobody'", next: five}
  five: {uses: cut.here, next: complete}
"""
CLAIMED = """
SELECT step, s.started_at = lag(s.finished_at) OVER (ORDER BY completed_seq) FROM squidmesh.step_runs s
WHERE run_id = %s ORDER BY completed_seq
"""


class Cutter:
    """A host behind the proxy, with a step type that lets the answer to what comes next be lost."""

    def __init__(self, proxy: Any, url: str, folder: Path, text: str) -> None:
        self.proxy = proxy
        self.at: str | None = None
        self.part = RECORD
        (folder / "chain.yaml").write_text(text)
        self.mesh = SquidMesh(
            url, folder / "chain.yaml", {"cut.here": self.step}, folder=folder, lease="20s", poll_interval="100ms"
        )
        self.told: list[tuple[str, str | None]] = []
        self.mesh.on("*", self.tell)

    def step(self, ctx: StepContext) -> None:
        """Lose the answer to the next record, if this is the place; ``three`` fails once."""
        if ctx.step == self.at and ctx.attempt == 1:
            self.proxy.swallow(self.part, 1)
        if ctx.step == "three" and ctx.attempt == 1:
            raise RuntimeError("once")
        if ctx.step == "broken":
            raise StepFailed("for good")

    def tell(self, event: dict[str, Any]) -> None:
        """Keep what the host is told."""
        self.told.append((event["event"], event.get("step") or event.get("to_status")))


@pytest.fixture
def cutter(proxy: Any, tmp_path: Path) -> Iterator[Callable[[str], Cutter]]:
    """Make hosts behind the proxy."""
    made: list[Cutter] = []

    def make(text: str) -> Cutter:
        made.append(Cutter(proxy, proxy.url, tmp_path, text))
        return made[-1]

    yield make
    for each in made:
        each.mesh.close()


def finish(host: Cutter, workflow: str, desk: Desk, until: Callable[..., Any]) -> UUID:
    """Run one run to its end in one thread."""
    run = host.mesh.start_run(workflow)
    with host.mesh.worker(concurrency=1):
        until(lambda: desk.open_runs() == 0)
    assert host.proxy.swallowed == (host.at is not None)
    return run.id


@pytest.mark.parametrize("at", [None, "one", "two", "three", "five"])
def test_what_a_lost_answer_recorded_is_told_and_taken_up(
    cutter: Callable[[str], Cutter], desk: Desk, until: Callable[..., Any], at: str | None
) -> None:
    """The host hears the same as ever, no step is said to be lost, and each successor stays with its thread."""
    host = cutter(CHAIN)
    host.at = at
    run = finish(host, "acc.chain", desk, until)
    told = [(event, name) for event, name in host.told if event.startswith("step.") and event != "step.started"]
    assert told == [
        ("step.completed", "one"),
        ("step.completed", "two"),
        ("step.retry_scheduled", "three"),
        ("step.completed", "three"),
        ("step.skipped", "four"),
        ("step.completed", "five"),
    ]
    assert ("run.status_changed", "completed") in host.told
    assert desk.ask(CLAIMED, run) == [("one", None), ("two", True), ("three", False), ("four", True), ("five", True)]


FAILING = """
workflow: acc.failing
triggers: {go: {manual: {}}}
steps: {broken: {uses: cut.here, next: complete}}
"""


@pytest.mark.parametrize("at", [None, "broken"])
def test_a_stop_whose_answer_is_lost_is_told(
    cutter: Callable[[str], Cutter], desk: Desk, until: Callable[..., Any], at: str | None
) -> None:
    """The slow path as well: a run that failed by a commit without an answer is told as failed, once."""
    host = cutter(FAILING)
    host.at, host.part = at, "COMMIT"
    finish(host, "acc.failing", desk, until)
    assert host.told[-2:] == [("step.failed", "broken"), ("run.status_changed", "failed")]


BOOKING = """
workflow: acc.booking
triggers: {go: {manual: {}}}
steps:
  one: {uses: cut.here, transaction: true, timeout: 10s, next: two}
  two: {uses: cut.here, next: complete}
"""


@pytest.mark.parametrize("at", [None, "one"])
def test_a_transaction_whose_commit_had_no_answer_is_known_to_stand(
    cutter: Callable[[str], Cutter], desk: Desk, until: Callable[..., Any], at: str | None
) -> None:
    """Its step is told as completed, executed once, and what it handed over goes on in the same thread."""
    host = cutter(BOOKING)
    host.at, host.part = at, "COMMIT"
    run = finish(host, "acc.booking", desk, until)
    assert [entry for entry in host.told if entry[0].startswith("step.")] == [
        ("step.started", "one"),
        ("step.completed", "one"),
        ("step.started", "two"),
        ("step.completed", "two"),
    ]
    assert desk.ask(CLAIMED, run) == [("one", None), ("two", True)]
