"""The exchange of the database loop: a record and a claim are one transaction, though nothing frames them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from squidmesh.errors import StatementRefused
from squidmesh.model.identity import new_token
from squidmesh.runtime.dispatch import exchange
from squidmesh.runtime.recording import plan_record
from tests.integration.hand_worker import nothing, succeeded

if TYPE_CHECKING:
    from tests.integration.bench import Bench

FLOW = """
workflow: shop.two
triggers: {by_hand: {manual: {}}}
steps:
  a: {uses: t.work, next: b}
  b: {uses: t.work, next: complete}
"""


def test_a_record_stands_only_if_the_claim_beside_it_does(bench: Bench):
    """The claim fails after the record has succeeded: neither is there, and the connection can be used again."""
    mesh = bench.mesh(FLOW, {"t.work": nothing})
    run = mesh.start_run("shop.two")
    worker = bench.worker(mesh)
    task = worker.claim_one()
    completion = plan_record(task, succeeded(), mesh.engine.rules).completion
    assert completion is not None
    request = worker.lanes.request([new_token()], "w", worker.lease)
    assert request is not None
    mesh.start_run("shop.two")
    impossible = replace(request, lease=timedelta.max)  # a lease that ends after the last time that Postgres knows
    with pytest.raises(StatementRefused), mesh.database.errors():
        exchange(mesh.database, worker.connection, [completion], impossible, worker.lease)
    assert bench.statuses(run) == {"a": "running"}

    answer = exchange(mesh.database, worker.connection, [completion], request, worker.lease)
    assert task.claim.id in answer.recorded
    assert answer.claimed is not None
    assert len(answer.claimed.claims) == 1
    assert bench.statuses(run)["a"] == "completed"
