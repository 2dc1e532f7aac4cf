"""Steps in the transaction of their record, in Postgres, with faults that are real: connections end, commits stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from uuid import UUID, uuid4

from sqlalchemy import text

from squidmesh.errors import DatabaseUnavailable
from squidmesh.runtime.recording import plan_record, prepare_successor
from squidmesh.runtime.transactions import Committed, execute_in_transaction
from squidmesh.steps.context import ClaimSignals
from squidmesh.store.transactions import StepTransaction
from tests.simulation.transacting import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from squidmesh import StepContext
    from squidmesh.model.outcome import Outcome
    from squidmesh.runtime.preparation import Prepared
    from tests.integration.bench import Bench
    from tests.integration.hand_worker import HandWorker
    from tests.simulation.scripted import Script

_BOOK = "INSERT INTO ledger.bookings (run_id, step, execution) VALUES (:run, :step, :execution)"
_END = "SELECT pg_terminate_backend(%s, 20000)"


class _ProcessDiesError(BaseException):
    """What no step and no engine catches."""


@dataclass(frozen=True)
class TransactionEnd:
    """What became of one: an outcome that is still to be recorded, or a record, refused or not, and what follows."""

    outcome: Outcome | None = None
    refused: bool = False
    successor: Prepared | None = None


class Transactions:
    """Executes steps in transactions of their own, as a worker's thread does."""

    def __init__(self, bench: Bench, worker: HandWorker, script: Script) -> None:
        self._bench = bench
        self._worker = worker
        self._script = script
        self._backend: int | None = None
        self._during: Callable[[], object] = lambda: None
        script.book = self._book

    def _book(self, ctx: StepContext) -> None:
        assert ctx.connection is not None
        values = {"run": UUID(ctx.run_id), "step": ctx.step, "execution": uuid4()}
        ctx.connection.execute(text(_BOOK), values)
        self._backend = ctx.connection.connection.driver_connection.info.backend_pid  # type: ignore[union-attr]
        ending = self._script.ending
        self._during()
        self._script.ending = ending

    def transact(
        self, task: Prepared, fault: Fault, during: Callable[[], object], *, cut: bool, chain: bool
    ) -> TransactionEnd:
        """Execute a step and record its success in its transaction."""
        engine = self._worker.engine
        served = self._worker.lanes.numbers if chain else ()
        self._backend, self._during = None, during

        def end() -> bool:
            if fault is Fault.DIES_BEFORE:
                raise _ProcessDiesError
            if fault is Fault.BREAKS_BEFORE and self._backend is not None:
                self._bench.connection.execute(_END, [self._backend])
            return not cut

        commit = _commit_without_answer if fault is Fault.BREAKS_AFTER else StepTransaction.commit
        with patch.object(StepTransaction, "commit", commit):
            try:
                ending: Any = execute_in_transaction(
                    engine,
                    task,
                    ClaimSignals(),
                    worker=self._worker.name,
                    end=end,
                    plan=lambda outcome: plan_record(task, outcome, engine.rules, served),
                )
            except _ProcessDiesError:
                return TransactionEnd()
        if not isinstance(ending, Committed):
            return TransactionEnd(outcome=ending)
        refused = ending.recorded is None and ending.settled is None
        successor = prepare_successor(ending.ended, ending.recorded) if ending.recorded is not None else None
        return TransactionEnd(refused=refused, successor=successor)


_COMMIT = StepTransaction.commit


def _commit_without_answer(transaction: StepTransaction) -> None:
    """Commit, and lose the connection before the answer comes."""
    _COMMIT(transaction)
    transaction.raw.close()
    raise DatabaseUnavailable("the answer did not come")
