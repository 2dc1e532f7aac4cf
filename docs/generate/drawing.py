"""Drawing states: boxes with text, frames around them, and arrows from border to border, as SVG."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Point = tuple[float, float]
Edges = tuple[float, float, float, float]  # left, top, right, bottom

_PADDING = 10
_TITLE_HEIGHT = 19
_LINE_HEIGHT = 14.5
_LETTER = 6.3  # what a letter of a note takes at most, on average, in the fonts that are asked for
_STYLE = """\
    svg { font-family: system-ui, "Segoe UI", "Helvetica Neue", Arial, "DejaVu Sans", sans-serif; }
    .paper { fill: #ffffff; }
    .frame { fill: #5b93c5; fill-opacity: .07; stroke: #7f93ab; stroke-width: 1.2; stroke-dasharray: 6 4; }
    .state { fill: #f6f7f9; stroke: #6f7a8b; stroke-width: 1.4; }
    .end { fill: #e9ebef; stroke: #4d5869; stroke-width: 2.4; }
    text { fill: #22272f; text-anchor: middle; }
    .name { font-family: ui-monospace, "SF Mono", Menlo, "DejaVu Sans Mono", monospace; font-size: 14px;
      font-weight: 600; }
    .note { fill: #4f5967; font-size: 11.5px; }
    .line { stroke: #4d5869; stroke-width: 1.6; fill: none; }
    .tip { fill: #4d5869; }
    @media (prefers-color-scheme: dark) {
      .paper { fill: #131416; } .frame { stroke: #64748a; } .state { fill: #22262c; stroke: #8590a1; }
      .end { fill: #31363e; stroke: #a3adbb; } text { fill: #e4e7ec; } .note { fill: #b3bcc9; }
      .line { stroke: #a3adbb; } .tip { fill: #a3adbb; }
    }"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle about its ``middle``: a ``name``, and a ``note`` wrapped to its width. Nothing leaves an ``end``."""

    name: str
    middle: Point
    width: float
    note: str = ""
    end: bool = False

    @property
    def lines(self) -> list[str]:
        """The note as it is shown."""
        return textwrap.wrap(self.note, int((self.width - 2 * _PADDING) / _LETTER))

    @property
    def height(self) -> float:
        """As tall as its text."""
        return 2 * _PADDING + _TITLE_HEIGHT + _LINE_HEIGHT * len(self.lines)

    @property
    def edges(self) -> Edges:
        """Left, top, right and bottom."""
        x, y = self.middle
        return x - self.width / 2, y - self.height / 2, x + self.width / 2, y + self.height / 2

    def svg(self) -> str:
        """Return the rectangle and its text."""
        (x, _), (_, top, _, _) = self.middle, self.edges
        parts = [_rectangle("end" if self.end else "state", self.edges, 9)]
        parts.append(f'<text class="name" x="{x:g}" y="{top + _PADDING + 14:g}">{escape(self.name)}</text>')
        for number, line in enumerate(self.lines, 1):
            y = top + _PADDING + 17 + _LINE_HEIGHT * number
            parts.append(f'<text class="note" x="{x:g}" y="{y:g}">{escape(line)}</text>')
        return "\n  ".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A rectangle around several boxes: an arrow that begins at it holds for each of its ``members``."""

    members: frozenset[str]
    edges: Edges

    def svg(self) -> str:
        """Return the rectangle."""
        return _rectangle("frame", self.edges, 12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrow:
    """Moves from each of ``sources`` to ``target``, along ``points``; ``both`` ways if there is one back as well."""

    sources: tuple[str, ...]
    target: str
    points: tuple[Point, ...]
    both: bool = False

    def svg(self) -> str:
        """Return the line with its tips; the moves that it stands for can be read from it."""
        path = "M" + " L".join(f"{x:.1f} {y:.1f}" for x, y in self.points)
        start = "tip" if self.both else "dot" if len(self.sources) > 1 else None
        return (
            f'<path class="line" data-from="{" ".join(self.sources)}" data-to="{self.target}" '
            f'data-both="{str(self.both).lower()}" d="{path}" '
            + (f'marker-start="url(#{start})" ' if start else "")
            + 'marker-end="url(#tip)"/>'
        )


def clipped(points: Sequence[Point], source: Box | None, target: Box) -> tuple[Point, ...]:
    """Return a line whose ends stand on the borders of the boxes that it leaves (None: none) and enters."""
    kept = list(points)
    if source is not None:
        kept[0] = _border(source.edges, points[0], points[1])
    kept[-1] = _border(target.edges, points[-1], points[-2])
    return tuple(kept)


def _border(edges: Edges, inside: Point, outside: Point) -> Point:
    """Return where the way from a point in a rectangle to one outside of it crosses its border."""
    (x, y), (dx, dy) = inside, (outside[0] - inside[0], outside[1] - inside[1])
    left, top, right, bottom = edges
    shares = [((right if dx > 0 else left) - x) / dx] if dx else []
    shares += [((bottom if dy > 0 else top) - y) / dy] if dy else []
    return x + min(shares) * dx, y + min(shares) * dy


def _rectangle(kind: str, edges: Edges, radius: int) -> str:
    left, top, right, bottom = edges
    return (
        f'<rect class="{kind}" x="{left:g}" y="{top:g}" width="{right - left:g}" height="{bottom - top:g}" '
        f'rx="{radius}"/>'
    )


def picture(
    title: str,
    legend: str,
    size: tuple[int, int],
    frames: Iterable[Frame],
    boxes: Iterable[Box],
    arrows: Iterable[Arrow],
) -> str:
    """Return the whole picture, its legend at the foot."""
    width, height = size
    body = "\n  ".join(part.svg() for part in (*frames, *arrows, *boxes))
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-labelledby="title legend">
  <title id="title">{escape(title)}</title>
  <style>
{_STYLE}
  </style>
  <defs>
    <marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto-start-reverse">
      <path class="tip" d="M0 0 10 5 0 10z"/>
    </marker>
    <marker id="dot" viewBox="0 0 10 10" refX="5" refY="5" markerWidth="5" markerHeight="5">
      <circle class="tip" cx="5" cy="5" r="5"/>
    </marker>
  </defs>
  <rect class="paper" width="{width}" height="{height}" rx="8"/>
  {body}
  <text id="legend" class="note" x="{width / 2:g}" y="{height - 18}">{escape(legend)}</text>
</svg>
"""
