"""The page of the states, from the tables in ``squidmesh/model/state.py``; ``state_pictures.py`` draws them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markdown import table
from state_comments import who_moves

from squidmesh.model.state import RUN_TRANSITIONS, STEP_TRANSITIONS, Phase, RunStatus, StepStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from enum import StrEnum

PAGE = "reference/states.md"

_TEXT = """\
# States

What a row is doing stands in its status, and these are all the moves that there are. The database's CHECK
constraints tie each status to its times, its claim and its counters, and every move is one guarded statement.

## A run

A run begins as `pending`, and moves so:

![The states of a run, and the moves between them](../pictures/run-states.svg)

The same as a table:

{run_moves}

{run_table}

What a run shows follows from three counters on its row: the steps that are due, running or timed (`active`), those
that wait for another attempt (`retrying`) and those that wait for a person (`paused`). As long as one is active it is
`running`, else `retrying`, else `paused`; all of them zero, it ends. A terminal status never changes.

Beside its status a run has a phase, which says where it is heading:

{phase_table}

## A step run

A step run begins as `waiting` where it has open dependencies, else as `pending`, or as `running` when it is handed over
to the worker that ended the one before. It moves so:

![The states of a step run, and the moves between them](../pictures/step-states.svg)

The same as a table:

{step_moves}

{step_table}

A step that is tried again is `pending` once more, with a later due time. Nothing of a finished run stays unfinished.
"""


def render() -> str:
    """Return the page."""
    return _TEXT.format(
        run_moves=_moves(RUN_TRANSITIONS),
        run_table=_table(RunStatus),
        phase_table=_table(Phase),
        step_moves=_moves(STEP_TRANSITIONS),
        step_table=_table(StepStatus),
    )


def _moves(transitions: Mapping[StrEnum, Iterable[StrEnum]]) -> str:
    """Return which state a row may move to from which; those that are only left, or only reached, say so."""
    reached = [to for to in transitions if any(to in targets for targets in transitions.values())]
    rows = [
        (f"`{status}`", *("●" if to in transitions[status] else "" for to in reached))
        for status in transitions
        if transitions[status]
    ]
    return table(("from \\ to", *(f"`{to}`" for to in reached)), rows)


def _table(kind: type[StrEnum]) -> str:
    """Return the states with who moves a row out of each, as the comments of the enum say."""
    rows = [f"| `{value}` | {comment or 'nobody: the end'} |" for value, comment in who_moves(kind).items()]
    return "\n".join(["| state | what moves a row out of it |", "|---|---|", *rows])
