"""Gates in ``squidmesh try``: asked on a terminal, answered by ``--decide``, or left for later commands."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Any

import click

from squidmesh.cli.next_commands import DECISIONS, accepted, next_commands
from squidmesh.errors import suggestion
from squidmesh.model.definition import Approval, Pause, Uses
from squidmesh.model.ruling import ManualAction

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from squidmesh.cli.session import Place
    from squidmesh.mesh import SquidMesh
    from squidmesh.model.definition import Action, Workflow
    from squidmesh.model.run import Explanation, Run

VERBS = {"approve": ManualAction.APPROVE, "reject": ManualAction.REJECT, "unblock": ManualAction.UNBLOCK}
_WAITS = {"paused_for_approval", "paused_for_manual_action", "interrupted_irreversible_step"}
_LEAVE = "leave"
ACTOR = "squidmesh try"


def read_decisions(texts: tuple[str, ...], workflow: Workflow) -> dict[str, str]:
    """Return the decision for each step of ``--decide STEP=approve|reject|unblock``."""
    decisions = {}
    gates = [name for name, step in workflow.steps.items() if isinstance(step.action, Approval | Pause)]
    for text in texts:
        name, _, verb = text.partition("=")
        if name not in workflow.steps:
            raise click.BadParameter(f"there is no step {name!r}{suggestion(name, gates)}", param_hint="--decide")
        if verb not in VERBS:
            raise click.BadParameter(f"{text!r}: write STEP=approve, reject or unblock", param_hint="--decide")
        if verb not in (taken := _taken(workflow.steps[name].action)):
            takes = f"takes {' or '.join(taken)}" if taken else "never waits for a person"
            raise click.BadParameter(f"{text!r}: step {name!r} {takes}", param_hint="--decide")
        decisions[name] = verb
    return decisions


def _taken(action: Action) -> tuple[str, ...]:
    """Return the decisions that a step can wait for; a callable pauses once it was interrupted."""
    match action:
        case Approval():
            return ("approve", "reject")
        case Pause() | Uses():
            return ("unblock",)
        case _:
            return ()


def waits_for_a_person(explanation: Explanation) -> bool:
    """Return whether nothing but a person's decision moves the run on."""
    return explanation.reason in _WAITS


def on_terminal() -> bool:
    """Return whether somebody can be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def choose(explanation: Explanation, decisions: Mapping[str, str]) -> tuple[str, str] | None:
    """Return (step, verb) of the next decision: one that was given, else what is asked; None: left for later."""
    waiting = list(explanation.details.get("paused", [explanation.step]))
    for step in waiting:
        if step in decisions:
            return step, decisions[step]
    if explanation.step is None or not on_terminal():
        return None
    verbs = _verbs(explanation.reason)
    title = explanation.details.get("title") or f"step {explanation.step} waits"
    answer: str = click.prompt(str(title), type=click.Choice([*verbs, _LEAVE]), default=_LEAVE)
    return None if answer == _LEAVE else (explanation.step, answer)


def decide(mesh: SquidMesh, run: Run, step: str, verb: str) -> None:
    """Decide about a step of the run that is tried."""
    call: Any = getattr(mesh, VERBS[verb].value)
    call(run.id, step=step, actor=ACTOR)


def commands_that_go_on(run: Run, explanation: Explanation, workflow: Workflow, place: Place) -> Iterator[str]:
    """Yield a complete command for each decision that would be accepted, and the worker that goes on after it."""
    for found in next_commands(run.id, explanation, place):
        if found.action in DECISIONS:
            yield found.command
    queues = {step.queue for step in workflow.all_steps}
    yield place.command("run --burst" + "".join(f" --queue {shlex.quote(queue)}" for queue in sorted(queues)))


def _verbs(reason: str) -> list[str]:
    return [action.removesuffix("_run") for action in accepted(reason)]
