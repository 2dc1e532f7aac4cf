"""Irreversible steps: begun explicitly, never fired late, and left to a person once nobody knows how far they came."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from squidmesh.runtime import beginning, execution

WIRE = """
steps:
  wire: {{uses: shop.wire, irreversible: true{extra}, output: receipt, next: tell}}
  tell: {{uses: shop.tell, input: {{ref: receipt.ref}}, next: complete}}
"""
LOSE = "UPDATE squidmesh.step_runs SET lease_until = squidmesh.now() - interval '1 s' WHERE status = 'running'"


class Bank:
    """A step type that can be held in the middle of its call."""

    def __init__(self) -> None:
        self.calls = 0
        self.called = threading.Event()
        self.go_on = threading.Event()
        self.hold = True

    def wire(self) -> dict[str, Any]:
        """Move the money, slowly while it is held."""
        self.calls += 1
        self.called.set()
        if self.hold:
            self.go_on.wait(20)
        return {"ref": self.calls}

    @property
    def steps(self) -> dict[str, Any]:
        """The step types, for a mesh."""
        return {"shop.wire": self.wire, "shop.tell": lambda ref=None: {"told": ref}}


@pytest.fixture
def bank() -> Any:
    """A bank, let go at the end."""
    bank = Bank()
    yield bank
    bank.go_on.set()


def lose(stage: Any, mesh: Any, bank: Bank) -> Any:
    """Start a run, and let the lease of its step pass in the middle of the call."""
    run = mesh.start_run("shop.order")
    with mesh.worker():
        assert bank.called.wait(10)
        stage.execute(LOSE)
        stage.wait(mesh, run, lambda found: stage.step(found, "wire").status != "running")
        bank.go_on.set()
    return mesh.inspect_run(run.id, include_history=True)


def test_a_begun_step_that_is_lost_waits_for_a_person(stage: Any, bank: Bank) -> None:
    """Nobody knows whether the effect happened: the run pauses, says why, and refuses the late result."""
    mesh = stage.mesh(WIRE.format(extra=""), bank.steps)
    run = lose(stage, mesh, bank)
    step = stage.step(run, "wire")
    assert (run.status, step.status, step.attempts[0].error["code"], bank.calls) == (
        "paused",
        "paused",
        "worker_lost",
        1,
    )
    assert step.recovery == {"irreversible": True, "compensatable": False}
    assert stage.events(run) == [("worker_lost", "wire", None), ("paused", "wire", None)]
    explained = mesh.explain_run(run.id)
    assert (explained.reason, explained.step) == ("interrupted_irreversible_step", "wire")
    assert explained.details["interrupted_by"]["code"] == "worker_lost"
    assert explained.next_actions[0] == "unblock_run"


def test_a_person_says_that_it_is_done(stage: Any, bank: Bank) -> None:
    """Unblocked, the step has completed with ``metadata`` as its output, and is not called again."""
    mesh = stage.mesh(WIRE.format(extra=""), bank.steps)
    run = lose(stage, mesh, bank)
    mesh.unblock_run(run.id, actor="ada", metadata={"ref": "by hand"})
    ended = stage.finish(mesh, run)
    step = stage.step(ended, "wire")
    assert (ended.status, ended.context["receipt"], ended.context["told"]) == (
        "completed",
        {"ref": "by hand"},
        "by hand",
    )
    assert (step.status, step.output, len(step.attempts), step.last_error) == ("completed", {"ref": "by hand"}, 1, None)
    assert (bank.calls, ended.last_error) == (1, None)


def test_a_person_asks_for_another_attempt(stage: Any, bank: Bank) -> None:
    """With ``retry`` the step is called again, as a further attempt, and begun anew."""
    mesh = stage.mesh(WIRE.format(extra=""), bank.steps)
    run = lose(stage, mesh, bank)
    bank.hold = False
    again = mesh.unblock_run(run.id, actor="ada", retry=True)
    assert again.status == "retrying"
    ended = stage.finish(mesh, run)
    assert (ended.status, ended.context["receipt"], bank.calls) == ("completed", {"ref": 2}, 2)
    assert [attempt.status for attempt in stage.step(ended, "wire").attempts] == ["failed", "completed"]
    resumed = ended.audit_events[-1]
    assert (resumed.type, resumed.actor, resumed.metadata) == ("resumed", "ada", {"retry": True})


def test_lost_before_it_was_begun_it_runs_again(stage: Any, bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker frozen between its claim and the call does not fire the effect late: another has, and once."""
    frozen, thaw = threading.Event(), threading.Event()
    check = execution.check_input

    def check_slowly(*arguments: Any) -> None:
        if not frozen.is_set():
            frozen.set()
            thaw.wait(20)
        check(*arguments)

    monkeypatch.setattr(execution, "check_input", check_slowly)
    bank.hold = False
    mesh, other = (stage.mesh(WIRE.format(extra=""), bank.steps) for _ in range(2))
    run = mesh.start_run("shop.order")
    with mesh.worker(concurrency=1):
        assert frozen.wait(10)
        stage.execute(LOSE)
        with other.worker():
            ended = stage.until(other, run, "completed")
        assert bank.calls == 1
        thaw.set()
    assert (bank.calls, [attempt.status for attempt in stage.step(ended, "wire").attempts]) == (
        1,
        ["failed", "completed"],
    )


def test_without_the_guarded_beginning_it_would_fire_twice(
    stage: Any, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guard is what keeps a frozen worker from calling: taken away, the effect happens again."""
    monkeypatch.setattr(beginning, "begin_if_held", lambda *_, **__: True)
    test_lost_before = test_lost_before_it_was_begun_it_runs_again
    with pytest.raises(AssertionError):
        test_lost_before(stage, bank, monkeypatch)


def test_a_database_that_does_not_answer_keeps_it_from_being_called(
    stage: Any, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be begun is given back uncounted, and called once it can."""
    from squidmesh.errors import DatabaseUnavailable  # noqa: PLC0415 - beside its use

    begin, refused = beginning.begin_if_held, []

    def begin_later(*arguments: Any, **options: Any) -> bool:
        if not refused:
            refused.append(True)
            raise DatabaseUnavailable("gone")
        return begin(*arguments, **options)

    monkeypatch.setattr(beginning, "begin_if_held", begin_later)
    bank.hold = False
    mesh = stage.mesh(WIRE.format(extra=""), bank.steps)
    ended = stage.finish(mesh, mesh.start_run("shop.order"))
    assert (ended.status, bank.calls, len(stage.step(ended, "wire").attempts)) == ("completed", 1, 1)


def test_timed_out_it_waits_for_a_person(stage: Any, bank: Bank) -> None:
    """An attempt past its ``timeout`` pauses instead of being retried; another waits until the old lease has passed."""
    mesh = stage.mesh(WIRE.format(extra=", timeout: 300ms, retry: {max_attempts: 3}"), bank.steps)
    run = mesh.start_run("shop.order")
    with mesh.worker():
        found = stage.until(mesh, run, "paused")
        bank.go_on.set()
    step = stage.step(found, "wire")
    assert (step.attempts[0].error["code"], bank.calls) == ("step_timed_out", 1)
    assert mesh.explain_run(run.id).reason == "interrupted_irreversible_step"
    mesh.unblock_run(run.id, actor="ada", retry=True)
    pending = stage.step(mesh.inspect_run(run.id, include_history=True), "wire")
    assert pending.status == "pending"
    assert (pending.run_at - step.attempts[0].finished_at).total_seconds() > 20


def test_given_back_in_the_middle_it_waits_for_a_person(stage: Any, bank: Bank) -> None:
    """A worker that stops at the end of its grace pauses an irreversible step that it had begun."""
    mesh = stage.mesh(WIRE.format(extra=""), bank.steps)
    told: list[str] = []
    mesh.on("step.paused", lambda event: told.append(event["step"]))
    run = mesh.start_run("shop.order")
    worker = mesh.worker()
    worker.start()
    assert bank.called.wait(10)
    worker.stop(grace=0.1)
    bank.go_on.set()
    found = mesh.inspect_run(run.id, include_history=True)
    assert (found.status, stage.step(found, "wire").status, told) == ("paused", "paused", ["wire"])
    assert mesh.explain_run(run.id).details["interrupted_by"]["message"] == "the worker was stopped while the step ran"


@pytest.mark.parametrize(("policy", "status", "calls"), [("retry", "completed", 2), ("fail", "failed", 1)])
def test_the_author_may_say_otherwise(stage: Any, bank: Bank, policy: str, status: str, calls: int) -> None:
    """``on_worker_lost: retry`` calls a lost irreversible step again, ``fail`` fails it."""
    mesh = stage.mesh(WIRE.format(extra=f", on_worker_lost: {policy}"), bank.steps)
    run = mesh.start_run("shop.order")
    with mesh.worker():
        assert bank.called.wait(10)
        bank.hold = False
        stage.execute(LOSE)
        stage.wait(mesh, run, lambda found: stage.step(found, "wire").status != "running")
        bank.go_on.set()
        ended = stage.until(mesh, run, "completed", "failed")
    assert (ended.status, bank.calls) == (status, calls)


def test_any_step_may_pause_when_its_worker_is_lost(stage: Any, bank: Bank) -> None:
    """``on_worker_lost: pause`` asks a person about a step that could be undone, too."""
    mesh = stage.mesh(WIRE.format(extra="").replace("irreversible: true", "on_worker_lost: pause"), bank.steps)
    run = lose(stage, mesh, bank)
    explained = mesh.explain_run(run.id)
    assert (run.status, explained.reason) == ("paused", "paused_for_manual_action")
    assert explained.details["interrupted"] == ["wire"]
    bank.hold = False
    mesh.unblock_run(run.id, retry=True)
    assert stage.finish(mesh, run).context["receipt"] == {"ref": 2}


@pytest.mark.parametrize("policy", ["pause", "fail"])
@pytest.mark.parametrize("amount", [5, 0])
def test_lost_before_its_call_a_step_is_neither_paused_nor_failed(
    stage: Any, bank: Bank, policy: str, amount: int
) -> None:
    """Its worker vanished before it looked at the condition: another one looks, and calls the step or skips it."""
    text = WIRE.format(extra="").replace("irreversible: true", f"on_worker_lost: {policy}, when: payload.amount > 0")
    mesh, other = (stage.mesh(text.replace("ref: receipt.ref", "ref: payload.at"), bank.steps) for _ in range(2))
    bank.hold = False
    frozen, thaw = threading.Event(), threading.Event()
    run = mesh.start_run("shop.order", {"amount": amount})
    worker = mesh.worker(concurrency=1)

    @worker.huey.pre_execute("freeze")
    def freeze(_: Any) -> None:
        frozen.set()
        thaw.wait(20)

    with worker:
        assert frozen.wait(10)
        stage.execute(LOSE)
        with other.worker():
            ended = stage.until(other, run, "completed")
        thaw.set()
    step = stage.step(ended, "wire")
    assert (step.status, bank.calls) == (("completed", 1) if amount else ("skipped", 0))
    assert [attempt.error["code"] for attempt in step.attempts if attempt.error] == ["worker_lost"]
    assert stage.events(ended)[0] == ("worker_lost", "wire", None)


def test_a_lost_step_pauses_by_the_setting(stage: Any, bank: Bank) -> None:
    """The setting ``on_worker_lost`` holds where a step says nothing; a built-in that was lost simply runs again."""
    text = "steps:\n  say: {log: {message: x}, next: wire}\n" + WIRE.format(extra="").replace("\nsteps:\n", "")
    mesh = stage.mesh(text.replace("irreversible: true, ", ""), bank.steps, on_worker_lost="pause")
    run = mesh.start_run("shop.order")
    stage.execute(
        "UPDATE squidmesh.step_runs SET status = 'running', attempt = 1, claim_token = gen_random_uuid(), "
        "worker = 'gone', started_at = squidmesh.now(), lease_until = squidmesh.now() - interval '1 s'"
    )
    with mesh.worker():
        assert bank.called.wait(10)
        stage.execute(LOSE)
        found = stage.until(mesh, run, "paused")
        bank.go_on.set()
    assert stage.step(found, "say").status == "completed"
