"""Driving a mesh: draining works off what is due, and the clock moves for everything that waits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from squidmesh import RetryStep, SquidMesh, StepContext
from squidmesh.store.clock import move_clock

if TYPE_CHECKING:
    from collections.abc import Callable

    from squidmesh.testing import DrivenMesh

RECOVERY = """
    workflow: tests.recovery
    TRIGGER
    steps:
      cool_down: {wait: 3d, next: charge}
      charge:
        uses: tests.charge
        retry: {max_attempts: 5, backoff: {type: constant, min: 1h, max: 1h, jitter: false}}
        next: complete
"""


def refuse() -> None:
    """Fail, every time."""
    raise TimeoutError


def test_a_wait_of_days_and_five_tries_take_no_time(
    mesh: DrivenMesh, steps: dict[str, Any], write: Callable[..., None], start: Callable[..., str]
) -> None:
    """Each wait is over when the clock has been moved past it, and not before."""
    write(RECOVERY)
    steps["tests.charge"] = refuse
    run_id = start()
    assert mesh.drain() == []
    mesh.advance("71h")
    assert mesh.drain() == []
    mesh.advance(timedelta(hours=1))
    for attempt in range(1, 6):
        assert mesh.drain() == (["cool_down", "charge"] if attempt == 1 else ["charge"])
        assert mesh.drain() == []
        run = mesh.inspect_run(run_id, include_history=True)
        assert run.status == ("failed" if attempt == 5 else "retrying")
        mesh.advance(3600.0)
    assert run.steps
    assert len(run.steps[1].attempts) == 5
    assert timedelta(days=3, hours=4) < run.finished_at - run.created_at < timedelta(days=3, hours=5)


def test_time_passes_from_one_due_moment_to_the_next(
    mesh: DrivenMesh, steps: dict[str, Any], write: Callable[..., None], start: Callable[..., str]
) -> None:
    """Draining through a time works off what comes due in it, and leaves the clock at its end."""
    write(RECOVERY)
    steps["tests.charge"] = refuse
    run_id = start()
    before = mesh.now()
    assert mesh.drain(through="4470m") == ["cool_down", *["charge"] * 3]
    assert timedelta(minutes=4470) <= mesh.now() - before < timedelta(minutes=4500)
    assert mesh.drain(through="10h") == ["charge"] * 2
    assert mesh.inspect_run(run_id).status == "failed"


def test_the_clock_moves_to_a_time_and_never_back(mesh: DrivenMesh, write: Callable[..., None]) -> None:
    """An aware time may be given instead of a duration; one that has passed is refused."""
    write("{workflow: tests.w, TRIGGER, steps: {a: {log: {message: m}}}}")
    there = mesh.now() + timedelta(days=500)
    mesh.advance(there)
    assert timedelta() <= mesh.now() - there < timedelta(minutes=5)
    with pytest.raises(ValueError, match="forwards only"):
        mesh.advance(datetime(2020, 1, 1, tzinfo=UTC))
    with pytest.raises(ValueError, match="not a duration"):
        mesh.advance("soon")


def test_a_deadline_passes(mesh: DrivenMesh, write: Callable[..., None], start: Callable[..., str]) -> None:
    """A gate whose deadline the clock has passed takes its route."""
    write("""
        workflow: tests.gate
        TRIGGER
        steps:
          ask:
            approval: {deadline: 2d}
            next: {ok: complete, error: complete, deadline: remind}
          remind: {log: {message: too late}, next: complete}
    """)
    run_id = start()
    assert mesh.drain() == ["ask"]
    assert mesh.inspect_run(run_id).status == "paused"
    mesh.advance("2d")
    assert mesh.drain() == ["remind"]
    assert mesh.inspect_run(run_id).status == "completed"


def test_a_run_times_out(mesh: DrivenMesh, write: Callable[..., None], start: Callable[..., str]) -> None:
    """A run's own timeout is reached under the moved clock."""
    write("{workflow: tests.slow, timeout: 1d, TRIGGER, steps: {a: {pause: {}, next: complete}}}")
    run_id = start()
    mesh.drain(through="25h")
    run = mesh.inspect_run(run_id)
    assert (run.status, run.last_error["code"]) == ("failed", "run_timed_out")


DIGEST = """
    workflow: tests.digest
    triggers:
      daily: {cron: "0 9 * * *", CATCH_UP payload: {posted_on: {type: string, default: {today: iso8601}}}}
    steps:
      post: {log: {message: posted}, next: complete}
"""


@pytest.mark.parametrize(("catch_up", "expected"), [("", 1), ("catch_up: all,", 3)])
def test_a_schedule_fires_after_a_jump(
    catch_up: str, expected: int, mesh: DrivenMesh, write: Callable[..., None]
) -> None:
    """After a jump a schedule starts the runs of its missed ticks that its policy says, each for its own day."""
    write(DIGEST.replace("CATCH_UP", catch_up))
    mesh.drain()
    mesh.advance("3d")
    assert mesh.drain() == ["post"] * expected
    days = [run.payload["posted_on"] for run in mesh.list_runs()]
    ticks = [run.schedule["scheduled_for"] for run in mesh.list_runs()]
    assert days == [tick[:10] for tick in ticks]
    assert len(set(days)) == expected


def test_a_schedule_fires_at_each_tick_of_a_time_that_passes(mesh: DrivenMesh, write: Callable[..., None]) -> None:
    """Draining through days fires each tick at its time."""
    write(DIGEST.replace("CATCH_UP", ""))
    assert mesh.drain(through="3d") == ["post"] * 3
    for run in mesh.list_runs():
        late = run.created_at - datetime.fromisoformat(run.schedule["scheduled_for"])
        assert timedelta() <= late < timedelta(minutes=5)


def test_today_is_the_day_of_the_moved_clock(mesh: DrivenMesh, write: Callable[..., None]) -> None:
    """A payload's default of today follows the clock, though no schedule is involved."""
    write(DIGEST.replace("CATCH_UP", ""))
    mesh.advance("400d")
    run = mesh.start_run("tests.digest")
    assert run.payload["posted_on"] == run.created_at.date().isoformat()
    assert datetime.fromisoformat(run.payload["posted_on"]).replace(tzinfo=UTC) > datetime.now(UTC) + timedelta(
        days=390
    )


def test_a_drain_without_end_says_so(
    mesh: DrivenMesh, steps: dict[str, Any], write: Callable[..., None], start: Callable[..., str]
) -> None:
    """A step that asks for another attempt at once, for ever, ends the drain after the limit."""
    write("""
        workflow: tests.endless
        TRIGGER
        steps: {poll: {uses: tests.poll, retry: {max_attempts: 10000}, next: complete}}
    """)

    def poll() -> None:
        raise RetryStep("not yet", delay=0)

    steps["tests.poll"] = poll
    start()
    with pytest.raises(RuntimeError, match="no end after 20 executions, the last ones of poll, poll"):
        mesh.drain(limit=20)


def test_what_waits_is_explained_as_with_a_worker(
    mesh: DrivenMesh, write: Callable[..., None], start: Callable[..., str]
) -> None:
    """Between two drains a due step waits for its dispatch, not for somebody who can run it."""
    write("{workflow: tests.w, TRIGGER, steps: {a: {wait: 2h, next: b}, b: {log: {message: m}, next: complete}}}")
    run_id = start()
    mesh.drain()
    assert mesh.explain_run(run_id).reason == "waiting_for_timer"
    mesh.advance("30d")
    assert mesh.explain_run(run_id).reason == "pending_dispatch"


def test_a_real_worker_sees_the_moved_clock(
    mesh: DrivenMesh, write: Callable[..., None], start: Callable[..., str], database_url: str
) -> None:
    """The clock is the database's: any worker finds due what has come due."""
    write("{workflow: tests.w, TRIGGER, steps: {a: {wait: 30d, next: b}, b: {log: {message: m}, next: complete}}}")
    run_id = start()
    mesh.drain()
    mesh.advance("30d")
    with mesh.worker(concurrency=1) as worker:
        assert worker.wait_until_nothing_due(30)
    assert mesh.inspect_run(run_id).status == "completed"


def test_the_clock_is_put_back(mesh: DrivenMesh, write: Callable[..., None], database_url: str) -> None:
    """Closing the mesh puts the clock back, and so does a migration of a database that was left with a moved one."""
    write("{workflow: tests.w, TRIGGER, steps: {a: {log: {message: m}}}}")
    real = datetime.now(UTC)
    mesh.advance("30d")
    mesh.close()
    with SquidMesh(database_url) as host, host.database.transaction() as connection:
        assert host.database.read_clock(connection) - real < timedelta(days=1)
    with SquidMesh(database_url) as host:
        move_clock(host.database, timedelta(days=5))
        host.migrate()
        with host.database.transaction() as connection:
            assert host.database.read_clock(connection) - real < timedelta(days=1)


def test_steps_see_their_run_and_go_on_in_order(
    mesh: DrivenMesh, steps: dict[str, Any], write: Callable[..., None], start: Callable[..., str]
) -> None:
    """A dependency graph is worked off in this thread, the join last, and an irreversible step too."""
    write("""
        workflow: tests.graph
        triggers: {by_hand: {manual: {}, payload: {name: {type: string}}}}
        steps:
          left: {uses: tests.say, output: left}
          right: {uses: tests.say, output: right}
          joined: {uses: tests.join, after: [left, right], irreversible: true}
    """)
    steps["tests.say"] = lambda name: {"said": name}

    def join(left: dict[str, Any], right: dict[str, Any], ctx: StepContext) -> dict[str, Any]:
        return {"both": [left["said"], right["said"]], "in": ctx.workflow}

    steps["tests.join"] = join
    run_id = start(name="x")
    executed = mesh.drain()
    assert (sorted(executed[:2]), executed[2:]) == (["left", "right"], ["joined"])
    assert mesh.inspect_run(run_id).context["both"] == ["x", "x"]
