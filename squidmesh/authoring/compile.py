"""A document whose shape is right to a ``Workflow``: defaults resolved, every short form made the long one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from squidmesh.authoring.fields import compile_fields
from squidmesh.model import definition
from squidmesh.model.definition import Routes, Step, Transition, Trigger, Workflow
from squidmesh.model.duration import parse_duration

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from squidmesh.authoring.document import Document


def compile_document(document: Document) -> Workflow:
    """Return the workflow that a document declares; names that lead nowhere are kept as they are written."""
    data = document.data
    on_failure = data.get("on_failure")
    return Workflow(
        name=data["workflow"],
        description=data.get("description"),
        version=data.get("version"),
        timeout=_duration(data.get("timeout")),
        triggers={name: _trigger(trigger) for name, trigger in data["triggers"].items()},
        steps={name: _step(step, data) for name, step in data["steps"].items()},
        on_failure=_step(on_failure, data) if on_failure is not None else None,
    )


def _duration(text: str | None) -> timedelta | None:
    return None if text is None else parse_duration(text)


def _trigger(data: Mapping[str, Any]) -> Trigger:
    payload = compile_fields(data.get("payload"))
    if "cron" not in data:
        return Trigger(payload=payload)
    cron = definition.Cron(
        expression=data["cron"],
        timezone=data.get("timezone", "Etc/UTC"),
        catch_up=definition.CatchUp(data.get("catch_up", "latest")),
        overlap=definition.Overlap(data.get("overlap", "allow")),
    )
    return Trigger(cron=cron, payload=payload)


def _step(data: Mapping[str, Any], workflow: Mapping[str, Any]) -> Step:
    defaults = (workflow.get("defaults") or {}) if "uses" in data else {}
    queue = data.get("queue") or defaults.get("queue") or workflow.get("queue") or "default"
    return Step(
        action=_action(data, defaults),
        input=_input(data),
        output=data.get("output"),
        next=_routes(data["next"]) if "next" in data else None,
        after=tuple(data.get("after", ())),
        when=data.get("when"),
        allow_failure=data.get("allow_failure", False),
        queue=queue,
        priority=int(data.get("priority", 0)),
        description=data.get("description"),
    )


def _action(data: Mapping[str, Any], defaults: Mapping[str, Any]) -> definition.Action:
    if "uses" in data:
        return _uses(data, defaults)
    if "log" in data:
        log = data["log"]
        return definition.Log(message=log["message"], level=definition.LogLevel(log.get("level", "info")))
    if "wait" in data:
        wait = data["wait"]
        if isinstance(wait, str):
            return definition.Wait(duration=parse_duration(wait))
        return definition.Wait(until=wait["until"])
    if "pause" in data:
        pause = data["pause"] or {}
        return definition.Pause(title=pause.get("title"), deadline=_duration(pause.get("deadline")))
    approval = data["approval"] or {}
    on_deadline = approval.get("on_deadline")
    return definition.Approval(
        title=approval.get("title"),
        deadline=_duration(approval.get("deadline")),
        on_deadline=definition.OnDeadline(on_deadline) if on_deadline else None,
    )


def _uses(data: Mapping[str, Any], defaults: Mapping[str, Any]) -> definition.Uses:
    irreversible = data.get("irreversible", False)
    on_worker_lost = data.get("on_worker_lost")
    return definition.Uses(
        step_type=data["uses"],
        constants=data.get("with") or {},
        retry=_retry(data.get("retry") or defaults.get("retry")),
        timeout=_duration(data.get("timeout") or defaults.get("timeout")),
        compensate=data.get("compensate"),
        irreversible=irreversible,
        compensatable=data.get("compensatable", True) and not irreversible,
        on_worker_lost=definition.OnWorkerLost(on_worker_lost) if on_worker_lost else None,
        transaction=data.get("transaction", False),
    )


def _retry(data: Mapping[str, Any] | None) -> definition.RetryPolicy:
    if data is None:
        return definition.ONE_ATTEMPT
    backoff = data.get("backoff") or {}
    return definition.RetryPolicy(
        max_attempts=int(data["max_attempts"]),
        backoff=definition.Backoff(
            type=definition.BackoffType(backoff.get("type", "exponential")),
            min=parse_duration(backoff.get("min", "1s")),
            max=parse_duration(backoff.get("max", "1m")),
            jitter=backoff.get("jitter", True),
        ),
    )


def _input(data: Mapping[str, Any]) -> Mapping[str, str] | None:
    if "input" not in data:
        return None
    given = data["input"]
    return {key: key for key in given} if isinstance(given, list) else dict(given or {})


def _routes(data: Any) -> Routes:
    if not isinstance(data, dict) or "to" in data:
        return Routes(ok=_transitions(data))
    return Routes(**{outcome: _transitions(route) for outcome, route in data.items()})


def _transitions(data: Any) -> tuple[Transition, ...]:
    match data:
        case str():
            return (Transition(to=data),)
        case list():
            return tuple(_transition(item) for item in data)
    return (_transition(data),)


def _transition(data: Mapping[str, Any]) -> Transition:
    recovery = data.get("recovery")
    return Transition(
        to=data["to"], when=data.get("when"), recovery=definition.Recovery(recovery) if recovery else None
    )
