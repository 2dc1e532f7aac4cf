"""What the operator's commands share: which runs, who acts, being asked first, a report for each run, exit codes.

A command acts on each run by itself: one that refuses is reported and the others go on. It exits 0 if every
run took the action, 1 if one refused, 2 for a wrong call (a value that is no run id, nobody to answer for it).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from squidmesh.cli.identifying import identify
from squidmesh.cli.next_commands import (
    DECISIONS,
    accepted,
    interrupted_steps,
    next_commands,
    paused_steps,
)
from squidmesh.cli.progress import tracked
from squidmesh.cli.session import open_mesh, place_of, print_json
from squidmesh.errors import (
    ConfigurationError,
    DatabaseUnavailable,
    InvalidTransition,
    InvalidWorkflow,
    RunNotPaused,
    SchemaOutdated,
    SquidMeshError,
    WrongManualAction,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from squidmesh.cli.identifying import Named
    from squidmesh.cli.request import Request
    from squidmesh.cli.session import Place
    from squidmesh.mesh import SquidMesh
    from squidmesh.model.run import Explanation

# What is wrong for every run alike ends the command; anything else is the answer of one run.
_WRONG_FOR_ALL = (ConfigurationError, DatabaseUnavailable, InvalidWorkflow, SchemaOutdated)
_WRONG_STATE = (InvalidTransition, RunNotPaused, WrongManualAction)


@dataclass(frozen=True, slots=True, kw_only=True)
class Acted:
    """What became of one run: a sentence's end for a person (``is cancelled``), and data for ``--json``."""

    text: str
    result: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What a command does to one run.

    ``call`` is the façade's method, ``done`` the word for a run that took it, ``step`` the one that is meant,
    ``retry`` whether it is to be tried again, ``question`` what is asked first. ``rehearse`` raises what ``act`` would,
    where the run's explanation alone does not tell.
    """

    call: str
    done: str
    act: Callable[[SquidMesh, UUID], Acted]
    question: str | None = None
    step: str | None = None
    retry: bool = False
    rehearse: Callable[[SquidMesh, UUID], None] | None = None


def act_on_each(context: click.Context, request: Request, operation: Operation) -> int:
    """Act on each run and report it; return the exit code."""
    with open_mesh(context, database=request.database) as mesh:
        named = identify(mesh, request.words)
        if operation.question is not None and not request.dry_run:
            _confirm(request, operation.question, named)
        desk = _Desk(mesh, request, operation, place_of(context, request.database))
        reports = [desk.serve(each) for each in tracked(named, operation.call.removesuffix("_run"))]
    if request.as_json:
        print_json(reports)
    elif len(reports) > 1:
        _sum_up(reports, request)
    return 0 if all(report["ok"] for report in reports) else 1


class _Desk:
    """Acts on one run after the other, and says what became of each."""

    def __init__(self, mesh: SquidMesh, request: Request, operation: Operation, place: Place) -> None:
        self._mesh = mesh
        self._request = request
        self._operation = operation
        self._place = place

    def serve(self, named: Named) -> dict[str, Any]:
        """Act on a run, or say what acting would do; return the report."""
        try:
            if named.run_id is None:
                assert named.problem is not None, "what names no run says why"
                raise named.problem
            if self._request.dry_run:
                return self._rehearse(named.run_id)
            acted = self._operation.act(self._mesh, named.run_id)
        except _WRONG_FOR_ALL:
            raise
        except SquidMeshError as error:
            return self._refused(named, error)
        self._say(f"{named.shown}: {acted.text}")
        return {"run_id": named.shown, "ok": True, "result": acted.result}

    def _rehearse(self, run_id: UUID) -> dict[str, Any]:
        explanation = self._mesh.explain_run(run_id)
        operation, status = self._operation, explanation.status
        if operation.rehearse is not None:
            operation.rehearse(self._mesh, run_id)
        elif not _accepted(operation, explanation):
            raise InvalidTransition(status.value, operation.done, explanation.reason)
        step = next(iter(_meant(operation, explanation)), explanation.step)
        at = f" at step {step}" if step else ""
        why = f": {explanation.reason}{at}" if explanation.reason != status.value else ""
        self._say(f"{run_id}: would be {operation.done} (it is {status.value}{why})")
        return {"run_id": str(run_id), "ok": True, "result": explanation.to_dict(), "dry_run": True}

    def _refused(self, named: Named, error: SquidMeshError) -> dict[str, Any]:
        report: dict[str, Any] = {"type": type(error).__name__, "message": str(error)}
        self._say(f"{named.shown}: " + click.style("refused: ", fg="red") + str(error), err=True)
        if isinstance(error, _WRONG_STATE) and named.run_id is not None:
            possible = next_commands(named.run_id, self._mesh.explain_run(named.run_id), self._place)
            report["possible"] = [item.to_dict() for item in possible]
            for item in possible:
                self._say(f"  possible now: {item.command}", err=True)
        return {"run_id": named.shown, "ok": False, "error": report}

    def _say(self, text: str, *, err: bool = False) -> None:
        if not self._request.as_json:
            click.echo(text, err=err)


def _accepted(operation: Operation, explanation: Explanation) -> bool:
    """Return whether a run as explained would take an operation; a decision must be about one paused step."""
    if operation.call not in explanation.next_actions:
        return False
    return operation.call not in DECISIONS or len(_meant(operation, explanation)) == 1


def _meant(operation: Operation, explanation: Explanation) -> list[str]:
    """Return the paused steps that a decision may be about."""
    return [
        step
        for step, reason in paused_steps(explanation).items()
        if operation.call in accepted(reason)
        and operation.step in {None, step}
        and (step in interrupted_steps(explanation) or not operation.retry)
    ]


def _sum_up(reports: Sequence[dict[str, Any]], request: Request) -> None:
    refused = sum(1 for report in reports if not report["ok"])
    done = "would be done" if request.dry_run else "done"
    click.echo(f"{len(reports) - refused} of {len(reports)} {done}, {refused} refused", err=True)


def _confirm(request: Request, question: str, named: Sequence[Named]) -> None:
    if request.yes:
        return
    if not _is_terminal():
        raise click.UsageError("nobody can be asked whether to go on: give --yes")
    which = named[0].shown if len(named) == 1 else f"these {len(named)} runs"
    click.confirm(f"{question} {which}?", abort=True, err=True)


def _is_terminal() -> bool:
    return sys.stdin.isatty()
