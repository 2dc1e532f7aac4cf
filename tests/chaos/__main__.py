"""``python -m tests.chaos``: every scenario once, and a table of what became of them."""

from __future__ import annotations

import argparse
import logging
import platform
import random
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from tests.chaos.cluster import Cluster
from tests.chaos.outcome import table
from tests.chaos.performance import perform
from tests.chaos.scale import SCALES
from tests.chaos.scenarios import SCENARIOS

if TYPE_CHECKING:
    from tests.chaos.outcome import Outcome
    from tests.chaos.performance import Scenario
    from tests.chaos.scale import Scale


class Suite:
    """Scenarios that share a server, those that need one of their own, and a voice."""

    def __init__(self, scale: Scale, seed: int) -> None:
        self._scale = scale
        self._seed = seed
        self._stack = ExitStack()
        self._shared: Cluster | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def perform(self, scenario: Scenario) -> Outcome:
        """Perform a scenario, and say at once what became of it."""
        if scenario.alone:
            with Cluster() as own:
                outcome = perform(scenario, own, self._scale, self._seed)
        else:
            outcome = perform(scenario, self._cluster(), self._scale, self._seed)
        print(" ".join(outcome.cells), file=sys.stderr, flush=True)  # noqa: T201 - it is a command
        if outcome.problem:
            print(outcome.problem, file=sys.stderr, flush=True)  # noqa: T201 - it is a command
        return outcome

    def _cluster(self) -> Cluster:
        with self._lock:
            if self._shared is None:
                self._shared = self._stack.enter_context(Cluster())
            return self._shared


def main() -> int:
    """Run what the command line asks for; return 1 if anything failed."""
    names = [scenario.name for scenario in SCENARIOS]
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--scale", choices=SCALES, default="ci")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10_000))
    parser.add_argument("--only", choices=names, action="append", help="a scenario (repeatable; default: all)")
    parser.add_argument("--jobs", type=int, default=3, help="scenarios at once (default: 3; most of them wait)")
    chosen = parser.parse_args()
    logging.getLogger("squidmesh").addHandler(logging.NullHandler())  # the host of a scenario has much to warn of
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # servers and workers end with the suite
    wanted = [scenario for scenario in SCENARIOS if not chosen.only or scenario.name in chosen.only]
    with Suite(SCALES[chosen.scale], chosen.seed) as suite, ThreadPoolExecutor(chosen.jobs) as pool:
        outcomes = list(pool.map(suite.perform, wanted))
    print(f"scale {chosen.scale}, seed {chosen.seed}, Python {platform.python_version()}\n")  # noqa: T201 - a command
    print(table(outcomes))  # noqa: T201 - it is a command
    return any(outcome.problem for outcome in outcomes)


if __name__ == "__main__":
    sys.exit(main())
