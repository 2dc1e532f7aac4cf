"""What a person decides about a paused step, checked before anything is looked at."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from squidmesh.errors import ActorRequired, InvalidValue
from squidmesh.model.gate import PauseReason
from squidmesh.model.values import check_texts, encode


class ManualAction(StrEnum):
    """The façade's calls that decide about a paused step."""

    APPROVE = "approve_run"
    REJECT = "reject_run"
    UNBLOCK = "unblock_run"


ACCEPTED: dict[PauseReason, tuple[ManualAction, ...]] = {
    PauseReason.PAUSE: (ManualAction.UNBLOCK,),
    PauseReason.APPROVAL: (ManualAction.APPROVE, ManualAction.REJECT),
    PauseReason.INTERRUPTED: (ManualAction.UNBLOCK,),
    PauseReason.WORKER_LOST: (ManualAction.UNBLOCK,),
}
"""Which actions a paused step takes, by why it is paused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """One decision: ``step`` names the paused step where several could be meant, ``retry`` asks for another attempt."""

    action: ManualAction
    actor: str | None = None
    comment: str | None = None
    metadata: Mapping[str, Any] | None = None
    step: str | None = None
    retry: bool = False


def check_ruling(ruling: Ruling, *, max_bytes: int) -> Ruling:
    """Return the ruling with its metadata as plain JSON data.

    ``ActorRequired`` if nobody answers for an approval or a rejection; ``InvalidValue`` names what of actor,
    comment, metadata and step cannot be kept.
    """
    if ruling.action is not ManualAction.UNBLOCK and not (isinstance(ruling.actor, str) and ruling.actor.strip()):
        raise ActorRequired(ruling.action.value)
    check_texts(actor=ruling.actor, comment=ruling.comment, step=ruling.step)
    metadata = ruling.metadata
    if metadata is not None and not isinstance(metadata, Mapping):
        raise InvalidValue("metadata", f"is a {type(metadata).__name__}, not a mapping")
    # What is kept holds all three, so they are measured together.
    said = {"actor": ruling.actor, "comment": ruling.comment, "metadata": metadata}
    kept = json.loads(encode(said, max_bytes=max_bytes))
    return Ruling(
        action=ruling.action,
        actor=ruling.actor.strip() or None if ruling.actor is not None else None,
        comment=ruling.comment,
        metadata=kept["metadata"],
        step=ruling.step,
        retry=ruling.retry,
    )
