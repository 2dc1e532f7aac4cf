"""Output for a person: colours on terminals only, columns that line up, no line cut or folded in a pipe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
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


def print_table(
    console: Console,
    titles: Sequence[str],
    rows: Sequence[Sequence[str | Text]],
    *,
    styles: Sequence[str] = (),
    whole: Sequence[int] = (0,),
) -> None:
    """Print rows under dim titles; on a terminal that is too narrow, cells are cut, but for those ``whole`` columns.

    In a pipe nothing is cut. A column that is empty in every row is left out.
    """
    filled = [index for index in range(len(titles)) if any(len(row[index]) for row in rows)]
    if not console.is_terminal:
        dim = [Text(title, style="dim") for title in titles]
        shown = [[row[index] for index in filled] for row in (dim, *rows)]
        print_rows(console, shown, styles=[styles[index] if index < len(styles) else "" for index in filled])
        return
    table = Table(box=None, pad_edge=False, padding=(0, len(GAP), 0, 0), header_style="dim")
    for index in filled:
        style = styles[index] if index < len(styles) else ""
        table.add_column(Text(titles[index], no_wrap=True), style=style, no_wrap=index in whole)
    for row in rows:
        table.add_row(*(_in_one_line(row[index]) for index in filled))
    console.print(table, soft_wrap=False)


def _in_one_line(cell: str | Text) -> Text:
    text = cell.copy() if isinstance(cell, Text) else Text(cell)
    text.no_wrap, text.overflow = True, "ellipsis"
    return text
