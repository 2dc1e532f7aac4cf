"""The rules by which people move runs: they start, decide, cancel, wake and replay them, and deploy new definitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.simulation.both import Both
from tests.simulation.memory import RefusedError
from tests.simulation.replaying import replay

if TYPE_CHECKING:
    from collections.abc import Callable

    from squidmesh.model.definition import Workflow
    from squidmesh.model.ruling import Ruling


class Asking(Both):
    """What people ask for: accepted by both sides or by none."""

    def start(self, *, flag: bool, key: str | None = None) -> bool:
        """Start a run, or find that of the key; return whether that was accepted."""
        started = [_made(lambda: self.world.start(flag=flag, key=key))]
        if self.twin is not None:
            started.append(self.twin.start(flag, key))
        assert len(set(started)) == 1, f"a start gave {started}"
        self.check()
        return started[0] is not None

    def start_at_once(self, *, flag: bool, key: str, times: int) -> None:
        """Start one run several times over, all at the same moment."""
        number = _made(lambda: self.world.start(flag=flag, key=key))
        if self.twin is not None:
            found = self.twin.start_at_once(flag, key, times)
            assert found == {number}, f"starts at once gave {found}, and not {number}"
        self.check()

    def start_batch(self, flags: list[bool]) -> None:
        """Start several runs in one statement."""
        for flag in flags:
            self.world.start(flag=flag)
        if self.twin is not None:
            self.twin.start_batch(flags)
        self.check()

    def use(self, workflow: Workflow) -> None:
        """Deploy another definition of the workflow."""
        self.world.use(workflow)
        if self.twin is not None:
            self.twin.use(workflow)

    def replay(self, number: int, *, from_step: str | None = None, allow: bool = False, latest: bool = True) -> bool:
        """Replay a run; return whether that was accepted."""
        options: dict[str, Any] = {"from_step": from_step, "allow": allow, "latest": latest}
        made = [_made(lambda: replay(self.world, number, **options))]
        if self.twin is not None:
            made.append(self.twin.replay(number, **options))
        assert len(set(made)) == 1, f"a replay gave {made}"
        self.check()
        return made[0] is not None

    def decide(self, ruling: Ruling, number: int = 0) -> bool:
        """Let a person decide; return whether there was something to decide."""
        return self._act(number, "decide", ruling)

    def cancel(self, number: int = 0, *, compensate: bool, force: bool) -> bool:
        """Cancel a run; return whether it had not ended."""
        return self._act(number, "cancel", compensate=compensate, force=force)

    def wake(self, number: int = 0) -> bool:
        """Make due what is due later; return whether anything was."""
        return self._act(number, "wake")

    def _act(self, number: int, action: str, *arguments: Any, **options: Any) -> bool:
        try:
            getattr(self.world.runs[number], action)(*arguments, **options)
            accepted = True
        except RefusedError:
            accepted = False
        if self.twin is not None:
            assert self.twin.act(number, action, *arguments, **options) == accepted, f"{action} {accepted}"
        self.check()
        return accepted


def _made(make: Callable[[], int]) -> int | None:
    try:
        return make()
    except RefusedError:
        return None
