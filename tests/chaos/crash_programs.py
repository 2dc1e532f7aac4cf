"""The two processes that a crash may end: a worker, and a host that starts runs and decides about them."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from squidmesh import SquidMesh
from squidmesh.errors import InvalidTransition, RunNotPaused
from squidmesh.store.transactions import StepTransaction
from tests.invariants.ledger import Ledger
from tests.invariants.steps import ledger_steps

if TYPE_CHECKING:
    from uuid import UUID

WORKFLOWS = {
    # A route, a retry, a wait, an approval, a step in the host's transaction, one that cannot be undone.
    "crash.routed": """\
workflow: crash.routed
triggers: {go: {manual: {}}}
steps:
  shaky:
    uses: ledger.flaky
    retry: {max_attempts: 2, backoff: {type: constant, min: 5s, max: 5s, jitter: false}}
    next: rest
  rest: {wait: 5s, next: ask}
  ask: {approval: {}, next: {ok: book, error: fail}}
  book: {uses: ledger.book, transaction: true, timeout: 1h, next: final}
  final: {uses: ledger.work, irreversible: true, next: broken}
  broken: {uses: ledger.fail, next: {ok: complete, error: {to: mended, recovery: compensation}}}
  mended: {uses: ledger.work, next: complete}
""",
    # A join, a failure behind it, and what had completed undone.
    "crash.joined": """\
workflow: crash.joined
triggers: {go: {manual: {}}}
on_failure: {uses: ledger.work}
steps:
  left: {uses: ledger.work, compensate: ledger.undo}
  right: {uses: ledger.work, compensate: ledger.undo}
  join: {uses: ledger.work, after: [left, right]}
  broken: {uses: ledger.fail, after: [join]}
  never: {uses: ledger.work, after: [broken]}
""",
}
# By the database's clock, which the tests move: no lease passes unless they let it.
SETTINGS = {"lease": "1h", "sweep_interval": "100ms", "poll_interval": "50ms"}


def open_mesh(url: str, folder: str, ledger: Ledger) -> SquidMesh:
    """Return the mesh of either process."""
    logging.getLogger("squidmesh").setLevel(logging.CRITICAL)
    return SquidMesh(url, folder, ledger_steps(ledger), **SETTINGS)


def work(url: str, folder: str, direct: str) -> None:
    """Be a worker, until killed; the ledger is written past the proxy."""
    with open_mesh(url, folder, Ledger(direct)) as mesh:
        mesh.worker(concurrency=1, grace=1.0).run()


def host(url: str, folder: str, direct: str) -> None:
    """Start a run of each workflow, or find it by its key; approve what waits; end when both have ended."""
    ledger = Ledger(direct)
    with open_mesh(url, folder, ledger) as mesh:
        runs = [mesh.start_run(name, idempotency_key="once").id for name in WORKFLOWS]
        ledger.acknowledge(runs)
        while not all(mesh.inspect_run(id_).status.terminal for id_ in runs):
            for id_ in runs:
                _approve(mesh, id_)
            time.sleep(0.05)
    ledger.close()


def _approve(mesh: Any, run_id: UUID) -> None:
    """Approve as an operator would: if an approval is what the run waits for, or a step was left in the middle."""
    actions = mesh.explain_run(run_id).next_actions
    try:
        if "approve_run" in actions:
            mesh.approve_run(run_id, actor="ann")
        elif "unblock_run" in actions:
            mesh.unblock_run(run_id, actor="ann")
    except (InvalidTransition, RunNotPaused):
        pass


def work_carelessly(url: str, folder: str, direct: str) -> None:
    """Be a worker that commits what a transactional step has written before it is recorded."""
    is_intact = StepTransaction.is_intact

    def commit_first(transaction: StepTransaction) -> bool:
        intact = is_intact(transaction)
        transaction.raw.commit()
        return intact

    StepTransaction.is_intact = commit_first  # type: ignore[method-assign]  # this process does nothing else
    work(url, folder, direct)
