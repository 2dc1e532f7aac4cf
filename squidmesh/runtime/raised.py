"""What a step's callable raised, as an outcome; the callable is somebody's code, and so are its exceptions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from squidmesh.errors import RetryStep, StepFailed
from squidmesh.model.duration import to_duration
from squidmesh.model.outcome import Failed, Failure
from squidmesh.model.values import encode, printable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from squidmesh.steps.context import StepContext

_MAX_CODE = 200
_MAX_DETAILS = 64 * 1024


def outcome_of_raised(error: BaseException, context: StepContext) -> Failed:
    """Return how an attempt ends that raised ``error``; this never raises, whatever the error is."""
    match error:
        # Subclasses with a constructor of their own need not have set every attribute.
        case StepFailed():
            return Failed(failure=_failure(error, getattr(error, "code", StepFailed.code), retryable=False))
        case RetryStep():
            failure = _failure(error, getattr(error, "code", RetryStep.code), retryable=True)
            return Failed(failure=failure, delay=_valid_delay(getattr(error, "delay", None), context))
        case _:
            context.logger.warning("the step raised %s", type(error).__name__, exc_info=error)
            return Failed(failure=_failure(error, "step_raised", retryable=True))


def _failure(error: BaseException, code: object, *, retryable: bool) -> Failure:
    return Failure(
        message=_text(error) or type(error).__name__,
        code=_text(code, _MAX_CODE),
        type=printable(type(error).__qualname__, _MAX_CODE),
        retryable=retryable,
        details=storable(getattr(error, "details", None)) if isinstance(error, StepFailed | RetryStep) else None,
    )


def _text(value: object, limit: int = 4000) -> str:
    try:
        return printable(str(value), limit)
    except Exception:  # noqa: BLE001 - an exception may fail to describe itself
        return f"a {type(value).__name__} that cannot be shown as text"


def storable(details: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return details that can be kept; what cannot is replaced by its text, since the error itself matters more."""
    if details is None:
        return None
    try:
        kept: dict[str, Any] = json.loads(encode(dict(details), max_bytes=_MAX_DETAILS))
    except Exception:  # noqa: BLE001 - a mapping of somebody's own may raise anything
        return {"text": _shown(details)}
    return kept


def _shown(value: object) -> str:
    try:
        return printable(repr(value))
    except Exception:  # noqa: BLE001 - an object may fail to describe itself
        return f"a {type(value).__name__} that cannot be shown as text"


def _valid_delay(delay: str | float | None, context: StepContext) -> timedelta | None:
    try:
        return None if delay is None else to_duration(delay)
    except (TypeError, ValueError, OverflowError) as error:
        context.logger.warning("the delay of RetryStep is ignored: %s", error)
        return None
