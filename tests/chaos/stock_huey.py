"""What the suite's killer does to huey's own Postgres storage, which deletes a task before it runs it.

``python -m tests.chaos.stock_huey URL`` is the consumer that is killed.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import psycopg
from huey import PostgresHuey
from huey.consumer import Consumer

ROOT = Path(__file__).parents[2]
PATIENCE = 300.0
_THREADS = 8


def make_huey(url: str) -> PostgresHuey:
    """Return a huey on the stock storage, with one task: it takes a moment and then notes its number."""
    huey = PostgresHuey("stock", dsn=url, results=False)

    def work(number: int) -> None:
        time.sleep(0.02)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("INSERT INTO done VALUES (%s)", [number])

    work.__module__ = "tests.chaos.stock_huey"
    huey.work = huey.task()(work)
    return huey


def tasks_lost(url: str, *, tasks: int, kills: int, seed: int) -> int:
    """Enqueue tasks, kill the consumer under way so many times, and return how many tasks were never executed."""
    dice = random.Random(seed)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE done (number int)")
        huey = make_huey(url)
        for number in range(tasks):
            huey.work(number)
        consumer = _start(url)
        for strike in range(kills):
            _until(connection, "SELECT count(DISTINCT number) FROM done", tasks * strike // (kills + 1))
            time.sleep(dice.uniform(0.0, 0.1))
            consumer.kill()
            consumer.wait()
            consumer = _start(url)
        deadline = time.monotonic() + PATIENCE
        while huey.storage.queue_size():
            assert time.monotonic() < deadline, "the queue does not get empty"
            time.sleep(0.1)
        consumer.terminate()  # which lets what it has begun be done
        consumer.wait(PATIENCE)
        huey.storage.close()
        row = connection.execute("SELECT count(DISTINCT number) FROM done").fetchone()
    assert row is not None
    return tasks - int(row[0])


def _start(url: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "tests.chaos.stock_huey", url], cwd=ROOT)


def _until(connection: psycopg.Connection[tuple[int]], query: str, count: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while (connection.execute(query).fetchone() or (0,))[0] < count:
        assert time.monotonic() < deadline, "the tasks are not executed"
        time.sleep(0.02)


if __name__ == "__main__":
    Consumer(make_huey(sys.argv[1]), workers=_THREADS, periodic=False).run()
