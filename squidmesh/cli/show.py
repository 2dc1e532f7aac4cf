"""Runs and explanations for a person to read."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.text import Text

from squidmesh.cli.console import print_rows, print_table
from squidmesh.cli.moments import age

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from uuid import UUID

    from rich.console import Console

    from squidmesh.cli.next_commands import NextCommand
    from squidmesh.model.run import Explanation, Run, StepState

STYLES = {
    "completed": "green",
    "running": "cyan",
    "pending": "cyan",
    "retrying": "yellow",
    "paused": "yellow",
    "waiting": "dim",
    "skipped": "dim",
    "failed": "bold red",
    "cancelling": "magenta",
    "cancelled": "magenta",
}
MARKS = {"completed": "✓", "failed": "✗", "skipped": "-", "cancelled": "-", "running": "▸", "paused": "‖"}
# In the order in which a person would ask; the words for each reason complete "this run ...".
REASONS = {
    "pending_dispatch": "is due and will be taken by a worker any moment",
    "step_scheduled": "has its next step scheduled for later",
    "step_running": "has a step running",
    "waiting_for_timer": "waits for a timer",
    "waiting_for_dependencies": "waits for other steps",
    "waiting_for_retry": "waits to try a step again",
    "queue_paused": "is due on a queue that somebody has paused",
    "waiting_for_capable_worker": "is due, but no live worker serves its queue and step type",
    "paused_for_manual_action": "waits for somebody to unblock it",
    "paused_for_approval": "waits for somebody to approve or reject it",
    "interrupted_irreversible_step": "was cut off in a step that cannot be undone; somebody must say if it is done",
    "stopping": "is stopping after a failure; running steps may end",
    "compensating": "failed and is undoing what had completed",
    "cancelling": "is being cancelled",
    "cancelled": "was cancelled",
    "completed": "completed",
    "retry_exhausted": "failed: a step failed as often as it may be tried",
    "step_failed": "failed: a step failed for good",
    "worker_lost": "failed: a step's worker vanished as often as it may",
    "run_timed_out": "failed: it did not end in time",
}


_LONGEST_VALUE = 200
_SHORT_ID = 18


def short_id(run_id: UUID) -> str:
    """Return the beginning of an id by which a person may name its run: its time, and its place among those of it."""
    return str(run_id)[:_SHORT_ID]


def show_run(console: Console, run: Run) -> None:
    """Print a run's facts and, where they were read, its steps and events."""
    facts: list[tuple[str, str | Text]] = [
        ("run", Text(str(run.id), style="bold")),
        ("workflow", f"{run.workflow} (trigger {run.trigger})"),
        ("definition", run.definition[:12] + (f" (version {run.version})" if run.version else "")),
        ("status", Text(run.status, style=STYLES[run.status])),
        ("step", run.current_step or ""),
        ("key", run.idempotency_key or ""),
        ("created", show_moment(run.created_at)),
        ("started", show_moment(run.started_at) if run.started_at else ""),
        ("finished", show_moment(run.finished_at) if run.finished_at else ""),
        ("last error", Text(error_text(run.last_error) if run.last_error else "", style="red")),
    ]
    _print_facts(console, facts)
    show_values(console, "payload", run.payload)
    show_values(
        console, "results", {k: v for k, v in run.context.items() if k not in run.payload or v != run.payload[k]}
    )
    if run.steps is not None:
        _show_steps(console, run.steps)
        _show_events(console, run)


def show_values(console: Console, title: str, values: Mapping[str, Any]) -> None:
    """Print a mapping, one key a line, long values cut."""
    if not values:
        return
    console.print(Text(title, style="bold"))
    print_rows(console, [(f"  {key}", _short(value)) for key, value in values.items()], styles=["dim"])


def _show_steps(console: Console, steps: Sequence[StepState]) -> None:
    console.print(Text("steps", style="bold"))
    titles = ("  step", "kind", "status", "attempts", "waits for", "last error")
    print_table(console, titles, [_step_cells(step) for step in steps], whole=(0, 2))
    for step in steps:
        undone = step.recovery.get("compensation")
        if undone:
            console.print(f"  {step.step} was to be undone: compensation {undone['status']}")


def _show_events(console: Console, run: Run) -> None:
    if run.audit_events:
        console.print(Text("events", style="bold"))
        print_rows(
            console,
            [
                (f"  {show_moment(event.at)}", event.type, event.step or "", event.actor or "", event.comment or "")
                for event in run.audit_events
            ],
            styles=["dim"],
        )


def _step_cells(step: StepState) -> list[Text]:
    status = step.status.value if step.status else "not reached"
    return [
        Text(f"  {step.step}"),
        Text(step.kind, style="dim"),
        Text(status, style=STYLES.get(status, "dim")),
        Text(str(len(step.attempts) or "")),
        Text(", ".join(step.depends_on), style="dim"),
        Text(error_text(step.last_error) if step.last_error else "", style="red"),
    ]


def show_explanation(console: Console, explanation: Explanation, commands: Sequence[NextCommand] = ()) -> None:
    """Print why a run is where it is, since when, the evidence, and the commands for what may be done."""
    line = Text("this run ").append(REASONS.get(explanation.reason, explanation.reason), style="bold")
    if explanation.step:
        line.append(f" (step {explanation.step})")
    console.print(line)
    counts = explanation.evidence.get("step_runs", {})
    _print_facts(
        console,
        [
            ("reason", explanation.reason),
            ("since", _since(explanation)),
            *_details(explanation.details),
            ("step runs", ", ".join(f"{count} {status}" for status, count in counts.items())),
        ],
    )
    if commands:
        console.print(Text("what may be done", style="bold"))
        for item in commands:
            console.print(Text(f"  {item.command}"))


def _since(explanation: Explanation) -> str:
    if explanation.since is None:
        return ""
    now = datetime.fromisoformat(explanation.evidence["observed_at"])
    return f"{show_moment(explanation.since)} ({age(now, explanation.since)})"


def _print_facts(console: Console, facts: Sequence[tuple[str, str | Text]]) -> None:
    """Print labels with their values, leaving out what is empty."""
    print_rows(console, [fact for fact in facts if len(fact[1])], styles=["dim"])


def _details(details: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in details.items():
        if key == "choices":
            yield from value.items()
        elif key == "held_up":
            yield "held up", f"a step of it {REASONS[value['reason']]} ({value['queue']})"
        else:
            yield key.replace("_", " "), _detail(key, value)


def _detail(key: str, value: Any) -> str:
    if key in {"failure", "interrupted_by"}:
        return error_text(value) if value else ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if key.endswith(("_at", "_until")) and isinstance(value, str):
        return show_moment(datetime.fromisoformat(value))
    return _short(value)


def show_moment(moment: datetime) -> str:
    """Return a time in the zone of the person who looks."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def error_text(error: Mapping[str, Any]) -> str:
    """Return an error in one line: its code and message, and the exception's type where the message needs it."""
    code, message = error.get("code", "error"), str(error.get("message", ""))
    kind = f"{error['type']}: " if code == "step_raised" and error.get("type") not in {None, message} else ""
    return f"{code}: {kind}{message}"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}… ({len(text)} characters)"
