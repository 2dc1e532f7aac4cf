"""Which runs a command is about: ids given as arguments or on standard input, shortened or not."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from squidmesh.cli.progress import tracked
from squidmesh.errors import AmbiguousRunId, InvalidRunId, RunNotFound

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from uuid import UUID

    from squidmesh.mesh import SquidMesh

FROM_STDIN = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What was written for a run, and the run that it names; or why it names none."""

    written: str
    run_id: UUID | None = None
    problem: AmbiguousRunId | RunNotFound | None = None

    @property
    def shown(self) -> str:
        """The id, in full where it is known."""
        return str(self.run_id or self.written)


def read_words(given: Sequence[str]) -> list[str]:
    """Return the ids of the arguments, each once; ``-`` stands for those on standard input, however separated."""
    words = [word for item in given for word in (sys.stdin.read().split() if item == FROM_STDIN else [item])]
    if not words:
        raise click.UsageError("standard input holds no run id")
    return list(dict.fromkeys(words))


def identify(mesh: SquidMesh, words: Sequence[str]) -> list[Named]:
    """Return the run that each word names, each run once; a word that can begin no id is a wrong call."""
    return list(_identify(mesh, words))


def _identify(mesh: SquidMesh, words: Sequence[str]) -> Iterator[Named]:
    seen = set()
    for word in tracked(words, "finding runs"):
        try:
            run_id = mesh.find_run_id(word)
        except InvalidRunId as error:
            raise click.BadParameter(str(error), param_hint="RUN_ID") from None
        except (AmbiguousRunId, RunNotFound) as problem:
            yield Named(written=word, problem=problem)
            continue
        if run_id not in seen:
            seen.add(run_id)
            yield Named(written=word, run_id=run_id)
