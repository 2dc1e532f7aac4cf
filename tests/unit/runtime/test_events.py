"""Telling the host: who hears what, and what a callback cannot break."""

from __future__ import annotations

from typing import Any

import pytest

from squidmesh.runtime.events import Events


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("step.failed", ["step.failed"]),
        ("step.*", ["step.started", "step.failed"]),
        ("run.status_changed", ["run.status_changed"]),
        ("run.failed", ["run.status_changed"]),
        ("run.completed", []),
        ("run.*", ["run.created", "run.status_changed"]),
        ("*", ["run.created", "step.started", "step.failed", "run.status_changed"]),
    ],
)
def test_a_callback_hears_what_it_asked_for(pattern: str, expected: list[str]):
    """By name, by family, or by the status that a run takes; each event once."""
    events, heard = Events(), []
    events.subscribe(pattern, lambda facts: heard.append(facts["event"]))
    for event in ("run.created", "step.started", "step.failed"):
        events.emit(event, run_id="1")
    events.emit("run.status_changed", from_status="running", to_status="failed")
    assert heard == expected


def test_an_event_carries_what_applies():
    """Facts without a value are left out."""
    events, heard = Events(), []
    events.subscribe("step.failed", heard.append)
    events.emit("step.failed", step="a", delay=None, attempt=0)
    assert heard == [{"event": "step.failed", "step": "a", "attempt": 0}]


@pytest.mark.parametrize("raised", [RuntimeError, SystemExit])
def test_what_a_callback_raises_is_logged_and_changes_nothing(
    raised: type[BaseException], caplog: pytest.LogCaptureFixture
):
    """The callbacks after it are called all the same, and the thread that calls them lives on."""
    events, heard = Events(), []

    def broken(facts: dict[str, Any]) -> None:
        facts.clear()
        raise raised("callback broke")

    events.subscribe("step.*", broken)
    events.subscribe("step.*", heard.append)
    events.emit("step.failed", step="a")
    assert heard == [{"event": "step.failed", "step": "a"}]
    assert "callback broke" in caplog.text


def test_a_pattern_that_nothing_could_match_is_refused():
    """A misspelt name is an error at once, naming the events."""
    with pytest.raises(ValueError, match=r"step\.complete.*step\.completed"):
        Events().subscribe("step.complete", print)


def test_who_subscribes_later_hears_from_then_on() -> None:
    """What was found out about an event before is not kept for callbacks that come after."""
    events, heard = Events(), []
    assert not events.hears("step.started")
    events.emit("step.started", step="a")
    events.subscribe("step.*", lambda event: heard.append(event["step"]))
    assert events.hears("step.started")
    events.emit("step.started", step="b")
    assert heard == ["b"]
