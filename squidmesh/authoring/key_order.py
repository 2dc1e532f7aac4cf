"""The canonical order of a workflow file's keys; names that authors choose keep the order they were given."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from squidmesh.authoring.document import Place

_WORKFLOW = ("workflow", "description", "version", "queue", "timeout", "defaults", "triggers", "steps", "on_failure")
_DEFAULTS = ("queue", "timeout", "retry")
_TRIGGER = ("manual", "cron", "timezone", "catch_up", "overlap", "payload")
_FIELD = (
    *("type", "required", "default", "description", "enum", "minimum", "maximum", "min_length", "max_length"),
    *("pattern", "format", "items", "properties", "sensitive"),
)
_STEP = (
    *("description", "uses", "log", "wait", "pause", "approval", "when", "input", "with", "output"),
    *("compensate", "irreversible", "compensatable", "transaction", "timeout", "retry", "on_worker_lost"),
    *("queue", "priority", "allow_failure", "after", "next"),
)
_GATE = ("title", "deadline", "on_deadline")
_ROUTES = ("ok", "error", "deadline", "to")
_TRANSITION = ("when", "to", "recovery")


def key_order(path: Place) -> tuple[str, ...]:
    """Return the keys of the mapping at ``path`` in canonical order; empty where the author's order stays."""
    match path:
        case ():
            return _WORKFLOW
        case ("defaults",):
            return _DEFAULTS
        case ("triggers", _):
            return _TRIGGER
        case ("triggers", _, "payload", _, *inner):
            return _FIELD if _is_field(inner) else ()
        case ("steps", _) | ("on_failure",):
            return _STEP
        case ("steps", _, "next"):
            return _ROUTES
        case ("steps", _, "next", *_):
            return _TRANSITION
        case ("steps", _, "log"):
            return ("message", "level")
        case ("steps", _, "pause" | "approval"):
            return _GATE
        case ("steps", _, "retry") | ("defaults" | "on_failure", "retry"):
            return ("max_attempts", "backoff")
        case ("steps", _, "retry", "backoff") | ("defaults" | "on_failure", "retry", "backoff"):
            return ("type", "min", "max", "jitter")
    return ()


def sort_key(order: tuple[str, ...], name: str) -> int:
    """Return where ``name`` stands in ``order``; unknown keys come last, in the order they were given."""
    return order.index(name) if name in order else len(order)


def _is_field(inner: list[str | int]) -> bool:
    """Return whether what is below a payload field is a field again: an item, or a property of a map."""
    while inner:
        match inner:
            case ["items", *rest] | ["properties", _, *rest]:
                inner = rest
            case _:
                return False
    return True
