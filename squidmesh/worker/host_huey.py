"""The ``Huey`` on which a host registers tasks of its own, executed by the workers beside the steps."""

from __future__ import annotations

import inspect
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from huey import signals
from huey.api import Huey, TaskWrapper, chord, group
from huey.exceptions import HueyException
from huey.registry import Message, Registry
from huey.utils import SKIPPED, Error

from squidmesh.errors import InvalidHueyTask, SquidMeshError
from squidmesh.model.values import printable
from squidmesh.runtime.host_tasks import enqueue_tick, move_due, read_minute, take_task
from squidmesh.worker.host_messages import HostSerializer, plain, refusal
from squidmesh.worker.host_storage import HostStorage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import timedelta

    from huey.api import Task

    from squidmesh.store.dedicated import Dedicated
    from squidmesh.store.engine import Database
    from squidmesh.store.host_tasks import Taken

log = logging.getLogger(__name__)
NAME = "squidmesh"
_AT_ONCE = 100
_MINUTE = 60
_SHARED = ("_signal", "_pre_execute", "_post_execute", "_startup", "_shutdown")
_SHOWN = 200


class HostRegistry(Registry):  # type: ignore[misc]  # huey ships no type information
    """The tasks that a host registered."""

    @property
    def names(self) -> list[str]:
        """The names of the tasks."""
        return sorted(self._registry)

    @property
    def is_empty(self) -> bool:
        """Whether there is none."""
        return not self._registry

    @property
    def has_periodic(self) -> bool:
        """Whether one is periodic."""
        return bool(self._periodic_tasks)


class HostTaskWrapper(TaskWrapper):  # type: ignore[misc]  # huey ships no type information
    """A registered task that remembers its parameters, so that an error can name one."""

    def create_task(self, func: Callable[..., Any], *options: Any, **settings: Any) -> type[Task]:
        """Make the class of the task."""
        made: type[Task] = super().create_task(func, *options, **settings)
        made.parameters = list(inspect.signature(func).parameters.values())
        return made


class HostHuey(Huey):  # type: ignore[misc]  # huey ships no type information
    """huey as its documentation describes it, on the application's database, with JSON instead of pickle.

    Results are off until ``results`` is set to True. Signals and hooks are told of the steps too, each of which is a
    huey task of its own. Making it connects to nothing.
    """

    def __init__(
        self, *, schema: str, database: Callable[[], Database], announce: Callable[[timedelta], None], max_bytes: int
    ) -> None:
        self._max_bytes = max_bytes
        super().__init__(
            NAME,
            results=False,
            serializer=HostSerializer(),
            storage_class=HostStorage,
            schema=schema,
            database=database,
            announce=announce,
            is_utc=lambda: self.utc,
        )
        self._registry = HostRegistry()

    def get_task_wrapper_class(self) -> type[HostTaskWrapper]:
        """Return what ``task()`` and ``periodic_task()`` make of a function."""
        return HostTaskWrapper

    @property
    def task_names(self) -> list[str]:
        """The names of the tasks that are registered here."""
        return self._registry.names

    @property
    def waits_for_workers(self) -> bool:
        """Whether tasks of the host may be waiting: some are registered, and not executed where they are called."""
        return not self._registry.is_empty and not self.immediate

    def enqueue(self, task: Any) -> Any:
        """Enqueue a task, a group or a chord; ``InvalidHueyTask`` if JSON cannot carry an argument, before any is."""
        for head in _heads_of(task):
            for inner in _linked_with(head):
                inner.args = tuple(plain(value) for value in inner.args)
                self._check_arguments(inner)
            self.serialize_task(head)
        return super().enqueue(task)

    def serialize_task(self, task: Task) -> bytes:
        """Return a task as JSON; ``InvalidHueyTask`` if it could not be read again."""
        name = self._registry.task_to_string(type(task))
        try:
            data: bytes = super().serialize_task(task)
            self.serializer.deserialize(data)
        except (TypeError, ValueError) as error:
            raise InvalidHueyTask(name, "", str(error)) from error
        if len(data) > self._max_bytes:
            too_long = f"it is {len(data)} bytes of JSON, more than the {self._max_bytes} allowed (max_value_bytes)"
            raise InvalidHueyTask(name, "", too_long)
        return data

    def deserialize_task(self, data: bytes) -> Task:
        """Return the task that a row asks for; ``ValueError`` if it is no task."""
        message = self.serializer.deserialize(data)
        if not isinstance(message, Message):
            raise ValueError("it is no task")
        return self._registry.create_task(message)

    def put_result(self, key: str, data: Any) -> Any:
        """Keep a result; one that JSON cannot carry is kept as the error that it is."""
        reason = None if isinstance(data, Error) or data is SKIPPED else refusal(data)
        if reason is not None:
            log.error("the result of huey task %s is not kept: it %s", key, reason)
            data = Error({"error": f"the result {reason}", "retries": 0, "traceback": "", "task_id": key})
        return super().put_result(key, data)

    def read_row(self, row: bytes) -> Task | None:
        """Return the task that a row asks for, None if it cannot be read or names none: the row is gone then."""
        try:
            return self.deserialize_task(row)
        except HueyException as error:
            problem = f"no task of this name is registered here: {error}"
        except Exception as error:  # noqa: BLE001 - whatever stands in a row, the next one is to be read
            problem = f"it is no task that was enqueued here: {error}"
        _drop(problem)
        return None

    def take(self, store: Dedicated) -> Taken:
        """Take the first row that waits, and look when the next scheduled task is due."""
        with store.use() as connection:
            return take_task(store.database, connection, self.name)

    def enqueue_due(self) -> bool:
        """Enqueue the scheduled tasks that have come due, each by one process; tell whether there may be more."""
        moved: list[Task] = []

        def prepare(row: bytes) -> tuple[bytes, float] | None:
            task = self.read_row(row)
            if task is None:
                return None
            try:
                task.resolve_expires(self.utc)
                data = self.serialize_task(task)
            except (SquidMeshError, ValueError, OverflowError) as error:
                problem = f"it cannot be enqueued: {error}"
            else:
                moved.append(task)
                return data, task.priority or 0.0
            _drop(problem)
            return None

        found = move_due(self.storage.database, self.name, _AT_ONCE, prepare)
        for task in moved:
            self._emit(signals.SIGNAL_ENQUEUED, task)
        return found == _AT_ONCE

    def enqueue_periodic(self) -> float | None:
        """Enqueue the periodic tasks of this minute unless another process has; return the seconds until the next.

        None if no periodic task is registered.
        """
        if self.immediate or not self._registry.has_periodic:
            return None
        database = self.storage.database
        minute, next_in = read_minute(database)
        moment = datetime.fromtimestamp(minute * _MINUTE, UTC if self.utc else None).replace(tzinfo=None)
        for task in self._registry.periodic_tasks:
            name = self._registry.task_to_string(type(task))
            try:
                due = task.validate_datetime(moment)
            except Exception:
                log.exception("when periodic huey task %s is due could not be told", name)
                continue
            if due:
                task.resolve_expires(self.utc)
                data = self.serialize_task(task)
                if enqueue_tick(database, self.name, f"periodic:{name}", minute, data, task.priority or 0.0):
                    self._emit(signals.SIGNAL_ENQUEUED, task)
        return next_in

    def perform(self, task: Task, at: datetime, timeout_handler: Callable[[float], Any] | None) -> None:
        """Execute a task that was taken at a time of the server's clock, in UTC."""
        self._timeout_handler = timeout_handler
        self.execute(task, at if self.utc else at.replace(tzinfo=UTC).astimezone().replace(tzinfo=None))

    def share_with(self, other: Huey) -> None:
        """Let the steps that another huey executes be told to the signals and hooks that are registered here."""
        vars(other).update({name: vars(self)[name] for name in _SHARED})

    def _check_arguments(self, task: Task) -> None:
        given = [(_named(task, place), value) for place, value in enumerate(task.args)]
        for argument, value in [*given, *task.kwargs.items()]:
            if (reason := refusal(value)) is not None:
                raise InvalidHueyTask(self._registry.task_to_string(type(task)), argument, reason)


def _drop(problem: str) -> None:
    log.error("a row of the host's huey tasks was dropped: %s", printable(problem, _SHOWN))


def _heads_of(item: Any) -> Iterator[Task]:
    """Yield the tasks that are enqueued for a task, a group or a chord, and the callback that will be."""
    if isinstance(item, (group, chord)):
        for inner in item.tasks:
            yield from _heads_of(inner)
    if isinstance(item, chord):
        yield item.callback
    elif not isinstance(item, group):
        yield item


def _linked_with(task: Task) -> Iterator[Task]:
    """Yield a task with its callbacks and its handlers."""
    yield task
    for inner in (task.on_complete, task.on_error):
        if inner is not None:
            yield from _linked_with(inner)


def _named(task: Task, place: int) -> str:
    """Return the name of the parameter that takes a positional argument, its number where it has none."""
    by_place = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    named = [item.name for item in getattr(task, "parameters", []) if item.kind in by_place]
    return named[place] if place < len(named) else f"number {place + 1}"
