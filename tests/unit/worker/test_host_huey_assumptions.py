"""What a host's own tasks take for granted of huey 3.5: a test that turns red after an upgrade says where to look."""

from __future__ import annotations

import inspect
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from huey.api import Huey, PeriodicTask, TaskWrapper
from huey.consumer import Consumer, Worker
from huey.registry import Message, Registry
from huey.storage import BaseSqlStorage, PostgresStorage
from huey.utils import SKIPPED, Error, normalize_time

from squidmesh.worker.host_huey import HostHuey
from squidmesh.worker.host_messages import _PLAIN, _TASKS, _TIMES


def make() -> HostHuey:
    """Return a host's huey on no database."""

    def nowhere() -> Any:
        raise AssertionError("nothing may connect")

    return HostHuey(schema="flows", database=nowhere, announce=lambda delay: None, max_bytes=1000)


def test_making_it_and_registering_connect_to_nothing() -> None:
    """Tasks, periodic tasks, hooks, locks and signals are registered without the database."""
    huey = make()
    huey.task(retries=2)(lambda: None)
    huey.periodic_task(lambda moment: True, name="often")(lambda: None)
    huey.pre_execute("a")(lambda task: None)
    huey.signal("complete")(lambda signal, task: None)
    huey.lock_task("b")
    assert huey.waits_for_workers
    assert huey.storage._conn is None
    huey.storage.close()


def test_every_field_of_a_message_is_carried() -> None:
    """A field that huey adds to its messages must be written and read by us too."""
    assert set(Message._fields) == {*_PLAIN, *_TIMES, *_TASKS, "args", "kwargs", "expires", "chord_config"}


def test_the_stock_storage_names_its_tables_by_attributes() -> None:
    """Every statement takes the table from an attribute, which we point at our schema, and a cursor from ``db``."""
    source = inspect.getsource(PostgresStorage)
    statements = source.split("def enqueue(", 1)[1]
    assert re.findall(r"(?:from|into|update|table)\s+huey", statements) == []
    assert set(re.findall(r"self\.(table_\w+)", statements)) == {
        "table_task",
        "table_schedule",
        "table_kv",
        "table_counter",
    }
    storage = make().storage
    assert storage.table_task == '"flows".huey_task'
    assert "with self.db(commit=commit) as curs:" in inspect.getsource(BaseSqlStorage.sql)


def test_only_three_methods_of_the_stock_storage_leave_db_aside() -> None:
    """What connects past ``db`` are the listening dequeue, which is ours, and making tables, which nobody calls."""
    past = {
        name
        for name, method in inspect.getmembers(PostgresStorage, inspect.isfunction)
        if re.search(r"self\.(_listen_conn|_connect|_create_connection|conn)\b", inspect.getsource(method))
    }
    assert past <= {"_listen_conn", "dequeue", "db", "conn", "_connect", "close", "_create_connection", "__init__"}
    assert "def dequeue" in inspect.getsource(type(make().storage))


def test_the_state_that_a_worker_shares_is_there() -> None:
    """Signals and hooks are plain attributes of a ``Huey``, made by its constructor and only ever changed in place."""
    fresh = vars(Huey("x", storage_class=type("None_", (), {"__init__": lambda self, name: None})))
    source = inspect.getsource(Huey)
    for name in ("_signal", "_pre_execute", "_post_execute", "_startup", "_shutdown"):
        assert name in fresh
        assert source.count(f"self.{name} = ") == 1


def test_tasks_are_made_and_enqueued_by_the_hooks_that_are_overridden() -> None:
    """``get_task_wrapper_class``, ``create_task``, ``enqueue`` and ``serialize_task`` are where huey asks for them."""
    assert "self.task_wrapper_class = self.get_task_wrapper_class()" in inspect.getsource(Huey.__init__)
    assert "self.create_task(func, context, name, **settings)" in inspect.getsource(TaskWrapper.__init__)
    assert "self.serialize_task(task)" in inspect.getsource(Huey.enqueue)
    assert "self.serialize_task(task)" in inspect.getsource(Huey.add_schedule)
    for method in (Huey._requeue_task, Huey._execute):
        assert "self.enqueue(" in inspect.getsource(method)


def test_times_are_naive_and_in_utc() -> None:
    """Huey's times have no zone and are in UTC by default, whatever zone they were given in."""
    at = datetime(2026, 5, 4, 12, tzinfo=UTC)
    assert normalize_time(eta=at.astimezone()) == at.replace(tzinfo=None)
    assert normalize_time(delay=timedelta(hours=1)).tzinfo is None
    assert Huey("x", storage_class=type("None_", (), {"__init__": lambda self, name: None})).utc


def test_execute_takes_the_time_that_it_is_given() -> None:
    """Whether a task is due is judged by the moment that is handed in: the server's clock."""
    source = inspect.getsource(Huey.execute)
    assert "self.ready_to_run(task, timestamp)" in source
    assert "task.expires_resolved < timestamp" in source


def test_a_consumer_executes_what_dequeue_returns_with_execute() -> None:
    """The loop calls ``dequeue`` and ``execute`` of its ``Huey``, and survives what they raise."""
    source = inspect.getsource(Worker.loop)
    assert "self.huey.dequeue()" in source
    assert "self.huey.execute(task, now)" in source
    assert "self.huey._timeout_handler = self.environment.timeout" in inspect.getsource(Consumer.__init__)
    assert "self.huey.notify_interrupted_tasks()" in inspect.getsource(Consumer.run)


def test_what_huey_hands_on_between_tasks() -> None:
    """Handlers get the exception itself, chords ``Error`` and ``SKIPPED``: what has to become JSON."""
    source = inspect.getsource(Huey._execute)
    assert "handler.extend_data(exception)" in source
    assert "SKIPPED" in source
    assert "Error(self.build_error_result(task, exception))" in source
    assert Error._fields == ("metadata",)
    assert SKIPPED is not None


def test_periodic_tasks_are_told_by_a_list() -> None:
    """The registry keeps periodic tasks beside the others, and makes one of each when it is asked."""
    assert Registry()._periodic_tasks == []
    assert Registry()._registry == {}
    huey = make()
    huey.periodic_task(lambda moment: moment.minute == 1)(lambda: None)
    (task,) = huey._registry.periodic_tasks
    assert isinstance(task, PeriodicTask)
    assert task.validate_datetime(datetime(2026, 1, 1, 0, 1, tzinfo=UTC))


def test_the_stock_consumer_would_fire_periodic_tasks_in_each_process() -> None:
    """Each of huey's schedulers enqueues them, which is why ours marks the minute in the database."""
    from huey.consumer import Scheduler  # noqa: PLC0415 - the one test of it

    source = inspect.getsource(Scheduler.enqueue_periodic_tasks)
    assert "self.huey.enqueue(task)" in source
    assert "put_if_empty" not in source
