"""Every place of a workflow that names a step type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from squidmesh.errors import SquidMeshError
from squidmesh.model.definition import Uses

if TYPE_CHECKING:
    from collections.abc import Iterator

    from squidmesh.authoring.document import Place
    from squidmesh.authoring.rules import Subject
    from squidmesh.model.definition import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A step type named at ``path``; ``step`` is the file's step, ``name`` None for ``on_failure``."""

    step_type: str
    path: Place
    step: Step
    action: Uses
    name: str | None = None

    @property
    def place(self) -> Place:
        """Where the step stands."""
        return self.path[:-1]


def calls(subject: Subject) -> Iterator[Use]:
    """Yield each step that calls a step type, ``on_failure`` last."""
    for name, step in subject.workflow.steps.items():
        if isinstance(step.action, Uses):
            path = ("steps", name, "uses")
            yield Use(step_type=step.action.step_type, path=path, step=step, action=step.action, name=name)
    last = subject.workflow.on_failure
    if last is not None and isinstance(last.action, Uses):
        yield Use(step_type=last.action.step_type, path=("on_failure", "uses"), step=last, action=last.action)


def compensations(subject: Subject) -> Iterator[Use]:
    """Yield each step type that undoes a step."""
    for name, step in subject.workflow.steps.items():
        if isinstance(step.action, Uses) and step.action.compensate is not None:
            path = ("steps", name, "compensate")
            yield Use(step_type=step.action.compensate, path=path, step=step, action=step.action, name=name)


def uses(subject: Subject) -> Iterator[Use]:
    """Yield every place that names a step type; none without a registry to check it against."""
    if subject.registry is not None:
        yield from calls(subject)
        yield from compensations(subject)


def refusals(subject: Subject) -> Iterator[tuple[Use, SquidMeshError]]:
    """Yield every place that names a step type which the registry does not give, with its error."""
    for use in uses(subject):
        try:
            if subject.registry is not None:
                subject.registry.get(use.step_type)
        except SquidMeshError as error:
            yield use, error
