"""Schedules on a real database: each tick once, by the policy of its trigger."""

from __future__ import annotations

import json
import threading
import time
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from sqlalchemy import event

from squidmesh import SquidMesh, StepContext
from squidmesh.cli.main import main
from squidmesh.errors import InvalidValue, TriggerNotFound
from squidmesh.runtime.firing import Firing
from squidmesh.runtime.schedules import schedules_of
from tests.integration.clock import libpq, set_clock

START = datetime(2026, 5, 26, 8, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
FILE = """\
workflow: content.digest
triggers:
  hourly:
    cron: "{cron}"
    timezone: {zone}
    catch_up: {catch_up}
    overlap: {overlap}
    payload:
      day: {{type: string, default: {{today: iso8601}}}}
      moment: {{type: string, default: {{now: iso8601}}}}
  by_hand:
    manual: {{}}
steps:
  first:
    {step}
"""


loops: list[Loop] = []


@pytest.fixture
def make_mesh(database_url, tmp_path):
    """Make a process's mesh with one scheduled workflow, the database's clock at ``START``."""
    set_clock(database_url, START)
    opened = []

    def make(
        cron="0 * * * *", *, zone="Etc/UTC", catch_up="latest", overlap="allow", step="log: {message: hello}", **more
    ):
        path = tmp_path / f"digest{len(opened)}.yaml"
        path.write_text(FILE.format(cron=cron, zone=zone, catch_up=catch_up, overlap=overlap, step=step))
        mesh = SquidMesh(database_url, workflows=path, **more)
        opened.append(mesh)
        return mesh

    yield make
    while loops:
        loops.pop().store.close()
    for mesh in opened:
        mesh.close()


def firing_of(mesh):
    """Return what a worker's scheduler loop of this process would call."""
    loop = Loop(mesh)
    loops.append(loop)
    return loop


class Loop:
    """A worker's scheduler loop, gone round by hand, with the connection that it owns."""

    def __init__(self, mesh):
        definitions = [mesh._definition(workflow) for workflow in mesh.workflows.values()]
        self.firing = Firing(mesh.engine, schedules_of(definitions), mesh.settings.max_value_bytes)
        self.firing.adopt()
        self.store = mesh.engine.dedicated()

    def fire_due(self):
        """Look once; return how long until the next tick."""
        with self.store.use() as connection:
            return self.firing.fire_due(connection)


def fired(mesh):
    """Return the times that runs were started for, in order."""
    runs = mesh.list_runs(workflow="content.digest", limit=1000)
    return sorted(datetime.fromisoformat(run.schedule["scheduled_for"]) for run in runs)


def at(hour, minute=0, day=26):
    """Return a moment of the days of these tests."""
    return datetime(2026, 5, day, hour, minute, tzinfo=UTC)


def wait_for(condition, seconds=20.0):
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_a_worker_fires_a_tick_and_the_run_knows_what_it_is_for(make_mesh, database_url):
    """The run's payload is of the tick in the trigger's zone, its schedule says which tick, its step sees it."""
    seen = []

    def look(day: str, moment: str, ctx: StepContext) -> None:
        seen.append((day, moment, ctx.schedule))

    mesh = make_mesh(zone="Asia/Tokyo", step="uses: test.look", steps={"test.look": look})
    events = []
    mesh.on("schedule.fired", events.append)
    set_clock(database_url, at(15, 59) + timedelta(seconds=58))
    with mesh.worker(concurrency=1):
        wait_for(lambda: seen)
    tick = "2026-05-26T16:00:00+00:00"
    schedule = {
        "signal_id": f"content.digest:hourly:{tick}",
        "intended_window": {"start_at": tick, "end_at": "2026-05-26T17:00:00+00:00"},
        "scheduled_for": tick,
    }
    assert seen == [("2026-05-27", "2026-05-27T01:00:00+09:00", schedule)]
    (run,) = mesh.list_runs(workflow="content.digest")
    assert run.schedule == schedule
    assert run.trigger == "hourly"
    assert "schedule" not in run.payload
    assert [(event["workflow"], event["trigger"], event["run_id"]) for event in events] == [
        ("content.digest", "hourly", str(run.id))
    ]


def test_a_worker_without_scheduler_fires_nothing(make_mesh, database_url):
    """``scheduler=False`` leaves schedules to other workers, and their rows too."""
    mesh = make_mesh("* * * * *")
    with mesh.worker(concurrency=1, scheduler=False) as worker:
        set_clock(database_url, at(9))
        assert worker.wait_until_nothing_due(10)
    assert fired(mesh) == []
    assert mesh.list_schedules()[0].definition is None


def test_a_schedule_seen_for_the_first_time_does_not_fire_for_the_past(make_mesh, database_url):
    """Deploying at 08:30 starts nothing for 08:00; the first tick is that of 09:00."""
    firing = firing_of(make_mesh())
    assert firing.fire_due() == pytest.approx(timedelta(minutes=30), abs=timedelta(seconds=30))
    set_clock(database_url, at(9, 0))
    firing.fire_due()
    assert fired(make_mesh()) == [at(9)]


@pytest.mark.parametrize(
    ("catch_up", "overlap", "expected"),
    [
        ("latest", "allow", [at(14)]),
        ("all", "allow", [at(hour) for hour in range(9, 15)]),
        ("none", "allow", []),
        ("all", "skip", [at(9)]),
    ],
)
def test_an_outage_is_made_up_for_by_the_policy(make_mesh, database_url, catch_up, overlap, expected):
    """After six missed hours: the newest, all of them, none; and with overlap skip one that is unfinished is enough."""
    mesh = make_mesh(catch_up=catch_up, overlap=overlap)
    firing = firing_of(mesh)
    firing.fire_due()
    set_clock(database_url, at(14, 10))
    assert firing.fire_due() == pytest.approx(timedelta(minutes=50), abs=timedelta(seconds=30))
    firing.fire_due()
    assert fired(mesh) == expected


def test_catching_up_is_bounded(make_mesh, database_url):
    """A week of missed minutes starts a hundred runs, the last hundred, and is done with."""
    mesh = make_mesh("* * * * *", catch_up="all")
    firing = firing_of(mesh)
    firing.fire_due()
    end = START + timedelta(days=7, seconds=10)
    set_clock(database_url, end)
    firing.fire_due()
    newest = end.replace(second=0)
    assert fired(mesh) == [newest - timedelta(minutes=n) for n in reversed(range(100))]


def test_a_tick_on_time_fires_without_catching_up(make_mesh, database_url):
    """``catch_up: none`` drops what was missed, not what comes due while a worker is there."""
    mesh = make_mesh(catch_up="none")
    firing = firing_of(mesh)
    firing.fire_due()
    set_clock(database_url, at(9) + timedelta(seconds=2))
    firing.fire_due()
    assert fired(mesh) == [at(9)]


def test_overlap_skip_waits_for_the_end_of_the_run_before(make_mesh, database_url):
    """A tick starts nothing while the run of an earlier one is open, and the next one after its end does."""
    mesh = make_mesh(overlap="skip")
    firing = firing_of(mesh)
    firing.fire_due()
    for hour in (9, 10):
        set_clock(database_url, at(hour, 0))
        firing.fire_due()
    assert fired(mesh) == [at(9)]
    with mesh.worker(concurrency=1, scheduler=False) as worker:
        assert worker.wait_until_nothing_due(20)
    set_clock(database_url, at(11, 0))
    firing.fire_due()
    assert fired(mesh) == [at(9), at(11)]


@pytest.mark.parametrize("guards", ["lock and index", "lock alone"])
def test_four_schedulers_fire_each_tick_once(make_mesh, database_url, guards):
    """Four processes that look at the same moments start one run for each tick; the row's lock alone would do."""
    if guards == "lock alone":
        with psycopg.connect(libpq(database_url), autocommit=True) as connection:
            connection.execute("DROP INDEX squidmesh.runs_tick")
    meshes = [make_mesh("* * * * *", catch_up="all") for _ in range(4)]
    firings = [firing_of(mesh) for mesh in meshes]
    firings[0].fire_due()
    for minutes in (5, 10, 15):
        set_clock(database_url, START + timedelta(minutes=minutes, seconds=5))
        together = threading.Barrier(4)

        def look(firing, together=together):
            together.wait()
            for _ in range(3):
                firing.fire_due()

        threads = [threading.Thread(target=look, args=[firing]) for firing in firings]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert fired(meshes[0]) == [START + timedelta(minutes=n) for n in range(1, 16)]


def test_the_index_is_a_second_guard(make_mesh, database_url):
    """Were the schedule's row set back, its ticks would still not start a second run."""
    mesh = make_mesh(catch_up="all")
    firing = firing_of(mesh)
    firing.fire_due()
    set_clock(database_url, at(11, 10))
    firing.fire_due()
    with psycopg.connect(libpq(database_url), autocommit=True) as connection:
        connection.execute("UPDATE squidmesh.schedules SET last_fired_at = %s", [START])
    firing.fire_due()
    assert fired(mesh) == [at(9), at(10), at(11)]


def test_a_paused_schedule_fires_nothing_and_resumes_without_the_past(make_mesh, database_url):
    """Pausing holds in every process; what came due meanwhile is not made up for."""
    mesh = make_mesh(catch_up="all")
    mesh.pause_schedule("content.digest", "hourly", actor="ada", comment="the feed is down")
    mesh.pause_schedule("content.digest", "hourly", actor="bob")
    (shown,) = mesh.list_schedules()
    assert (shown.paused, shown.next_at) == (True, None)
    assert (shown.actor, shown.comment) == ("ada", "the feed is down")
    firing = firing_of(make_mesh(catch_up="all"))
    set_clock(database_url, at(11, 10))
    assert firing.fire_due() is None
    mesh.resume_schedule("content.digest", "hourly")
    firing.fire_due()
    assert fired(mesh) == []
    set_clock(database_url, at(12, 10))
    firing.fire_due()
    assert fired(mesh) == [at(12)]
    (shown,) = mesh.list_schedules()
    assert (shown.paused, shown.next_at, shown.last_at) == (False, at(13), at(12))
    assert (shown.actor, shown.comment) == (None, None)


def test_the_newest_definition_fires_and_an_older_worker_does_not(make_mesh, database_url):
    """A deploy that changes the cron takes the schedule over; it does not fire for the past of its new times."""
    old = firing_of(make_mesh())
    old.fire_due()
    set_clock(database_url, at(12, 30))
    new_mesh = make_mesh("15 * * * *")
    new = firing_of(new_mesh)
    new.fire_due()
    old.fire_due()
    assert fired(new_mesh) == []
    set_clock(database_url, at(13, 20))
    assert old.fire_due() is None
    new.fire_due()
    assert fired(new_mesh) == [at(13, 15)]
    again = firing_of(make_mesh())
    assert again.fire_due() is None, "an older definition that comes back does not take the schedule over"


def test_a_deploy_that_keeps_the_times_keeps_what_was_missed(make_mesh, database_url):
    """A tick that came while the new version was rolled out fires."""
    firing_of(make_mesh()).fire_due()
    set_clock(database_url, at(9, 10))
    mesh = make_mesh(step="log: {message: another text}")
    firing_of(mesh).fire_due()
    assert fired(mesh) == [at(9)]


def test_resuming_takes_a_schedule_over_after_a_rollback(make_mesh, database_url):
    """A person may say that the older definition is the one that counts."""
    old_mesh = make_mesh()
    old = firing_of(old_mesh)
    old.fire_due()
    firing_of(make_mesh("15 * * * *")).fire_due()
    assert [shown.loaded for shown in old_mesh.list_schedules()] == [False]
    old_mesh.resume_schedule("content.digest", "hourly")
    assert [shown.loaded for shown in old_mesh.list_schedules()] == [True]
    set_clock(database_url, at(9, 20))
    old.fire_due()
    assert fired(old_mesh) == [at(9)]


def test_firing_by_hand_is_idempotent(make_mesh, database_url):
    """One run for one time and for one signal, whoever fires it; the schedule's own tick included."""
    mesh = make_mesh()
    firing = firing_of(mesh)
    firing.fire_due()
    first = mesh.fire_schedule("content.digest", "hourly", scheduled_for=at(9))
    assert first.payload["moment"] == "2026-05-26T09:00:00+00:00"
    assert mesh.fire_schedule("content.digest", "hourly", scheduled_for=at(9)).id == first.id
    set_clock(database_url, at(9, 10))
    firing.fire_due()
    assert fired(mesh) == [at(9)]
    signalled = mesh.fire_schedule("content.digest", "hourly", signal_id="host-7")
    assert signalled.schedule["signal_id"] == "host-7"
    assert mesh.fire_schedule("content.digest", "hourly", signal_id="host-7").id == signalled.id
    other = mesh.fire_schedule("content.digest", "hourly", signal_id="host-8")
    assert other.id != signalled.id
    this_minute = mesh.fire_schedule("content.digest", "hourly")
    assert this_minute.schedule["scheduled_for"] == at(9, 10).isoformat()
    assert mesh.fire_schedule("content.digest", "hourly").id == this_minute.id


def test_only_cron_triggers_are_schedules(make_mesh):
    """A manual trigger, an unknown one and a time without zone are refused by name."""
    mesh = make_mesh()
    for trigger in ("by_hand", "daily"):
        with pytest.raises(TriggerNotFound, match=trigger):
            mesh.fire_schedule("content.digest", trigger)
    with pytest.raises(InvalidValue, match="time zone"):
        mesh.fire_schedule("content.digest", "hourly", scheduled_for=datetime(2026, 5, 26, 9))  # noqa: DTZ001
    assert [shown.trigger for shown in mesh.list_schedules()] == ["hourly"]


def test_an_idle_scheduler_costs_few_statements(make_mesh, database_url):
    """A look between ticks borrows no connection of the pool, which would be asked for its health first."""
    mesh = make_mesh()
    firing = firing_of(mesh)
    firing.fire_due()
    statements = []
    event.listen(mesh.database.engine, "after_cursor_execute", lambda *args: statements.append(args[2]))
    firing.fire_due()
    assert statements == []


def test_the_commands_show_pause_resume_and_fire(make_mesh, database_url, tmp_path, capsys, monkeypatch):
    """``squidmesh schedules`` does what the façade does, for the files it is pointed at, and keeps who did it."""
    monkeypatch.setenv("SQUIDMESH_ACTOR", "ada")
    make_mesh()
    options = ["--database", database_url, "--workflows", str(tmp_path / "digest0.yaml")]

    def run(*arguments):
        with pytest.raises(SystemExit) as stop:
            main(["schedules", *arguments, *options])
        return stop.value.code, capsys.readouterr().out

    assert "no worker has seen it yet" in run()[1]
    assert run("pause", "content.digest", "hourly") == (
        0,
        "content.digest hourly is paused by ada since 2026-05-26 08:30 UTC\n",
    )
    shown = json.loads(run("--json")[1])
    assert (shown[0]["paused_at"] is None, shown[0]["next_at"], shown[0]["actor"]) == (False, None, "ada")
    assert run("resume", "content.digest", "hourly")[0] == 0
    first = run("fire", "content.digest", "hourly", "--for", "2026-05-26T08:00Z")
    assert first == run("fire", "content.digest", "hourly", "--for", "2026-05-26T08:00Z")
    assert json.loads(run("--json")[1])[0]["last_at"] == "2026-05-26T08:00:00+00:00"
    assert run("fire", "content.digest", "hourly", "--for", "2026-05-26T08:00")[0] == 2
    assert run("fire", "content.digest", "weekly")[0] == 2
