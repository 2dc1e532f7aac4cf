"""The pictures of the states: places are given by hand, moves come from the tables in ``squidmesh/model/state.py``.

Where every state of a frame may move to the same one outside of all frames, one arrow leaves the frame. A state
without a place, and a way for a move that there is not, are errors: a picture shows a table, all of it and no more.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from drawing import Arrow, Box, Frame, Point, clipped, picture
from state_comments import who_moves

from squidmesh.model.state import RUN_TRANSITIONS, STEP_TRANSITIONS, RunStatus, StepStatus

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from enum import StrEnum

_END_WIDTH = 112
_LEGEND = (
    "The small text says what moves a row out of a state. An arrow that begins at a frame holds for each state in it."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where everything stands: ``places`` are the middles of the states, ``frames`` hold some, the outer one first.

    ``ways`` are the points that an arrow passes between two states, if it is not straight.
    """

    title: str
    size: tuple[int, int]
    width: int
    places: Mapping[str, Point]
    frames: tuple[Frame, ...]
    ways: Mapping[tuple[str, str], tuple[Point, ...]] = field(default_factory=dict)


RUN = Layout(
    title="The states of a run",
    size=(740, 540),
    width=164,
    places={
        "pending": (116, 105),
        "running": (350, 105),
        "retrying": (612, 105),
        "paused": (481, 268),
        "cancelling": (106, 445),
        "cancelled": (316, 445),
        "failed": (486, 445),
        "completed": (642, 445),
    },
    frames=(
        Frame(members=frozenset({"pending", "running", "retrying", "paused"}), edges=(16, 30, 724, 344)),
        Frame(members=frozenset({"running", "retrying", "paused"}), edges=(248, 50, 712, 324)),
    ),
    ways={("pending", "paused"): ((116, 268),)},
)
STEP = Layout(
    title="The states of a step run",
    size=(740, 530),
    width=176,
    places={
        "waiting": (124, 110),
        "pending": (124, 288),
        "running": (440, 110),
        "paused": (440, 288),
        "cancelled": (170, 446),
        "failed": (374, 446),
        "completed": (506, 446),
        "skipped": (642, 446),
    },
    frames=(
        Frame(members=frozenset({"waiting", "pending", "running", "paused"}), edges=(16, 30, 724, 362)),
        Frame(members=frozenset({"running", "paused"}), edges=(330, 50, 550, 342)),
    ),
    ways={("running", "skipped"): ((642, 110),)},
)


def drawings() -> dict[str, str]:
    """Return the pictures by their places below ``docs/``."""
    return {
        "pictures/run-states.svg": draw(RUN, RunStatus, RUN_TRANSITIONS),
        "pictures/step-states.svg": draw(STEP, StepStatus, STEP_TRANSITIONS),
    }


def draw(layout: Layout, kind: type[StrEnum], transitions: Mapping[StrEnum, Collection[StrEnum]]) -> str:
    """Return the picture of a table of moves; ``ValueError`` if the layout is not that of the table."""
    moves = {(str(source), str(target)) for source, targets in transitions.items() for target in targets}
    wrong = {str(state) for state in transitions} ^ set(layout.places) | set(layout.ways) - moves
    if wrong:
        raise ValueError(f"{layout.title}: places or ways that are not those of the table: {wrong}")
    notes = who_moves(kind)
    boxes = {}
    for state, targets in transitions.items():
        width = layout.width if targets else _END_WIDTH
        note = notes[state].replace("`", "")
        boxes[str(state)] = Box(name=state, middle=layout.places[state], width=width, note=note, end=not targets)
    arrows = [*_leaving_frames(layout, boxes, moves), *_between_states(layout, boxes, moves)]
    return picture(layout.title, _LEGEND, layout.size, layout.frames, boxes.values(), arrows)


def _leaving_frames(layout: Layout, boxes: Mapping[str, Box], moves: set[tuple[str, str]]) -> Iterator[Arrow]:
    """Yield an arrow straight down for what all states of a frame may do, and take those moves out of ``moves``."""
    framed = {state for frame in layout.frames for state in frame.members}
    for frame in layout.frames:
        for target in sorted(boxes.keys() - framed):
            bundle = {(source, target) for source in frame.members}
            if bundle <= moves:
                moves -= bundle
                x, y = boxes[target].middle
                points = clipped(((x, frame.edges[3]), (x, y)), None, boxes[target])
                yield Arrow(sources=tuple(sorted(frame.members)), target=target, points=points)


def _between_states(layout: Layout, boxes: Mapping[str, Box], moves: set[tuple[str, str]]) -> Iterator[Arrow]:
    for source, target in sorted(moves):
        both = (target, source) in moves
        if both and target < source:
            continue  # drawn with its counterpart
        way = layout.ways.get((source, target), ())
        line = (boxes[source].middle, *way, boxes[target].middle)
        points = clipped(line, boxes[source], boxes[target])
        yield Arrow(sources=(source,), target=target, points=points, both=both)
