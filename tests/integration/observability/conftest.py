"""What the tests of logs, metrics and spans share: a mesh whose steps succeed, fail, wait and log."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from squidmesh import RetryStep, SquidMesh, StepContext, StepFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

WORKFLOWS = """
workflow: shop.pay
triggers: {by_hand: {manual: {}}}
steps:
  charge: {uses: t.charge, retry: {max_attempts: 3, backoff: {type: constant, min: 1ms}}, next: tell}
  tell: {uses: t.tell, queue: mail, next: complete}
---
workflow: shop.fail
triggers: {by_hand: {manual: {}}}
steps:
  reserve: {uses: t.tell, compensate: t.tell, next: refuse}
  refuse: {uses: t.refuse, next: complete}
---
workflow: shop.ask
triggers: {by_hand: {manual: {}}}
steps:
  review: {approval: {}, next: {ok: complete, error: complete}}
---
workflow: shop.later
triggers: {by_hand: {manual: {}}}
steps:
  other: {uses: t.tell, queue: nobody, next: complete}
"""
OTHER = logging.getLogger("shop.library")


def charge(ctx: StepContext) -> dict[str, int]:
    """Fail once, then succeed; log by the context's logger."""
    ctx.logger.info("charging", extra={"amount": 5})
    if ctx.attempt == 1:
        raise RetryStep("the bank is busy")
    return {"paid": 5}


async def tell() -> None:
    """Log, in a coroutine, by a logger that knows nothing of us."""
    OTHER.warning("telling")


def refuse() -> None:
    """Fail for good."""
    raise StepFailed("no stock", code="no_stock")


@pytest.fixture
def make(database_url: str, tmp_path: Path) -> Iterator[Callable[..., SquidMesh]]:
    """Make meshes on one database, closed afterwards."""
    for number, text in enumerate(WORKFLOWS.split("---\n")):
        (tmp_path / f"{number}.yaml").write_text(text)
    steps = {"t.charge": charge, "t.tell": tell, "t.refuse": refuse}
    made: list[SquidMesh] = []

    def make(**settings: Any) -> SquidMesh:
        made.append(SquidMesh(database_url, tmp_path, steps, folder=tmp_path, **settings))
        return made[-1]

    yield make
    for mesh in made:
        mesh.close()


@pytest.fixture
def mesh(make: Callable[..., SquidMesh]) -> SquidMesh:
    """A mesh."""
    return make()


@pytest.fixture
def work() -> Callable[[SquidMesh], None]:
    """Work until nothing is due."""

    def work(mesh: SquidMesh) -> None:
        with mesh.worker(queues=("default", "mail")) as worker:
            assert worker.wait_until_nothing_due(30)

    return work
