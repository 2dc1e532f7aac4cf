"""A host with huey tasks of its own; each writes what it does into the ledger."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import SimpleNamespace

import psycopg
from huey import crontab

from squidmesh import SquidMesh


def write(event: str) -> None:
    """Commit one line of the ledger."""
    with psycopg.connect(os.environ["LEDGER_URL"], autocommit=True, application_name="ledger") as connection:
        connection.execute("INSERT INTO ledger (pid, event) VALUES (%s, %s)", (os.getpid(), event))


def register(mesh: SquidMesh) -> SimpleNamespace:
    """Register the tasks, and return them."""

    @mesh.huey.task()
    def note(text: str) -> None:
        write(text)

    @mesh.huey.task()
    def gated(gate: str) -> None:
        write("task begun")
        while not Path(gate).exists():
            time.sleep(0.02)
        write("task ended")

    return SimpleNamespace(note=note, gated=gated)


def make() -> SquidMesh:
    """Return a mesh with the tasks (``--app host_app:make``)."""
    mesh = SquidMesh()
    register(mesh)

    @mesh.huey.signal("interrupted")
    def interrupted(signal: str, task: object) -> None:
        write("task interrupted")

    return mesh


def make_punctual() -> SquidMesh:
    """Return a mesh with a task that is due each minute."""
    mesh = make()
    mesh.huey.periodic_task(crontab())(lambda: write("tick"))
    return mesh
