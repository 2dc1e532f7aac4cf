"""The page of the events, from ``squidmesh/runtime/events.py``."""

from __future__ import annotations

from markdown import table

from squidmesh.runtime.events import EVENTS, KEYS

PAGE = "reference/events.md"
_MEANINGS = {
    "run.created": "a run was started here",
    "run.status_changed": "a run's status changed; also told as `run.completed`, `run.failed`, `run.cancelled`, "
    "`run.paused`",
    "step.started": "an attempt begins",
    "step.completed": "a step completed",
    "step.failed": "a step failed for good",
    "step.retry_scheduled": "an attempt failed and another will follow, after `delay`",
    "step.paused": "a person is waited for: at a gate, or because a step was interrupted that is irreversible or says "
    "`on_worker_lost: pause`",
    "step.skipped": "a step's `when` did not hold, or everything that it waits for was skipped",
    "step.claim_lost": "a result was refused, because the claim had passed to another worker",
    "schedule.fired": "a tick of a cron trigger started a run",
}
_KEYS = {
    "event": "the event's name",
    "run_id": "the run, as text",
    "workflow": "the workflow's name",
    "trigger": "the trigger's name",
    "step": "the step's name",
    "kind": "`step`, `compensation` or `on_failure`",
    "attempt": "the attempt's number, from 1",
    "from_status": "the run's status before",
    "to_status": "the run's status now",
    "duration": "seconds that the attempt took",
    "delay": "seconds until the next attempt; of a schedule, how long after its time it fired",
    "error": "`{message, code, type, retryable, details}`",
}
_TEXT = """\
# Events

`mesh.on(pattern, callback)` calls `callback(event)` after the commit, in the process that made it, on the thread
that did so. A pattern is a name, or a family such as `run.*`. What a callback raises is logged and changes nothing.
Callbacks are for telling others; they are not durable: a process that dies after the commit has told nobody. What must
happen belongs in a step, or in `on_failure`.

{events}

An event is a dict with those of these keys that apply:

{keys}
"""


def render() -> str:
    """Return the page."""
    return _TEXT.format(
        events=table(("event", "told when"), [(f"`{name}`", _MEANINGS[name]) for name in EVENTS]),
        keys=table(("key", "holds"), [(f"`{name}`", _KEYS[name]) for name in KEYS]),
    )
