"""What an expression may name, as far as the linter knows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class VariableType(StrEnum):
    """What is known about a variable's value; ``ANY`` also stands for what may be absent or null."""

    STRING = "string"
    INTEGER = "integer"
    FLOAT = "float"
    BOOLEAN = "boolean"
    LIST = "list"
    MAP = "map"
    ANY = "any"


Names = Mapping[str, VariableType]

RUN_VARIABLES: Names = {
    "id": VariableType.STRING,
    "workflow": VariableType.STRING,
    "trigger": VariableType.STRING,
    "started_at": VariableType.STRING,
    "scheduled_for": VariableType.ANY,
}
FAILURE_VARIABLES: Names = {
    "step": VariableType.STRING,
    "code": VariableType.STRING,
    "message": VariableType.STRING,
    "type": VariableType.ANY,
    "details": VariableType.ANY,
    "attempts": VariableType.INTEGER,
}
_NOTHING: Names = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Variables:
    """The names below each root where an expression stands; None: anything may be there.

    ``context`` includes the payload's fields. ``failure`` is whether a failure can be known at that place.
    """

    payload: Names | None = None
    context: Names | None = None
    failure: bool = True

    def below(self, root: str) -> Names | None:
        """Return the names below one of the roots ``payload``, ``context``, ``run`` and ``failure``."""
        match root:
            case "payload":
                return self.payload
            case "context":
                return self.context
            case "run":
                return RUN_VARIABLES
            case _:
                return FAILURE_VARIABLES if self.failure else _NOTHING

    def named(self, root: str) -> Names:
        """Return the names that are known below a root; none where anything may be there."""
        below = self.below(root)
        return _NOTHING if below is None else below
