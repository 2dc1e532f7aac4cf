"""The host of the suite's workers: ``squidmesh --app tests.chaos.app:mesh run``, from the top of the repository.

It is the host of the invariant tests with more step types, and with what a scenario asks of a worker by the
environment: ``CHAOS_WITHOUT`` (a step type that this one does not have), ``CHAOS_FREEZE`` (a file: the first
process that comes to a step of this name, after its claim and before its call, stops itself).
"""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from squidmesh import SquidMesh, StepContext
from tests.chaos.hostility import leave
from tests.chaos.mutations import MUTATIONS
from tests.invariants.ledger import Ledger
from tests.invariants.steps import ledger_steps

if TYPE_CHECKING:
    from collections.abc import Callable


def chaos_steps(ledger: Ledger) -> dict[str, Callable[..., Any]]:
    """Return step types that misbehave."""

    def stuck(ctx: StepContext) -> dict[str, Any]:
        """Never end, whatever it is told."""
        execution = ledger.begin(ctx)
        while True:
            threading.Event().wait(1)
            assert execution

    def obedient(ctx: StepContext, enough: str) -> dict[str, Any]:
        """Wait for the file ``enough``, but end as soon as it is told that its claim is lost."""
        execution = ledger.begin(ctx)
        while not Path(enough).exists() and not ctx.claim_lost:
            time.sleep(0.02)
        ledger.end(execution)
        return {"execution": execution}

    return {"chaos.stuck": stuck, "chaos.obedient": obedient, "chaos.hostile": leave}


def freeze_at(step: str, marker: Path) -> Callable[[dict[str, Any]], None]:
    """Return a callback that stops this process at a step, unless a process was stopped there before."""

    def freeze(event: dict[str, Any]) -> None:
        if event["step"] == step and not marker.exists():
            marker.write_text(str(os.getpid()))
            os.kill(os.getpid(), signal.SIGSTOP)

    return freeze


def mesh() -> SquidMesh:
    """Return the mesh of this process."""
    if mutation := os.environ.get("CHAOS_MUTATION"):
        MUTATIONS[mutation]()
    ledger = Ledger(os.environ["LEDGER_URL"])
    steps = ledger_steps(ledger) | chaos_steps(ledger)
    for name in os.environ.get("CHAOS_WITHOUT", "").split():
        del steps[name]
    mesh = SquidMesh(steps=steps)
    if marker := os.environ.get("CHAOS_FREEZE"):
        mesh.on("step.started", freeze_at(Path(marker).name, Path(marker)))
    return mesh
