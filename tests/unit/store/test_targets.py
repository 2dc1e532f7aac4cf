"""A URL of any driver, as one for psycopg 3."""

from __future__ import annotations

import pytest

from squidmesh.errors import ConfigurationError
from squidmesh.store.targets import normalise_url


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("postgres://ada@db/shop", "postgresql+psycopg://ada@db/shop"),
        ("postgresql+asyncpg://ada@db/shop?ssl=require", "postgresql+psycopg://ada@db/shop?sslmode=require"),
        ("postgresql+asyncpg://db/shop?ssl=true", "postgresql+psycopg://db/shop?sslmode=require"),
        (
            "postgresql+asyncpg://db/shop?prepared_statement_cache_size=0&target_session_attrs=any",
            "postgresql+psycopg://db/shop?target_session_attrs=any",
        ),
        ("postgresql://db/shop?sslmode=verify-full", "postgresql+psycopg://db/shop?sslmode=verify-full"),
    ],
)
def test_a_url_means_the_same_connection(given: str, taken: str) -> None:
    """A host's URL is taken as it is, also one for asyncpg, whose options have names of their own."""
    assert normalise_url(given).render_as_string(hide_password=False) == taken


def test_an_option_of_another_driver_is_named() -> None:
    """Elsewhere ``ssl`` is no option, and a misspelt one would only fail when somebody connects."""
    with pytest.raises(ConfigurationError, match='invalid connection option "ssl"'):
        normalise_url("postgresql://db/shop?ssl=require")
