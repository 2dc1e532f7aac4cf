"""Views on a terminal that change while somebody looks: a run's steps, and what a trial is doing."""

from __future__ import annotations

import time
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from squidmesh.cli.moments import lasted
from squidmesh.cli.show import MARKS, REASONS, STYLES, error_text
from squidmesh.model.state import StepRunKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType
    from typing import Self

    from rich.console import Console, RenderableType

    from squidmesh.cli.following import Look
    from squidmesh.model.run import StepRun, StepState

_FRAME = 5  # lines beside the steps
_REFRESH = 8


def render_run(look: Look, height: int) -> Group:
    """Return a run with its steps, those around where it stands if there are more than fit."""
    run, explanation = look.run, look.explanation
    now = datetime.fromisoformat(explanation.evidence["observed_at"])
    took = lasted((run.finished_at or now) - (run.started_at or run.created_at))
    head = Text.assemble(
        (run.workflow, "bold"), "  ", (run.status.value, STYLES[run.status]), f"  {took}  ", (str(run.id), "dim")
    )
    rows: dict[str, StepRun] = {item.step: item for item in run.step_runs or () if item.kind is StepRunKind.STEP}
    undone = [item for item in run.step_runs or () if item.kind is StepRunKind.COMPENSATION]
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for step in _around(run.steps or (), max(height - _FRAME - len(undone), 3)):
        table.add_row(*_cells(step.step, step.status or "", rows.get(step.step), now))
    for item in undone:
        table.add_row(*_cells(f"undo {item.step}", item.status, item, now))
    if look.last:  # the explanation follows
        return Group(head, table)
    at = f" (step {explanation.step})" if explanation.step else ""
    return Group(head, table, Text(f"this run {REASONS.get(explanation.reason, explanation.reason)}{at}", style="dim"))


def _around(steps: Sequence[StepState], room: int) -> Sequence[StepState]:
    """Return the steps around the last one that the run came to."""
    if len(steps) <= room:
        return steps
    reached = max((index for index, step in enumerate(steps) if step.status and step.status != "waiting"), default=0)
    first = min(max(reached - room // 2, 0), len(steps) - room)
    return steps[first : first + room]


def _cells(name: str, status: str, row: StepRun | None, now: datetime) -> list[Text]:
    style = STYLES.get(status, "dim")
    took, notes = "", []
    if row is not None and row.started_at is not None and status != "pending":
        took = lasted((row.finished_at or now) - row.started_at)
    if row is not None and row.attempt > 1:
        notes.append(f"attempt {row.attempt}")
    if row is not None and row.last_error:
        notes.append(error_text(row.last_error))
    if row is not None and status == "pending" and row.run_at and row.run_at > now:
        notes.append(f"in {lasted(row.run_at - now)}")
    cells = [
        Text(MARKS.get(status, "·"), style=style),
        Text(name, style="" if status else "dim"),
        Text(status or "not reached", style=style),
        Text(took, style="dim"),
        Text("; ".join(notes), style="dim"),
    ]
    for cell in cells:
        cell.no_wrap, cell.overflow = True, "ellipsis"
    return cells


class Doing:
    """The line under a trial's output that says what runs just now, and for how long."""

    def __init__(self, console: Console) -> None:
        self._running: dict[str, float] = {}
        shown = console.is_terminal and console.file.isatty()
        self._live = (
            Live(get_renderable=self._render, console=console, transient=True, refresh_per_second=_REFRESH)
            if shown
            else None
        )

    def begin(self, step: str) -> None:
        """Take note that a step runs."""
        self._running[step] = time.monotonic()

    def end(self, step: str) -> None:
        """Take note that a step runs no more."""
        self._running.pop(step, None)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Leave the terminal to somebody who is asked."""
        self._hide()
        try:
            yield
        finally:
            self._show()

    def __enter__(self) -> Self:
        self._show()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hide()

    def _show(self) -> None:
        if self._live is not None:
            self._live.start()

    def _hide(self) -> None:
        if self._live is not None:
            self._live.stop()

    def _render(self) -> RenderableType:
        now = time.monotonic()
        parts = [f"{step} {now - began:.1f} s" for step, began in [*self._running.items()]]
        return Text(f"  {MARKS['running']} " + ", ".join(parts) if parts else "", style=STYLES["running"])
