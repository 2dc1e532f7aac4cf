"""Definitions as the engine uses them: the workflow, its graph and the lanes of its steps, by hash."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from squidmesh.errors import ConfigurationError
from squidmesh.expressions import Expression, compile_expression
from squidmesh.model.definition import Uses
from squidmesh.model.document import definition_hash, from_document, to_document
from squidmesh.model.graph import Graph
from squidmesh.store.definitions import Lane, add_definition, add_lanes, read_definition

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from squidmesh.model.definition import Step, Workflow
    from squidmesh.store.engine import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One compiled version of a workflow, ready to run.

    ``lanes`` maps (queue, step type, priority) to its number; ``expressions`` each ``when`` text to what
    it compiled to.
    """

    hash: str
    workflow: Workflow
    graph: Graph
    lanes: Mapping[Lane, int]
    expressions: Mapping[str, Expression]

    def lane_of(self, step: str) -> int:
        """Return the lane that a step runs on."""
        return self.lanes[_lane(self.workflow.steps[step])]

    def compensation_lane_of(self, step: str) -> int:
        """Return the lane that a step's compensation runs on."""
        lane = _compensation_lane(self.workflow.steps[step])
        assert lane is not None, "only a step with a compensation is compensated"
        return self.lanes[lane]

    def on_failure_lane(self) -> int:
        """Return the lane of the workflow's ``on_failure`` step."""
        assert self.workflow.on_failure is not None
        return self.lanes[_lane(self.workflow.on_failure)]


class DefinitionCache:
    """The definitions that this process knows; the rest are read from the database when a run needs them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, Definition] = {}
        self._hashes: dict[int, tuple[Workflow, str]] = {}
        self._lock = threading.Lock()

    def register(self, workflow: Workflow) -> Definition:
        """Return the definition of a loaded workflow, stored together with its lanes on first use."""
        hash_ = self._hash_of(workflow)
        known = self._known.get(hash_)
        if known is not None:
            return known
        add_definition(
            self._database,
            hash_=hash_,
            workflow=workflow.name,
            version=workflow.version,
            document=to_document(workflow),
        )
        return self._keep(hash_, workflow)

    def sketch(self, workflow: Workflow) -> Definition:
        """Return the definition of a loaded workflow without storing it: its lanes have no numbers yet."""
        hash_ = self._hash_of(workflow)
        return self._known.get(hash_) or _define(hash_, workflow, dict.fromkeys(_lanes(workflow), 0))

    def get(self, hash_: str) -> Definition:
        """Return a definition by hash, from the database if no file here declares it."""
        known = self._known.get(hash_)
        if known is not None:
            return known
        document = read_definition(self._database, hash_)
        if document is None:
            raise ConfigurationError([f"definition {hash_} is not in the database"])
        return self._keep(hash_, from_document(document))

    def _keep(self, hash_: str, workflow: Workflow) -> Definition:
        definition = _define(hash_, workflow, add_lanes(self._database, sorted(set(_lanes(workflow)))))
        with self._lock:
            return self._known.setdefault(hash_, definition)

    def _hash_of(self, workflow: Workflow) -> str:
        """Remember the hash by identity: hashing the document again for each start would cost more than the start."""
        kept = self._hashes.get(id(workflow))
        if kept is None:
            kept = self._hashes[id(workflow)] = (workflow, definition_hash(workflow))
        return kept[1]


def why_unreadable(document: Mapping[str, Any]) -> str | None:
    """Return why this process cannot run by a stored definition, None if it can."""
    try:
        for text in _expressions(from_document(document)):
            compile_expression(text)
    except Exception as error:  # noqa: BLE001 - one that is damaged, or of a later release, may raise anything
        return f"{type(error).__name__}: {error}"
    return None


def _define(hash_: str, workflow: Workflow, lanes: Mapping[Lane, int]) -> Definition:
    return Definition(
        hash=hash_,
        workflow=workflow,
        graph=Graph(workflow),
        lanes=lanes,
        expressions={text: compile_expression(text) for text in _expressions(workflow)},
    )


def _lane(step: Step) -> Lane:
    return step.queue, step.step_type, step.priority


def _compensation_lane(step: Step) -> Lane | None:
    if isinstance(step.action, Uses) and step.action.compensate:
        return step.queue, step.action.compensate, step.priority
    return None


def _lanes(workflow: Workflow) -> Iterator[Lane]:
    for step in workflow.all_steps:
        yield _lane(step)
        compensation = _compensation_lane(step)
        if compensation is not None:
            yield compensation


def _expressions(workflow: Workflow) -> Iterator[str]:
    for step in workflow.steps.values():
        if step.when is not None:
            yield step.when
        for transition in step.next.all() if step.next else ():
            if transition.when is not None:
                yield transition.when
