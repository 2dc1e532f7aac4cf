"""Run the benchmark: ``python -m tests.benchmarks [--only NAME] [--rounds N] [--json FILE] …``."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from tests.benchmarks.arena import Arena
from tests.benchmarks.chart import draw
from tests.benchmarks.measures import MEASURES
from tests.benchmarks.page import put_into
from tests.benchmarks.results import Results

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.benchmarks.measure import Contestant, Measure

_SERVER = "postgresql://postgres@127.0.0.1:5432/postgres"
_CALM = 0.3  # seconds between two contestants, for the server to write what the former left


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    names = ", ".join(measure.name for measure in MEASURES)
    parser.add_argument("--only", action="append", metavar="NAME", help=f"measure this alone (again for more): {names}")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="how often (default: 5)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the figures, from the first on")
    parser.add_argument("--from", type=Path, metavar="FILE", dest="given", help="measure nothing, show kept figures")
    parser.add_argument("--chart", type=Path, metavar="FILE", help="draw a PNG")
    parser.add_argument("--page", type=Path, metavar="FILE", help="put the table between the marks of a page")
    parser.add_argument("--database", metavar="URL", default=os.environ.get("SQUIDMESH_TEST_DATABASE", _SERVER))
    parser.add_argument("--tiny", action="store_true", help="do a thousandth, to see that the benchmark works")
    given = parser.parse_args()
    unknown = set(given.only or ()) - {measure.name for measure in MEASURES}
    if unknown:
        parser.error(f"there is no measure {', '.join(sorted(unknown))}; there are: {names}")
    return given


def turns(measures: Sequence[Measure], rounds: int) -> Iterator[tuple[str, str, Contestant]]:
    """Yield (measure, contestant, what to call): all contestants of all measures in turn, round after round."""
    for number in range(rounds):
        for measure in measures:
            if number and measure.once:
                continue
            for contestant, call in measure.contestants.items():
                yield measure.name, contestant, call


def run(measures: Sequence[Measure], rounds: int, arena: Arena, console: Console, kept: Path | None) -> Results:
    """Measure, with a bar that tells how far it is."""
    results = Results(postgres=arena.version)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    work = list(turns(measures, rounds))
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=len(work))
        for name, contestant, call in work:
            progress.update(task, description=f"{name}: {contestant}")
            results.add(contestant, call(arena))
            if kept is not None:  # what was measured stays, should the rest fail
                results.save(kept)
            progress.advance(task)
            time.sleep(_CALM)
    return results


def main() -> None:
    """Measure what is asked for, and show it."""
    given = arguments()
    console = Console(width=None if os.isatty(1) else 200)
    measures = [measure for measure in MEASURES if not given.only or measure.name in given.only]
    if given.given is not None:
        results = Results.load(given.given)
    else:
        arena = Arena(given.database, tiny=given.tiny)
        try:
            results = run(measures, given.rounds, arena, console, given.json)
        finally:
            arena.close()
    console.print(results.table(measures))
    if given.chart:
        draw(results, given.chart)
    if given.page:
        put_into(given.page, results.markdown(measures))


if __name__ == "__main__":
    main()
