"""Wiring: settings, store, registry, definitions and runtime, each made when it is first needed."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from squidmesh.errors import ConfigurationError, InvalidValue, WorkflowNotFound
from squidmesh.mesh.made_once import made_once
from squidmesh.model.definition import OnWorkerLost
from squidmesh.model.process_lock import ProcessLock
from squidmesh.observability.run_spans import trace_ended_runs
from squidmesh.runtime.beginning import begin
from squidmesh.runtime.definitions import DefinitionCache
from squidmesh.runtime.engine import Engine
from squidmesh.runtime.event_loop import EventLoop
from squidmesh.runtime.events import Events
from squidmesh.runtime.execution import Executor
from squidmesh.runtime.recording import Rules
from squidmesh.runtime.trace_links import find_ended_run
from squidmesh.runtime.wakeups import Notifier
from squidmesh.settings import SETTING_NAMES, Settings, find_embedded_url, load_settings
from squidmesh.steps.registry import StepRegistry
from squidmesh.store.engine import Database

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    import sqlalchemy

    from squidmesh.model.definition import Workflow
    from squidmesh.runtime.definitions import Definition


class Wiring:
    """What every part of the façade stands on; constructing it connects to nothing."""

    def __init__(
        self,
        database: str | sqlalchemy.URL | sqlalchemy.Engine | None = None,
        workflows: str | Path | Sequence[str | Path] | None = None,
        steps: Mapping[str, Callable[..., Any]] | None = None,
        *,
        folder: str | Path | None = None,
        **settings: Any,
    ) -> None:
        self.making = ProcessLock()
        overrides: dict[str, Any] = dict(settings)
        if isinstance(database, str):
            overrides["database_url"] = database
        if workflows is not None:
            overrides["workflows"] = [workflows] if isinstance(workflows, (str, Path)) else list(workflows)
        self._folder = Path(folder).resolve() if folder is not None else None
        self.settings: Settings = load_settings(overrides, folder=self._folder)
        self._target = None if isinstance(database, str) else database
        self._extra_steps = dict(steps or {})
        self._events = Events()
        self._events.subscribe("run.status_changed", trace_ended_runs(lambda id_: find_ended_run(self.database, id_)))

    def arguments(self) -> dict[str, Any]:
        """Return the arguments that make a mesh like this one; what ``on`` was told stays with this one."""
        others = [name for name in SETTING_NAMES if name not in {"database_url", "workflows"}]
        return {
            "database": self.settings.database_url if self._target is None else self._target,
            "workflows": self.settings.workflows or None,
            "steps": dict(self._extra_steps),
            "folder": self._folder,
            **{name: getattr(self.settings, name) for name in others},
        }

    @made_once
    def registry(self) -> StepRegistry:
        """The step types that this application knows."""
        return StepRegistry.discover(extra=self._extra_steps, folder=self._folder)

    @made_once
    def workflows(self) -> dict[str, Workflow]:
        """The loaded workflows by name; ``InvalidWorkflow`` if a file has errors."""
        from squidmesh.authoring.loader import load_workflows  # noqa: PLC0415 - jsonschema loads only to read files

        return load_workflows(self.settings.workflows, self.registry)

    def use_workflow(self, workflow: Workflow) -> None:
        """Use one workflow that was compiled already, instead of what the settings name."""
        self.__dict__["workflows"] = {workflow.name: workflow}

    @made_once
    def database(self) -> Database:
        """The database, not connected yet; ``ConfigurationError`` if none is set."""
        return Database(self._target or self._database_url(), schema=self.settings.schema, lease=self.settings.lease)

    def _database_url(self) -> str:
        url = self.settings.database_url or find_embedded_url(self._folder)
        if url:
            return url
        raise ConfigurationError(
            [
                (
                    "no database is set: give a URL (setting database_url, variable SQUIDMESH_DATABASE_URL), "
                    "or run 'squidmesh try FILE', which makes a private one in .squidmesh/"
                )
            ]
        )

    @made_once
    def engine(self) -> Engine:
        """What everything that moves runs in this process shares."""
        settings = self.settings
        return Engine(
            database=self.database,
            definitions=DefinitionCache(self.database),
            executor=Executor(
                registry=self.registry,
                event_loop=EventLoop(),
                max_value_bytes=settings.max_value_bytes,
                begin=partial(begin, self.database, settings.lease),
                on_worker_lost=OnWorkerLost(settings.on_worker_lost),
            ),
            rules=Rules(max_losses=settings.max_losses, on_worker_lost=OnWorkerLost(settings.on_worker_lost)),
            events=self._events,
            notifier=Notifier(self.database, horizon=settings.poll_interval),
            lease=settings.lease,
            poll_interval=settings.poll_interval,
            sweep_interval=settings.sweep_interval,
        )

    def close(self) -> None:
        """Send what is still to be sent and free the pool."""
        if "engine" in self.__dict__:
            self.engine.notifier.close()
        if "database" in self.__dict__:
            self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _find(self, workflow: str) -> Workflow:
        if not isinstance(workflow, str):
            raise InvalidValue("workflow", f"must be the name of a workflow, found {workflow!r:.80}")
        known = self.workflows
        if workflow not in known:
            raise WorkflowNotFound(workflow, tuple(sorted(known)))
        return known[workflow]

    def _definition(self, workflow: Workflow) -> Definition:
        return self.engine.definitions.register(workflow)
