"""The state tables: complete, closed, and with ends that are ends."""

from __future__ import annotations

import pytest

from squidmesh.model.state import RUN_TRANSITIONS, STEP_TRANSITIONS, RunStatus, StepStatus


@pytest.mark.parametrize(("statuses", "table"), [(RunStatus, RUN_TRANSITIONS), (StepStatus, STEP_TRANSITIONS)])
def test_every_status_has_an_entry(statuses, table):
    """A status without an entry would have undefined moves."""
    assert set(table) == set(statuses)


def test_the_terminal_statuses_are_the_promised_ones():
    """These never change, and no other status is an end."""
    assert {status for status in RunStatus if status.terminal} == {"completed", "failed", "cancelled"}
    assert {status for status in StepStatus if status.terminal} == {"completed", "failed", "skipped", "cancelled"}


@pytest.mark.parametrize(("statuses", "table"), [(RunStatus, RUN_TRANSITIONS), (StepStatus, STEP_TRANSITIONS)])
def test_an_end_can_be_reached_from_everywhere(statuses, table):
    """No set of statuses keeps a row for ever, and no status moves to itself."""
    for status in statuses:
        seen, todo = set(), [status]
        while todo:
            current = todo.pop()
            if current not in seen:
                seen.add(current)
                todo.extend(table[current])
        assert any(reached.terminal for reached in seen)
        assert status not in table[status]


def test_the_run_table_is_the_published_one():
    """The moves of a run, as documented."""
    assert {str(status): {str(to) for to in table} for status, table in RUN_TRANSITIONS.items() if table} == {
        "pending": {"running", "paused", "failed", "cancelling", "cancelled"},
        "running": {"retrying", "paused", "completed", "failed", "cancelling", "cancelled"},
        "retrying": {"running", "paused", "completed", "failed", "cancelling", "cancelled"},
        "paused": {"running", "retrying", "completed", "failed", "cancelling", "cancelled"},
        "cancelling": {"cancelled"},
    }


def test_only_a_running_step_is_skipped_or_completed_by_a_worker():
    """What has not been claimed cannot have been executed."""
    assert StepStatus.COMPLETED not in STEP_TRANSITIONS[StepStatus.PENDING]
    assert STEP_TRANSITIONS[StepStatus.WAITING] <= {StepStatus.PENDING, StepStatus.RUNNING, StepStatus.CANCELLED}
