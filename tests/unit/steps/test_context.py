"""What a step can see of its execution."""

from __future__ import annotations

import logging
import threading
from uuid import UUID

import pytest

from squidmesh.model.state import StepRunKind
from squidmesh.steps.context import ClaimSignals, StepContext


def test_data_are_read_when_first_asked_for_and_then_kept(make_context):
    """A step that never looks at the context costs no parsing; one that does sees one and the same dict."""
    reads = []

    def read(name):
        reads.append(name)
        return {"from": name}

    context = make_context(payload=lambda: read("payload"), context=lambda: read("context"))
    assert reads == []
    assert context.payload is context.payload
    assert context.context == {"from": "context"}
    assert context.context is context.context
    assert reads == ["payload", "context"]


def test_signals_are_seen_when_another_thread_raises_them(make_context):
    """A step polls; whoever holds the signals may raise them at any time."""
    signals = ClaimSignals()
    context = make_context(signals=signals)
    assert not context.cancelled
    assert not context.claim_lost

    def raise_both():
        signals.cancelled = True
        signals.lost = True

    thread = threading.Thread(target=raise_both)
    thread.start()
    thread.join()
    assert context.cancelled
    assert context.claim_lost


@pytest.mark.parametrize("name", ["cancelled", "claim_lost"])
def test_a_step_cannot_lower_its_signals(context: StepContext, name: str):
    """The signals belong to the worker."""
    with pytest.raises(AttributeError):
        setattr(context, name, False)


def test_the_idempotency_key_is_that_of_run_and_step(make_context):
    """Every attempt sends the same key; another step or run, another key."""
    key = make_context(attempt=1).idempotency_key
    assert UUID(key)
    assert make_context(attempt=2, trigger="other", payload=lambda: {"a": 1}).idempotency_key == key
    assert make_context(step="refund").idempotency_key != key
    assert make_context(run_id="017f22e2-79b0-7cc3-98c4-dc0c0c073990").idempotency_key != key


def test_the_idempotency_key_survives_releases(context: StepContext):
    """A retry after an upgrade must be recognised by the other system."""
    assert context.idempotency_key == "5671e7e1-3bd2-580d-87d5-ef045fe3c2b0"


def test_undoing_a_step_has_a_key_of_its_own(make_context):
    """A server must not take the refund for a repetition of the charge."""
    keys = {make_context(kind=kind).idempotency_key for kind in StepRunKind}
    assert len(keys) == len(StepRunKind)


def test_every_record_carries_the_execution(make_context, caplog):
    """Run, workflow, step and attempt are on each record, beside what the step adds itself."""
    context = make_context()
    with caplog.at_level(logging.INFO):
        context.logger.info("charged %s", "inv_1", extra={"invoice": "inv_1", "step": "forged"})
    (record,) = caplog.records
    assert record.getMessage() == "charged inv_1"
    assert record.name == "squidmesh.step"
    facts = (record.run_id, record.workflow, record.step, record.attempt, record.invoice)
    assert facts == (context.run_id, "billing.recovery", "charge", 2, "inv_1")


def test_what_was_not_given_is_none(context: StepContext):
    """Outside a transaction, a failure or a schedule there is nothing to see."""
    assert (context.connection, context.failure, context.schedule) == (None, None, None)


def test_its_representation_shows_no_data(make_context):
    """A context ends up in logs and tracebacks; payloads may be sensitive."""
    context = make_context(payload=lambda: {"token": "hunter2"})
    assert context.payload
    assert repr(context) == f"<StepContext billing.recovery/charge of run {context.run_id}, attempt 2>"
