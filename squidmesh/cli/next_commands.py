"""What may be done next, as complete commands to paste."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from squidmesh.model.shown import Shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from squidmesh.cli.session import Place
    from squidmesh.model.fleet import FleetGroup
    from squidmesh.model.run import Explanation

DECISIONS = ("approve_run", "reject_run", "unblock_run")


@dataclass(frozen=True, slots=True, kw_only=True)
class NextCommand(Shown):
    """A command that would be accepted now, and the ``action`` of the Python API that it takes."""

    action: str
    command: str


def next_commands(run_id: UUID | str, explanation: Explanation, place: Place) -> list[NextCommand]:
    """Return a command for each next action of a run, and for what helps although no action names it."""
    said = [(action, text) for action in explanation.next_actions for text in _texts(action, str(run_id), explanation)]
    return [
        NextCommand(action=action, command=place.command(text))
        for action, text in (*said, *_beside(str(run_id), explanation))
    ]


def _texts(action: str, run_id: str, explanation: Explanation) -> Iterator[str]:
    match action:
        case _ if action in DECISIONS:
            yield from _decisions(action, run_id, explanation)
        case "wait":
            yield f"watch {run_id}"
        case "wake_run":
            named = explanation.reason in {"waiting_for_timer", "waiting_for_retry", "step_scheduled"}
            yield f"wake {run_id}" + (_step(explanation.step) if named else "")
        case "cancel_run":
            yield f"cancel {run_id}"
        case "replay_run":
            yield f"replay {run_id}"
        case "resume_queue":
            yield f"queues resume {_queue(explanation)}"


def _decisions(action: str, run_id: str, explanation: Explanation) -> Iterator[str]:
    """Yield the command for each paused step that takes a decision; the step is named, should another one pause."""
    verb = action.removesuffix("_run")
    for step, reason in paused_steps(explanation).items():
        if action in accepted(reason):
            yield f"{verb} {run_id}{_step(step)}"
            if step in interrupted_steps(explanation):
                yield f"{verb} {run_id}{_step(step)} --retry"


def paused_steps(explanation: Explanation) -> dict[str, str]:
    """Return the steps that wait for a person, each with the reason."""
    paused = explanation.details.get("paused")
    if paused:
        return dict(paused)
    return {explanation.step: explanation.reason} if explanation.step is not None else {}


def interrupted_steps(explanation: Explanation) -> tuple[str, ...]:
    """Return the steps among those that wait for a person which may be tried again."""
    return tuple(explanation.details.get("interrupted", ()))


def accepted(reason: str) -> tuple[str, ...]:
    """Return the calls that a step takes which is paused for a reason."""
    return ("approve_run", "reject_run") if reason == "paused_for_approval" else ("unblock_run",)


def _beside(run_id: str, explanation: Explanation) -> Iterator[tuple[str, str]]:
    """Yield a worker where none serves, and the replay that is accepted where a plain one is not."""
    held_up = explanation.details.get("held_up", {}).get("reason", explanation.reason)
    if held_up == "waiting_for_capable_worker":
        yield "start_worker", f"run --queue {_queue(explanation)}"
    step = explanation.details.get("replay_from")
    if step is not None:
        yield "replay_run", f"replay {run_id} --from {shlex.quote(str(step))}"
    if "replay_original" in explanation.details:
        yield "replay_run", f"replay {run_id} --original"


def fleet_commands(group: FleetGroup, place: Place) -> list[NextCommand]:
    """Return how to look further into a group of runs."""
    return [NextCommand(action="explain_run", command=place.command(f"explain {group.example}"))]


def _queue(explanation: Explanation) -> str:
    """Return the queue that a due step waits in, the one of a run's recovery if it is that which waits."""
    return shlex.quote(str(explanation.details.get("held_up", explanation.details)["queue"]))


def _step(name: str | None) -> str:
    return f" --step {shlex.quote(name)}" if name is not None else ""
