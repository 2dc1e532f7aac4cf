"""Rulings: what a person says is checked, and made plain, before anything is looked at."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest

from squidmesh.errors import ActorRequired, InvalidValue
from squidmesh.model.ruling import ManualAction, Ruling, check_ruling


def ruling(action: ManualAction = ManualAction.UNBLOCK, **said: Any) -> Ruling:
    """Check a ruling."""
    return check_ruling(Ruling(action=action, **said), max_bytes=100)


@pytest.mark.parametrize("actor", [None, "", " \t"])
def test_who_approves_or_rejects_is_named(actor: str | None) -> None:
    """Unblocking needs no name; an empty one is none."""
    for action in (ManualAction.APPROVE, ManualAction.REJECT):
        with pytest.raises(ActorRequired, match=action.value):
            ruling(action, actor=actor)
    assert ruling(actor=actor).actor is None


def test_metadata_become_plain_json() -> None:
    """What is kept is a copy that nobody can change; a name loses the blanks around it."""
    metadata = {"a": [1]}
    checked = ruling(ManualAction.APPROVE, actor=" ada ", metadata=MappingProxyType(metadata), retry=False)
    metadata["a"].append(2)
    assert (checked.actor, checked.metadata) == ("ada", {"a": [1]})


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ({"metadata": {"at": object()}}, "metadata.at"),
        ({"metadata": "text"}, "metadata"),
        ({"comment": b"bytes"}, "comment"),
        ({"actor": "a\x00"}, "actor"),
        ({"comment": "x" * 101}, ""),
    ],
)
def test_what_cannot_be_kept_is_named(said: dict[str, Any], path: str) -> None:
    """The refusal says which part, and where in it."""
    with pytest.raises(InvalidValue) as refused:
        ruling(**said)
    assert refused.value.path == path
