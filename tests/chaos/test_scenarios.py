"""Every fault, at the size for every change; ``python -m tests.chaos`` runs them side by side and prints a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chaos.bouncer import program
from tests.chaos.cluster import Cluster
from tests.chaos.performance import perform
from tests.chaos.scale import SCALES
from tests.chaos.scenarios import SCENARIOS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.chaos.performance import Scenario

SEED = 20261


@pytest.fixture
def server(request: pytest.FixtureRequest, scenario: Scenario) -> Iterator[Cluster]:
    """The session's cluster, or one for a scenario that restarts it."""
    if not scenario.alone:
        yield request.getfixturevalue("cluster")
        return
    with Cluster() as own:
        yield own


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_the_promise_stands(scenario: Scenario, server: Cluster) -> None:
    """Under this fault every acknowledged run ends, nothing is recorded twice, and every invariant holds."""
    if scenario.needs is not None and program() is None:
        pytest.skip(f"{scenario.needs} is not installed")
    outcome = perform(scenario, server, SCALES["ci"], SEED)
    assert outcome.problem is None, outcome.problem
    assert (outcome.lost, outcome.double) == (0, 0)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_scenario_says_what_it_promises(scenario: Scenario) -> None:
    """Whoever sees a name in the table finds a sentence for it."""
    assert scenario.promise.endswith(".")
    assert scenario.promise.count(" ") > 5
