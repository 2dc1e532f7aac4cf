"""A host with a scheduler of its own (APScheduler), which fires a cron trigger; the worker fires none.

However often and by however many processes the job is run, there is one run for each minute.
"""

from __future__ import annotations

import os
import signal
import threading

from apscheduler.schedulers.background import BackgroundScheduler
from fulfilment.steps import STEPS, WORKFLOWS

from squidmesh import SquidMesh

mesh = SquidMesh(os.environ["SHOP_DATABASE_URL"], workflows=WORKFLOWS, steps=STEPS)


def fire() -> None:
    """Start the run of this minute, if nobody has."""
    mesh.fire_schedule("shop.count_orders", "nightly")


def main() -> None:
    """Schedule and work until SIGTERM or Ctrl-C."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    scheduler = BackgroundScheduler(timezone="Europe/Berlin")
    scheduler.add_job(fire, "cron", second=os.environ.get("SHOP_SECONDS", "0"))
    with mesh, mesh.worker(concurrency=1, scheduler=False):
        scheduler.start()
        stop.wait()
        scheduler.shutdown()


if __name__ == "__main__":
    main()
