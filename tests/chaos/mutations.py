"""What a worker of the suite can be robbed of, to see that the suite notices (``CHAOS_MUTATION`` names one)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.store import claims, records

if TYPE_CHECKING:
    from types import ModuleType

_LOCK = "FOR NO KEY UPDATE"


def _replace(module: ModuleType, name: str, part: str, by: str) -> None:
    statement = getattr(module, name)
    assert part in statement, f"{module.__name__}.{name} has no {part!r} any more: the mutation must follow"
    setattr(module, name, statement.replace(part, by))


def _without_token() -> None:
    """A record takes the step whoever holds it."""
    _replace(records, "_RECORD", "AND s.claim_token = i.token", "")


def _without_claim_lock() -> None:
    """Two claims may pick the same step."""
    _replace(claims, "_CLAIM", f"LIMIT %(wanted)s::int {_LOCK} OF s SKIP LOCKED", "LIMIT %(wanted)s::int")


def _without_run_lock() -> None:
    """Two records may be written to one run at once."""
    _replace(records, "_RECORD", f"ORDER BY id {_LOCK}", "ORDER BY id")


MUTATIONS = {"token": _without_token, "claim-lock": _without_claim_lock, "run-lock": _without_run_lock}
