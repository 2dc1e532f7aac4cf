"""What a worker takes, and how it treats steps that are late, asynchronous or want to leave."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from squidmesh import SquidMesh, StepContext
from squidmesh.errors import DatabaseUnavailable
from squidmesh.worker import heartbeat

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from squidmesh.model.run import Run
    from tests.acceptance.conftest import Desk, Process


def finish(mesh: SquidMesh, until: Callable[..., Any], workflow: str, payload: dict[str, Any] | None = None) -> Run:
    """Start a run, work until it has ended, and return it with its history."""
    run = mesh.start_run(workflow, payload or {})
    with mesh.worker():
        until(lambda: mesh.inspect_run(run.id).status.terminal)
    return mesh.inspect_run(run.id, include_history=True)


def codes_of(run: Run, step: str) -> list[str | None]:
    """Return the error codes of a step's attempts."""
    (found,) = (state for state in run.steps or () if state.step == step)
    return [attempt.error["code"] if attempt.error else None for attempt in found.attempts]


def test_burst_ends_when_nothing_is_due(
    mesh: SquidMesh, desk: Desk, squidmesh: Callable[..., Any], worker: Callable[..., Process]
) -> None:
    """--burst works off what is due and exits 0, without waiting for a timer; its presence is gone."""
    mesh.start_runs("acc.straight", [{}] * 20)
    timer = mesh.start_run("acc.timer")
    result = squidmesh("run", "--burst")
    assert (result.returncode, result.stdout) == (0, "")
    assert desk.ask("SELECT status, count(*) FROM squidmesh.runs GROUP BY 1 ORDER BY 1") == [
        ("completed", 20),
        ("pending", 1),
    ]
    assert mesh.explain_run(timer.id).reason == "waiting_for_timer"
    assert desk.one("SELECT count(*) FROM squidmesh.workers") == 0


def test_burst_on_an_empty_database_ends_at_once(squidmesh: Callable[..., Any]) -> None:
    """--burst with nothing to do ends by itself."""
    assert squidmesh("run", "--burst").returncode == 0


def test_a_worker_serves_its_queues_only(mesh: SquidMesh, squidmesh: Callable[..., Any]) -> None:
    """--queue names what is served: other queues' steps stay, and explain says that nobody serves them."""
    mail, other = mesh.start_run("acc.mail"), mesh.start_run("acc.straight")
    squidmesh("run", "--burst", "--queue", "mail")
    assert mesh.inspect_run(mail.id).status == "completed"
    assert mesh.explain_run(other.id).reason == "waiting_for_capable_worker"
    squidmesh("run", "--burst", "--queue", "mail", "--queue", "default")
    assert mesh.inspect_run(other.id).status == "completed"


def test_a_type_that_nobody_has_is_never_claimed(
    mesh: SquidMesh, database_url: str, desk: Desk, tmp_path: Path, until: Callable[..., Any]
) -> None:
    """A worker without a step type leaves its steps alone, also where one would be handed over, and does the rest."""
    run = mesh.start_run("acc.straight")
    with SquidMesh(database_url, folder=tmp_path, workflows=[], poll_interval="100ms") as bare, bare.worker() as worker:
        assert worker.wait_until_nothing_due(20)
    assert desk.ask("SELECT status, attempt FROM squidmesh.step_runs") == [("pending", 0)]
    assert mesh.explain_run(run.id).reason == "waiting_for_capable_worker"


def test_a_worker_without_the_file_finishes_what_it_can_execute(
    mesh: SquidMesh, database_url: str, project: Path, until: Callable[..., Any]
) -> None:
    """A run is pinned to its definition: a worker that has the step types but no workflow file finishes it."""
    run = mesh.start_run("acc.diamond")
    file = project / "workflows" / "mail.yaml"
    with SquidMesh(database_url, folder=project, workflows=file, poll_interval="100ms") as other, other.worker():
        until(lambda: mesh.inspect_run(run.id).status == "completed")


def test_a_step_past_its_timeout_ends_and_its_late_result_is_refused(
    mesh: SquidMesh, desk: Desk, until: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    """The attempt ends as step_timed_out while its thread goes on; the retry begins after the old lease only."""
    events: list[str] = []
    mesh.on("step.*", lambda event: events.append(event["event"]))
    run = finish(mesh, until, "acc.timed", {"seconds": 1.0})

    assert (run.status, codes_of(run, "nap")) == ("completed", ["step_timed_out", "step_timed_out"])
    assert [step for _, step, _ in desk.noted("cancelled")] == ["nap", "nap"]  # both went on, and were told
    late = "SELECT started_at - lag(finished_at) OVER (ORDER BY number) >= '2 s' FROM squidmesh.attempts"
    assert desk.ask(f"{late} WHERE error IS NOT NULL ORDER BY number") == [(None,), (True,)]
    assert caplog.text.count("came after its timeout and is refused") == 2
    assert sorted(events) == [
        "step.completed",
        "step.failed",
        "step.retry_scheduled",
        "step.started",
        "step.started",
        "step.started",
    ]


def test_async_steps_run_and_are_cancelled_in_time(mesh: SquidMesh, desk: Desk, until: Callable[..., Any]) -> None:
    """An async step is awaited; one that passes its timeout is cancelled, not only told."""
    run = finish(mesh, until, "acc.dozing", {"seconds": 0.01})
    assert (run.status, run.context["dozed"]) == ("completed", 0.01)
    late = finish(mesh, until, "acc.dozing", {"seconds": 30.0})
    assert codes_of(late, "nap") == ["step_timed_out"]
    until(lambda: [step for _, step, _ in desk.noted("cancelled")] == ["nap"])


def test_a_step_cannot_end_the_process(mesh: SquidMesh, until: Callable[..., Any]) -> None:
    """sys.exit() and KeyboardInterrupt in a step are its failures; threads and event loop go on with the next."""
    run = finish(mesh, until, "acc.leaving")
    assert run.status == "completed"
    leaving = ("plain", "awaited", "interrupted", "interrupted_async")
    assert [codes_of(run, step) for step in leaving] == [["step_raised"]] * len(leaving)
    assert codes_of(run, "behind") == [None]


def test_stopping_one_worker_leaves_another_of_the_host_alone(
    mesh: SquidMesh, desk: Desk, until: Callable[..., Any]
) -> None:
    """Two workers of one mesh have an event loop each: the end of one does not cancel the other's async steps."""
    with mesh.worker(queues=["default"]):
        run = mesh.start_run("acc.dozing", {"seconds": 1.0})
        until(desk.noted)
        with mesh.worker(queues=["mail"]) as other:
            mail = mesh.start_run("acc.mail")
            until(lambda: mesh.inspect_run(mail.id).status == "completed")
            other._engine.executor.event_loop._running()
        until(lambda: mesh.inspect_run(run.id).status == "completed")
    assert [step for _, step, _ in desk.noted("end")] == ["nap"]


def test_a_result_that_the_database_refuses_fails_its_step(
    mesh: SquidMesh, desk: Desk, until: Callable[..., Any]
) -> None:
    """Neighbours in the group are recorded; the step itself fails as unrecordable, and no thread waits for ever."""
    desk.connection.execute(
        "ALTER TABLE squidmesh.step_runs "
        "ADD CONSTRAINT no_naps CHECK (output IS NULL OR output::text NOT LIKE '%slept%')"
    )
    with mesh.worker(concurrency=2):
        bad = mesh.start_run("acc.sleepy", {"seconds": 0.01})
        good = mesh.start_runs("acc.straight", [{}] * 10)
        until(lambda: desk.open_runs() == 0)
    assert {mesh.inspect_run(id_).status for id_ in good} == {"completed"}
    failed = mesh.inspect_run(bad.id)
    assert (failed.status, (failed.last_error or {})["code"]) == ("failed", "unrecordable")


def test_a_callable_is_told_when_its_lease_has_passed(
    mesh: SquidMesh,
    database_url: str,
    desk: Desk,
    until: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Without heartbeats a callable learns that its claim may be another's; its result stands if nobody took it."""
    told: list[bool] = []

    def watchful(ctx: StepContext) -> None:
        until(lambda: ctx.claim_lost)
        told.append(True)

    def no_beat(*_: object) -> None:
        raise DatabaseUnavailable("the network is gone")

    monkeypatch.setattr(heartbeat, "beat", no_beat)
    file = tmp_path / "watchful.yaml"
    file.write_text(
        "workflow: acc.watchful\ntriggers: {go: {manual: {}}}\nsteps: {only: {uses: acc.watchful, next: complete}}\n"
    )
    with SquidMesh(
        database_url, workflows=file, steps={"acc.watchful": watchful}, lease="1s", sweep_interval="10m"
    ) as host:
        run = host.start_run("acc.watchful")
        with host.worker():
            until(lambda: host.inspect_run(run.id).status == "completed")
    assert told == [True]


def test_huey_signals_and_hooks_fire_once_a_step(
    mesh: SquidMesh, until: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Each step, handed over or claimed, is a huey task of its own: signals and hooks fire once for it."""
    run = mesh.start_run("acc.straight")
    worker = mesh.worker()
    fired: list[str] = []
    worker.huey.signal()(lambda signal, task: fired.append(signal))
    worker.huey.pre_execute("before")(lambda task: fired.append("before"))
    worker.huey.post_execute("after")(lambda task, value, error: fired.append("after"))
    with caplog.at_level(logging.INFO), worker:
        until(lambda: fired.count("complete") == 5)
    assert mesh.inspect_run(run.id).status == "completed"
    assert {name: fired.count(name) for name in set(fired)} == dict.fromkeys(
        ("executing", "before", "after", "complete"), 5
    )
