"""Pausing a queue: held durably for every process, told by whom, and nothing lost by it."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from squidmesh import SquidMesh
from squidmesh.errors import DatabaseUnavailable, QueueNotFound
from squidmesh.runtime import lanes as lanes_module
from squidmesh.runtime.dispatch import exchange
from squidmesh.runtime.lanes import ServedLanes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FILE = """\
workflow: test.queues
triggers:
  by_hand: {manual: {}}
steps:
  first: {uses: test.first, next: second}
  second: {uses: test.second, queue: mail, next: complete}
"""


UNDOING = """\
workflow: test.undoing
triggers:
  by_hand: {manual: {}}
steps:
  first: {uses: test.first, compensate: test.second, queue: mail, next: last}
  last: {log: {message: x}, next: fail}
"""


class Post:
    """A mesh whose runs go from queue ``default`` to queue ``mail``; its first step waits to be let go."""

    def __init__(self, url: str, folder: Path) -> None:
        (folder / "queues.yaml").write_text(FILE)
        (folder / "undoing.yaml").write_text(UNDOING)
        self.go_on = threading.Event()
        self.begun = threading.Event()
        self.mesh = SquidMesh(
            url,
            workflows=folder,
            steps={"test.first": self._first, "test.second": lambda: None},
            folder=folder,
            poll_interval="100ms",
        )

    def _first(self) -> None:
        self.begun.set()
        assert self.go_on.wait(30)

    def until(self, holds: Callable[[], Any]) -> Any:
        """Return what ``holds`` returns once that is true."""
        limit = time.monotonic() + 20
        while not (answer := holds()):
            assert time.monotonic() < limit
            time.sleep(0.02)
        return answer

    def reason(self, run: Any) -> str:
        """Return why a run is where it is."""
        return self.mesh.explain_run(run.id).reason

    def queue(self, name: str) -> Any:
        """Return one queue."""
        return next(queue for queue in self.mesh.list_queues() if queue.name == name)


@pytest.fixture
def post(database_url: str, tmp_path: Path) -> Iterator[Post]:
    """A mesh with two queues."""
    post = Post(database_url, tmp_path)
    with post.mesh:
        yield post


def test_a_paused_queue_is_not_served_until_it_is_resumed(post: Post) -> None:
    """What runs may end, its successor on the queue waits, and says who holds it; resumed, it goes on by itself."""
    mesh = post.mesh
    run = mesh.start_run("test.queues")
    with mesh.worker(queues=["default", "mail"], concurrency=2):
        assert post.begun.wait(20)
        paused = mesh.pause_queue("mail", actor="ada", comment="the provider is down")
        assert (paused.paused, paused.actor, paused.comment) == (True, "ada", "the provider is down")
        other = mesh.start_run("test.queues")  # the claim of its first step has learned of the pause
        post.until(lambda: post.queue("default").running == 2)
        post.go_on.set()
        for each in (run, other):
            post.until(lambda each=each: post.reason(each) == "queue_paused")
        held = mesh.explain_run(run.id)
        assert (held.step, held.details["actor"], held.details["queue"]) == ("second", "ada", "mail")
        assert "resume_queue" in held.next_actions
        (group,) = mesh.explain_fleet()
        assert (group.reason, group.step, group.runs) == ("queue_paused", "second", 2)
        assert group.oldest_since == mesh.explain_run(group.example).since
        mail = post.queue("mail")
        assert (mail.due, mail.running, mail.workers) == (2, 0, 1)
        assert mail.oldest_due_at is not None
        resumed = mesh.resume_queue("mail", actor="bob")
        assert (resumed.paused, resumed.actor) == (False, "bob")
        for each in (run, other):
            post.until(lambda each=each: mesh.inspect_run(each.id).status == "completed")
            history = mesh.inspect_run(each.id, include_history=True)
            assert [step.attempt for step in history.step_runs or ()] == [1, 1]


def test_recovery_on_a_paused_queue_is_told(post: Post) -> None:
    """A compensation waits there like any step; the run says what holds it up, and ends once that is resumed."""
    mesh = post.mesh
    run = mesh.start_run("test.undoing")
    with mesh.worker(queues=["default", "mail"], concurrency=2):
        assert post.begun.wait(20)
        mesh.pause_queue("mail", actor="ada")
        post.go_on.set()
        held = post.until(lambda: (found := mesh.explain_run(run.id)).details.get("held_up") and found)
        assert (held.reason, held.details["held_up"]["reason"]) == ("compensating", "queue_paused")
        assert (held.details["held_up"]["queue"], held.details["held_up"]["actor"]) == ("mail", "ada")
        assert "resume_queue" in held.next_actions
        mesh.resume_queue("mail")
        post.until(lambda: mesh.inspect_run(run.id).status == "failed")


def test_a_pause_outlives_the_processes(post: Post) -> None:
    """A worker that starts later serves the other queues alone; the held step is not work that it waits for."""
    mesh = post.mesh
    mesh.start_run("test.queues")
    mesh.pause_queue("mail")
    post.go_on.set()
    with mesh.worker(queues=["default", "mail"]) as worker:
        post.until(lambda: post.queue("mail").due == 1)
        assert worker.wait_until_nothing_due(20)
    assert (post.queue("mail").due, post.queue("mail").paused) == (1, True)


def test_a_claim_that_has_not_heard_of_the_pause_takes_nothing(post: Post) -> None:
    """No process claims from the queue after the pause, not even one that read its lanes before it."""
    mesh = post.mesh
    database = mesh.database
    mesh.start_run("test.queues")
    lanes = ServedLanes(database, ("default",), ("test.first",))
    lanes.load()
    mesh.pause_queue("default")
    connection = database.dedicate()
    with connection:

        def claim() -> Any:
            request = lanes.request([uuid4()], "w", timedelta(seconds=30))
            answer = exchange(database, connection, [], request, timedelta(seconds=30)).claimed
            assert answer is not None
            lanes.seen(answer.newest_lane, answer.queues_changed)
            return answer.claims

        assert claim() == ()
        assert not lanes.fresh
        lanes.load()
        assert lanes.fresh
        assert claim() == ()
        mesh.resume_queue("default")
        assert claim() == ()
        lanes.load()
        assert [claimed.step for claimed in claim()] == ["first"]


def test_lanes_whose_reading_failed_are_read_again(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that breaks between hearing of a pause and reading the lanes does not make the pause forgotten."""
    post.mesh.start_run("test.queues")
    lanes = ServedLanes(post.mesh.database, ("default",), ("test.first",))
    lanes.load()
    assert lanes.numbers
    post.mesh.pause_queue("default")
    lanes.seen(0, 1)

    def break_off(*_: object) -> None:
        raise DatabaseUnavailable("the connection broke")

    with monkeypatch.context() as patched:
        patched.setattr(lanes_module, "served_lanes", break_off)
        with pytest.raises(DatabaseUnavailable):
            lanes.load()
    assert not lanes.fresh
    lanes.load()
    assert (lanes.fresh, lanes.numbers) == (True, frozenset())


def test_pausing_twice_keeps_the_first(post: Post) -> None:
    """Who paused it first, and when, stands; so does the resumption of a queue that is served."""
    post.mesh.start_run("test.queues")
    first = post.mesh.pause_queue("mail", actor="ada")
    assert post.mesh.pause_queue("mail", actor="bob") == first
    resumed = post.mesh.resume_queue("mail", actor="bob")
    assert post.mesh.resume_queue("mail", actor="eve") == resumed


def test_an_unknown_queue_is_refused(post: Post) -> None:
    """A misspelt name pauses nothing, and is told the one that is meant."""
    post.mesh.start_run("test.queues")
    with pytest.raises(QueueNotFound, match=r"queue 'mial' is not known \(did you mean 'mail'\?\)"):
        post.mesh.pause_queue("mial")


def test_changes_at_once_are_numbered_one_by_one(post: Post) -> None:
    """Two operators at once never get one number, nor does a later one become visible before an earlier."""
    post.mesh.start_run("test.queues")

    def change(index: int) -> None:
        name = ("default", "mail")[index % 2]
        (post.mesh.pause_queue if index % 4 < 2 else post.mesh.resume_queue)(name)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(change, range(40)))
    for name in ("default", "mail"):
        assert post.mesh.resume_queue(name).paused is False


def test_worker_processes_are_listed(post: Post) -> None:
    """Who lives, what it serves and how much it runs; one that ended has gone."""
    post.mesh.start_run("test.queues")
    with post.mesh.worker(queues=["default"]) as worker:
        assert post.begun.wait(20)
        (found,) = post.mesh.list_workers()
        assert (found.id, found.queues, found.running, found.alive) == (worker.profile.id, ("default",), 1, True)
        assert "test.first" in found.step_types
        post.go_on.set()
    assert post.mesh.list_workers() == []
