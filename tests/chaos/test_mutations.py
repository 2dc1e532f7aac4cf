"""The suite can fail: robbed of a guard, the engine breaks its promise, and the checker sees it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.chaos.performance import perform
from tests.chaos.scale import SCALES
from tests.chaos.scenarios import SCENARIOS
from tests.chaos.stock_huey import tasks_lost
from tests.invariants.checker import check

if TYPE_CHECKING:
    from tests.chaos.arena import Arena
    from tests.chaos.cluster import Cluster

NAMED = {scenario.name: scenario for scenario in SCENARIOS}


def test_a_record_without_the_token_is_missed(cluster: Cluster) -> None:
    """If a record takes a step whoever holds it, what a thawed worker left is accepted, and the suite goes red."""
    scenario = NAMED["zombie"]
    robbed = replace(scenario, settings={**scenario.settings, "CHAOS_MUTATION": "token"})
    outcome = perform(robbed, cluster, SCALES["ci"], 1)
    assert outcome.problem is not None
    assert "I6" in outcome.broken, outcome.problem


@pytest.mark.parametrize(("mutation", "broken"), [("claim-lock", {"I4", "I6", "I7"}), ("run-lock", {"I9"})])
def test_a_lock_that_is_taken_away_is_missed(mutation: str, broken: set[str], cluster: Cluster) -> None:
    """Without the lock of a claimed row, or of a recorded run, workers that share a load turn the suite red."""

    def story(arena: Arena) -> None:
        arena.fleet.start_ready(3)
        arena.until(lambda: seen(arena), "the checker sees it")

    def seen(arena: Arena) -> set[str]:
        if arena.acknowledged - arena.ended() < 40:
            arena.start_mixed(20)
        return check(arena.url, settled=False, max_losses=arena.max_losses).broken & broken

    robbed = replace(NAMED["calm"], story=story, settings={**NAMED["calm"].settings, "CHAOS_MUTATION": mutation})
    outcome = perform(robbed, cluster, SCALES["ci"], 1)
    assert outcome.broken & broken, outcome.problem


def test_the_unique_index_of_idempotency_keys_is_missed(cluster: Cluster) -> None:
    """Without it a start that is repeated after an ambiguous commit makes a second run, and the suite goes red."""
    scenario = NAMED["ambiguous-start"]

    def story(arena: Arena) -> None:
        with psycopg.connect(arena.url, autocommit=True) as connection:
            connection.execute("DROP INDEX squidmesh.runs_idempotency")
        scenario.story(arena)

    assert perform(replace(scenario, story=story), cluster, SCALES["ci"], 1).problem is not None


def test_stock_huey_loses_tasks(cluster: Cluster) -> None:
    """Huey's own storage deletes a task before it runs it: dozens of 2,000 are lost under 20 kills; ours loses none."""
    with cluster.database() as url:
        assert tasks_lost(url, tasks=2000, kills=20, seed=1) >= 24
