"""What the worker takes for granted of huey 3.5: each test that an upgrade turns red names what must be looked at."""

from __future__ import annotations

import inspect
import json
import pickle
import signal
import threading
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from huey.api import Huey
from huey.constants import WORKER_TYPES
from huey.consumer import (
    WORKER_TO_ENVIRONMENT,
    Consumer,
    GreenletEnvironment,
    Scheduler,
    ThreadEnvironment,
    Worker,
)
from huey.exceptions import HueyException
from huey.registry import Message
from huey.serializer import Serializer
from huey.storage import MemoryStorage, PostgresStorage

from squidmesh.worker.consumer import DrainingConsumer
from squidmesh.worker.handout import Handout
from squidmesh.worker.host_huey import HostHuey
from squidmesh.worker.storage import TASK, JSONSerializer, StepStorage, step_message
from squidmesh.worker.worker_type import WorkerType

if TYPE_CHECKING:
    from collections.abc import Callable


def make_huey(call: Callable[[str], None] = lambda step_run_id: None) -> tuple[Huey, Handout]:
    """Return a huey on our storage whose one task, under our task's name, is ``call``."""
    handout = Handout(on_idle=lambda: None)
    huey = Huey("test", results=False, serializer=JSONSerializer(), storage_class=StepStorage, handout=handout)

    def run_step(step_run_id: str) -> None:
        call(step_run_id)

    run_step.__module__ = "squidmesh.worker.tasks"
    huey.task()(run_step)
    return huey, handout


def test_a_message_is_json_and_names_the_one_registered_task() -> None:
    """What stands for a step on huey's queue is JSON: the registered task's name and the step run's id."""
    id_ = uuid4()
    assert json.loads(step_message(id_))[:2] == [str(id_), TASK]
    assert json.loads(step_message(id_))[Message._fields.index("args")] == [str(id_)]
    huey, _ = make_huey()
    assert list(huey._registry._registry) == [TASK]
    assert huey.deserialize_task(step_message(id_)).args == [str(id_)]


def test_a_message_may_lack_the_fields_that_huey_added() -> None:
    """Huey fills the fields of a message that are not there, so that our shorter ones stay readable."""
    assert Message("id", "name").kwargs is None
    assert Message._fields[:8] == ("id", "name", "eta", "retries", "retry_delay", "priority", "args", "kwargs")


def test_no_pickle_is_ever_read() -> None:
    """Huey pickles by default; ours refuses a pickle, and a message that names an unregistered task."""
    assert Serializer().serialize({"a": 1}) == pickle.dumps({"a": 1}, pickle.HIGHEST_PROTOCOL)
    huey, _ = make_huey()
    with pytest.raises(ValueError, match=r"utf-8|Expecting value|decode"):
        huey.deserialize_task(pickle.dumps(Message("id", TASK)))
    with pytest.raises(HueyException, match="not found"):
        huey.deserialize_task(step_message(uuid4()).replace(TASK.encode(), b"os.system"))


def test_an_own_message_goes_round() -> None:
    """A task of a host on the same huey is written and read as JSON."""
    huey, _ = make_huey()
    task = huey.deserialize_task(huey.serialize_task(huey.deserialize_task(step_message(uuid4()))))
    assert task.name == "run_step"


def test_storage_opens_no_connection_and_no_tables() -> None:
    """create_tables=False keeps huey's SQL storage from connecting when it is made; ours never needs its own."""
    assert "create_tables" in inspect.signature(PostgresStorage).parameters
    huey, handout = make_huey()
    handout.offer([uuid4()])
    executed: list[str] = []
    huey, handout = make_huey(executed.append)
    handout.offer([uuid4(), uuid4()])
    for _ in range(2):
        huey.execute(huey.dequeue())
    assert len(executed) == 2
    assert huey.storage._conn is None


def test_the_stock_storage_shares_one_connection() -> None:
    """Huey's SQL storages have one connection under a lock for all threads: ours must not touch it."""
    source = inspect.getsource(PostgresStorage.__mro__[1])
    assert "self.lock = threading.Lock()" in source
    assert "self._conn = None" in source


def test_the_stock_dequeue_deletes_before_executing() -> None:
    """A crash loses a task of huey's own tables; ours hands out claims instead."""
    assert "delete from {t}" in inspect.getsource(PostgresStorage._dequeue)
    assert "delete from {t}" in inspect.getsource(PostgresStorage.read_schedule)
    assert "dequeue" in vars(StepStorage)
    assert "read_schedule" in vars(StepStorage)


def test_the_stock_dequeue_listens_in_each_thread() -> None:
    """Every huey thread would open a LISTEN connection of its own: ours overrides what does so."""
    assert "_listen_local" in inspect.getsource(PostgresStorage._listen_conn)
    assert "_listen_conn" not in inspect.getsource(StepStorage)


def test_execute_looks_up_revocations_and_deletes_after() -> None:
    """Huey asks peek_many before a task and deletes its revocation after: both are answered from memory."""
    asked: list[str] = []

    class Counting(MemoryStorage):  # type: ignore[misc]  # huey ships no type information
        def peek_many(self, keys: Any) -> dict[str, bytes]:
            asked.append("peek_many")
            return {}

        def delete_data(self, key: str) -> bool:
            asked.append("delete_data")
            return False

        def __getattribute__(self, name: str) -> Any:
            if name in {"put_data", "pop_data", "peek_data", "enqueue", "add_to_schedule"}:
                asked.append(name)
            return super().__getattribute__(name)

    huey = Huey("test", results=False, serializer=JSONSerializer(), storage_class=Counting)
    task = huey.task()(lambda step_run_id: None)
    huey.execute(task.s("x"))
    assert asked == ["peek_many", "delete_data"]
    assert {"peek_many", "delete_data"} <= set(vars(StepStorage))


def test_a_raising_task_is_not_requeued() -> None:
    """Whatever a task raises, huey writes nothing when results are off and no retries are left."""

    def fail(step_run_id: str) -> None:
        raise RuntimeError("no")

    huey, handout = make_huey(fail)
    handout.offer([uuid4()])
    huey.execute(huey.dequeue())
    assert huey.storage._conn is None


def test_signals_mean_other_things_to_huey() -> None:
    """Huey stops at once on SIGTERM and drains on SIGINT, which is why ours sets handlers of its own."""
    huey, _ = make_huey()
    consumer = Consumer(huey, workers=1, periodic=False)
    assert consumer._signal_actions[signal.SIGTERM] == (False, False)
    assert consumer._signal_actions[signal.SIGINT] == (False, True)
    assert "self._set_signal_handlers()" in inspect.getsource(Consumer.start)
    for name in ("_signum", "_restart", "_graceful", "shutdown_timeout", "stop_flag", "scheduler_interval"):
        assert hasattr(consumer, name), name


def test_the_scheduler_interval_is_a_second_at_least() -> None:
    """Huey's scheduler never runs more often than each second: ours waits for its own interval in loop()."""
    huey, _ = make_huey()
    assert Scheduler(huey, threading.Event(), 0.1, False).interval == 1


def test_loops_are_called_until_the_stop_flag_and_dead_threads_replaced() -> None:
    """Workers and scheduler are plain objects whose loop() is repeated in daemon threads, checked for life."""
    assert "while not self.stop_flag.is_set():" in inspect.getsource(Consumer._create_process)
    assert callable(Worker.loop)
    assert callable(Scheduler.loop)
    assert ThreadEnvironment().create_process(lambda: None, "x").daemon
    assert "self.is_alive" in inspect.getsource(Consumer.check_worker_health).replace("environment.", "")


def test_process_workers_fork() -> None:
    """Huey's process workers are forks: engines and listeners must be made after."""
    from huey.consumer import ProcessEnvironment  # noqa: PLC0415 - the one test of it

    assert ProcessEnvironment.forks
    assert not ThreadEnvironment.forks


def test_what_is_interrupted_would_be_lost() -> None:
    """After the grace huey raises KeyboardInterrupt in greenlets, before what they run is given back: ours does not."""
    assert "gevent.killall(procs, KeyboardInterrupt)" in inspect.getsource(GreenletEnvironment.interrupt_workers)
    assert "self._interrupt_workers()" in inspect.getsource(Consumer.stop)
    assert "_interrupt_workers" in vars(DrainingConsumer)


def test_each_worker_type_is_an_environment_of_hueys() -> None:
    """A worker of greenlets waits at a flag of gevent's, one of threads at one of the standard library's."""
    assert {type_.value for type_ in WorkerType} == set(WORKER_TYPES)
    assert WORKER_TO_ENVIRONMENT["greenlet"] is GreenletEnvironment
    assert WORKER_TO_ENVIRONMENT["thread"] is ThreadEnvironment


def test_hooks_and_signals_are_kept_where_they_are_taken_from() -> None:
    """What is registered with the mesh's Huey can be given to a worker's, before or after."""
    hooks = HostHuey(schema="app", database=pytest.fail, announce=lambda _: None, max_bytes=1000)
    huey, handout = make_huey()
    fired: list[str] = []
    hooks.signal()(lambda signal, task: fired.append(signal))
    hooks.pre_execute("before")(lambda task: fired.append("before"))
    hooks.post_execute("after")(lambda task, value, error: fired.append("after"))
    hooks.share_with(huey)
    hooks.on_startup("late")(lambda: None)
    assert set(huey._startup) == {"late"}
    handout.offer([uuid4()])
    huey.execute(huey.dequeue())
    assert sorted(set(fired)) == ["after", "before", "complete", "executing"]


def test_a_handed_over_step_is_the_threads_next_task() -> None:
    """Each step is a task of its own: the successor is what the same thread dequeues next, before the others."""
    storage = StepStorage("test", handout := Handout(on_idle=lambda: None))
    first, successor, other = uuid4(), uuid4(), uuid4()
    handout.offer([first, other])
    storage.dequeue()
    storage.hand_over(successor)
    assert json.loads(storage.dequeue() or b"")[0] == str(successor)
    assert json.loads(storage.dequeue() or b"")[0] == str(other)
