"""Output for a person: colours on terminals only, columns that line up, no line cut or folded in a pipe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

GAP = "  "


def make_console(*, stderr: bool = False) -> Console:
    """Return the console of standard output or error; rich heeds NO_COLOR."""
    return Console(highlight=False, soft_wrap=True, stderr=stderr)


def print_rows(console: Console, rows: Sequence[Sequence[str | Text]], *, styles: Sequence[str] = ()) -> None:
    """Print rows in columns as wide as their widest cell, without trailing blanks; ``styles`` are of columns."""
    cells = [[cell if isinstance(cell, Text) else Text(cell) for cell in row] for row in rows]
    widths = [max(len(row[index]) for row in cells) for index in range(len(cells[0]))] if cells else []
    for row in cells:
        line = Text()
        for cell, width, style in zip(row, widths, [*styles, *[""] * len(row)], strict=False):
            padded = cell.copy()
            padded.stylize_before(style)
            line.append_text(padded).append(" " * (width - len(cell)) + GAP)
        line.rstrip()
        console.print(line)
