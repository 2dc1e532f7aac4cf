"""The trials of ``python -m tests.acceptance.hosts``, in their short forms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import make_url

from tests.acceptance.hosts import trials
from tests.acceptance.hosts.launch import Shop, shop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def fastapi(database_url: str, tmp_path: Path) -> Iterator[Shop]:
    """The example host."""
    url = make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
    with shop("fastapi", url, tmp_path, lease="3s") as opened:
        yield opened


def test_smoke(fastapi: Shop) -> None:
    """An order comes through, end to end."""
    trials.smoke(fastapi)


def test_resilience(fastapi: Shop) -> None:
    """Nothing is lost and nothing happens twice when the worker is killed, and when it is asked to stop."""
    trials.resilience(fastapi)


def test_soak(fastapi: Shop) -> None:
    """Success, retry, replay and cancel, mixed: each run ends, and each effect happened once."""
    trials.soak(fastapi, seconds=4)
