"""A run as it goes on, one line for each change: where there is no live view."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from squidmesh.cli.following import Changes
from squidmesh.cli.show import STYLES, error_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from squidmesh.cli.following import Change, Look


def print_changes(console: Console, looks: Iterable[Look]) -> Look:
    """Print what changed from look to look, and return the last one."""
    changes = Changes()
    for look in looks:
        width = max((len(step.step) for step in look.run.steps or ()), default=0)
        for change in changes.of(look):
            console.print(_line(change, width))
        console.file.flush()
    return look


def _line(change: Change, width: int) -> Text:
    moment = change.at.astimezone().strftime("%H:%M:%S") if change.at else " " * 8
    who = "run" if change.kind is None else change.step or ""
    if change.kind not in {None, "step"}:
        who = f"{who} ({change.kind})"
    notes = [f"attempt {change.attempt}"] if change.attempt and change.attempt > 1 else []
    if change.reason and change.reason != change.status:
        notes.append(change.reason + (f" ({change.step})" if change.step else ""))
    if change.error:
        notes.append(error_text(change.error))
    line = Text(f"{moment}  {who:<{width}}  ").append(f"{change.status:<9}", style=STYLES.get(change.status, ""))
    line.append("  " + ": ".join(notes) if notes else "")
    line.rstrip()
    return line
