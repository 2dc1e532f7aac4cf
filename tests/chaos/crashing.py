"""One life with one crash: a worker and a host, killed at one commit, and others that take over."""

from __future__ import annotations

import multiprocessing
import threading
import time
from typing import TYPE_CHECKING, Any

from tests.chaos.commit_proxy import CommitProxy, Commits, Stop
from tests.chaos.crash_programs import WORKFLOWS, host, work
from tests.integration.bench import connect, emptied
from tests.invariants import ledger

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# Imported once; each process is a fork of one that has done so, and starts in a moment.
processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["tests.chaos.crash_programs"])
PATIENCE = 60.0
_LEASES = 2 * 3600
_TICK = 3
# Moved while statements run, it must be one time for the whole of each: what a statement reads from a row is.
_CLOCK = """
DROP TABLE IF EXISTS ledger.clock;
CREATE TABLE ledger.clock AS SELECT interval '0' AS ahead;
CREATE OR REPLACE FUNCTION squidmesh.now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
    AS 'SELECT statement_timestamp() + (SELECT ahead FROM ledger.clock)'
"""


class Life:
    """The database of one life after the other; ``live`` gives how it ended."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        self.connection = connect(url)
        self._ahead = 0

    def live(self, stop: Stop | None, *, worker: Callable[[str, str, str], None] = work) -> Commits:
        """Let both runs live, with a crash at ``stop`` (None: without); return the commits that there were."""
        self._clear()
        commits = Commits(stop=stop)
        running = [self._start(program, commits) for program in (worker, host)]
        until = time.monotonic() + PATIENCE
        try:
            while not self._over():
                assert time.monotonic() < until, f"no end with {stop}: {self.statuses()}"
                time.sleep(0.1)
                self._tick(commits)
        finally:
            for end in running:
                end()
        return commits

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()

    def statuses(self) -> dict[tuple[str, str, int], str]:
        """Return how every run and step run ended, by workflow, step and kind."""
        found = self.connection.execute(
            "SELECT r.workflow, s.step, s.kind, s.status, r.status AS run FROM squidmesh.step_runs s "
            "JOIN squidmesh.runs r ON r.id = s.run_id"
        ).fetchall()
        steps = {(row["workflow"], row["step"], row["kind"]): row["status"] for row in found}
        return steps | {(row["workflow"], "", -1): row["run"] for row in found}

    def _clear(self) -> None:
        emptied(self.url)
        ledger.emptied(self.connection)
        self.connection.execute(_CLOCK)
        self._ahead = 0

    def _start(self, program: Callable[..., None], commits: Commits) -> Callable[[], None]:
        """Start a process behind a proxy, and again once the proxy has ended it; return what stops both."""
        proxy = CommitProxy(self.url, commits)
        current: list[Any] = []

        def begin() -> None:
            process = processes.Process(target=program, args=(proxy.url, str(self.folder), self.url), daemon=True)
            process.start()
            current.append(process)

        def kill() -> None:
            current[-1].kill()
            current[-1].join()
            threading.Thread(target=begin).start()

        def end() -> None:
            for process in current:
                process.kill()
                process.join()
            proxy.close()

        proxy.kill = kill
        begin()
        return end

    def _tick(self, commits: Commits) -> None:
        """Let the clock run: past every lease right after the crash, else as waits and retries need it."""
        self._ahead += _TICK
        if commits.reached and self._ahead < _LEASES:
            self._ahead += _LEASES
        self.connection.execute("UPDATE ledger.clock SET ahead = %s * interval '1 s'", [self._ahead])

    def _over(self) -> bool:
        """Return whether both runs have ended, and the crash, if one was to be, has been."""
        (row,) = self.connection.execute("SELECT count(finished_at) AS ended FROM squidmesh.runs").fetchall()
        return bool(row["ended"] == len(WORKFLOWS))
