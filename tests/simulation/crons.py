"""Definitions for the simulation of schedules: times of every kind, each policy, zones that change their clocks."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import strategies as st

from squidmesh.model.definition import CatchUp, Cron, Overlap, Step, Trigger, Uses, Workflow

# An evening, and the evenings before clocks are changed in Berlin and New York, forwards and back.
EVENINGS = (
    datetime(2026, 5, 1, 20, 50, tzinfo=UTC),
    datetime(2026, 3, 28, 20, 50, tzinfo=UTC),
    datetime(2026, 10, 24, 20, 50, tzinfo=UTC),
    datetime(2026, 3, 8, 2, 50, tzinfo=UTC),
    datetime(2026, 11, 1, 2, 50, tzinfo=UTC),
)
_EXPRESSIONS = ("0 * * * *", "*/20 * * * *", "30 2 * * *", "15 1-3 * * *", "0 */6 * * *", "0 9 * * 1-5")
_CRONS = st.builds(
    Cron,
    expression=st.sampled_from(_EXPRESSIONS),
    timezone=st.sampled_from(["Etc/UTC", "Europe/Berlin", "America/New_York"]),
    catch_up=st.sampled_from(list(CatchUp)),
    overlap=st.sampled_from([Overlap.ALLOW, *Overlap]),
)


@st.composite
def scheduled(draw: st.DrawFn) -> Workflow:
    """Return a workflow of one step with one schedule or two."""
    names = draw(st.sampled_from([["tick"], ["tick", "tock"]]))
    triggers = {name: Trigger(cron=draw(_CRONS)) for name in names}
    return Workflow(
        name="sim.run",
        triggers=triggers,
        steps={"s0": Step(action=Uses(step_type="m.work"))},
        description=draw(st.sampled_from("abc")),
    )
