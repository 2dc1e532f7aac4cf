"""The page of the states, from the tables in ``squidmesh/model/state.py``."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING

from squidmesh.model.state import RUN_TRANSITIONS, STEP_TRANSITIONS, Phase, RunStatus, StepStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from enum import StrEnum

PAGE = "reference/states.md"
_COMMENTED = re.compile(r'^\s+[A-Z]+ = "([a-z]+)"(?:\s+# (.+))?$', re.MULTILINE)

_TEXT = """\
# States

What a row is doing stands in its status, and these are all the moves that there are. The database's CHECK
constraints tie each status to its times, its claim and its counters, and every move is one guarded statement.

## A run

{run_diagram}

{run_table}

What a run shows follows from three counters on its row: the steps that are due, running or timed (`active`), those
that wait for another attempt (`retrying`) and those that wait for a person (`paused`). As long as one is active it is
`running`, else `retrying`, else `paused`; all of them zero, it ends. A terminal status never changes.

Beside its status a run has a phase, which says where it is heading:

{phase_table}

## A step run

{step_diagram}

{step_table}

A step that is handed over to the worker that ended the one before it begins as `running`; one that is tried again is
`pending` once more, with a later due time. Nothing of a finished run stays unfinished.
"""


def render() -> str:
    """Return the page."""
    return _TEXT.format(
        run_diagram=_diagram(RUN_TRANSITIONS, RunStatus.PENDING),
        run_table=_table(RunStatus),
        phase_table=_table(Phase),
        step_diagram=_diagram(STEP_TRANSITIONS, StepStatus.WAITING, StepStatus.PENDING, StepStatus.RUNNING),
        step_table=_table(StepStatus),
    )


def _diagram(transitions: Mapping[StrEnum, Iterable[StrEnum]], *first: StrEnum) -> str:
    lines = [f"    [*] --> {status.value}" for status in first]
    for status in transitions:
        reached = set(transitions[status])
        lines += [f"    {status.value} --> {to.value}" for to in transitions if to in reached]
        if not reached:
            lines.append(f"    {status.value} --> [*]")
    return "\n".join(["```mermaid", "stateDiagram-v2", *lines, "```"])


def _table(kind: type[StrEnum]) -> str:
    """Return the states with who moves a row out of each, as the comments of the enum say."""
    rows = [f"| `{value}` | {comment or 'nobody: the end'} |" for value, comment in _COMMENTED.findall(_source(kind))]
    return "\n".join(["| state | what moves a row out of it |", "|---|---|", *rows])


def _source(kind: type[StrEnum]) -> str:
    return inspect.getsource(kind)
