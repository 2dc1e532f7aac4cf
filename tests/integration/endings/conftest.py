"""What the tests of endings share: meshes over a fresh database, steps that a test holds and releases."""

from __future__ import annotations

import contextlib
import textwrap
import threading
import time
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from sqlalchemy import make_url

from squidmesh import SquidMesh, StepContext, StepFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from uuid import UUID

    from squidmesh.model.run import Run, StepRun

PATIENCE = 15.0


def wait_until(condition: Callable[[], object], what: str = "the condition") -> None:
    """Poll until something holds; fail if it does not within the patience of a test."""
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until, f"{what} did not come true"
        time.sleep(0.01)


class Steps:
    """Step types for tests; ``calls`` names what ran, in order, and ``contexts`` what each was called in.

    ``t.hold`` runs until ``release`` is set or it sees that it is cancelled, ``t.deaf`` until the former; ``t.fail``
    fails for good, ``t.flaky`` with a retry; ``t.undo`` undoes.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.contexts: dict[str, StepContext] = {}
        self.release = threading.Event()
        self.started = threading.Event()
        self.failing: set[str] = set()
        self.undone: list[dict[str, Any]] = []

    def types(self) -> dict[str, Callable[..., Any]]:
        """Return the step types by name."""
        return {
            "t.ok": self.ok,
            "t.other": self.ok,
            "t.hold": self.hold,
            "t.deaf": self.deaf,
            "t.fail": self.fail,
            "t.flaky": self.flaky,
            "t.undo": self.undo,
            "t.undo_badly": self.undo_badly,
        }

    def _note(self, ctx: StepContext) -> None:
        self.calls.append(ctx.step)
        self.contexts[ctx.step] = ctx

    def ok(self, ctx: StepContext) -> dict[str, Any]:
        """Return an output that names the step, or fail while the step is among ``failing``."""
        self._note(ctx)
        if ctx.step in self.failing:
            raise StepFailed(f"{ctx.step} was told to fail", code="told_to")
        return {f"{ctx.step}_ran": ctx.run_id}

    def hold(self, ctx: StepContext) -> dict[str, Any]:
        """Run until released, or until the step sees that it is cancelled or its claim lost."""
        self._note(ctx)
        self.started.set()
        until = time.monotonic() + PATIENCE
        while not self.release.is_set() and time.monotonic() < until:
            if ctx.cancelled:
                return {"saw": "cancelled"}
            time.sleep(0.005)
        return {"saw": "release"}

    def deaf(self, ctx: StepContext) -> None:
        """Run until released, whatever the step could see."""
        self._note(ctx)
        self.started.set()
        self.release.wait(PATIENCE)

    def fail(self, ctx: StepContext) -> None:
        """Fail for good."""
        self._note(ctx)
        raise StepFailed("it cannot be done", code="no_way")

    def flaky(self, ctx: StepContext) -> None:
        """Fail, to be tried again."""
        self._note(ctx)
        raise RuntimeError("not this time")

    def undo(self, ctx: StepContext, step: dict[str, Any], failure: dict[str, Any] | None = None) -> dict[str, Any]:
        """Note what is undone."""
        self.calls.append(f"undo {step['name']}")
        self.undone.append(step | {"failure": failure})
        return {"undid": step["name"]}

    def undo_badly(self, ctx: StepContext, step: dict[str, Any]) -> None:
        """Fail to undo."""
        self.calls.append(f"undo {step['name']}")
        raise StepFailed("it cannot be undone", code="stuck")


@pytest.fixture
def steps() -> Iterator[Steps]:
    """The step types of the test; what is still held at its end is released."""
    made = Steps()
    yield made
    made.release.set()


@pytest.fixture
def make_mesh(database_url: str, steps: Steps, tmp_path: Path) -> Iterator[Callable[..., SquidMesh]]:
    """Make a mesh from workflow texts; each is closed at the end of the test."""
    with contextlib.ExitStack() as stack:

        def make(*texts: str, database: Any = None, **settings: Any) -> SquidMesh:
            folder = tmp_path / f"workflows{len(list(tmp_path.iterdir()))}"
            folder.mkdir()
            for number, text in enumerate(texts):
                (folder / f"w{number}.yaml").write_text(textwrap.dedent(text), encoding="utf-8")
            options: Mapping[str, Any] = {"sweep_interval": "200ms"} | settings
            mesh = SquidMesh(database or database_url, folder, steps.types(), folder=tmp_path, **options)
            return stack.enter_context(mesh)

        yield make


@pytest.fixture
def sql(database_url: str) -> Iterator[Callable[..., list[tuple[Any, ...]]]]:
    """Execute a statement beside the engine and return its rows."""
    libpq = make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(libpq, autocommit=True) as connection:

        def execute(statement: str, *arguments: Any) -> list[tuple[Any, ...]]:
            cursor = connection.execute(statement, arguments or None)
            return cursor.fetchall() if cursor.description else []

        yield execute


def wait_for_status(mesh: SquidMesh, run_id: UUID, *statuses: str) -> Run:
    """Wait until a run shows one of these statuses, and return it with its history."""
    wait_until(lambda: mesh.inspect_run(run_id).status in statuses, f"a status among {statuses}")
    return mesh.inspect_run(run_id, include_history=True)


def step_run(run: Run, name: str, kind: int = 0) -> StepRun:
    """Return the step run of a step, or of its compensation (1)."""
    (found,) = (item for item in run.step_runs or () if item.step == name and item.kind == kind)
    return found


def assert_at_rest(run: Run) -> None:
    """Check that nothing of a finished run is unfinished."""
    assert run.status.terminal
    assert all(item.status.terminal for item in run.step_runs or ())
