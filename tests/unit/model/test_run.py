"""What callers see of runs, as JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from uuid import UUID

from squidmesh.model.run import Attempt, Run, StepState
from squidmesh.model.state import AttemptStatus, RunStatus, StepStatus

AT = datetime(2024, 6, 3, 9, 0, tzinfo=UTC)
RUN_ID = UUID("017f22e2-79b0-7cc3-98c4-dc0c0c07398f")
ATTEMPT = Attempt(
    number=1, status=AttemptStatus.FAILED, error={"code": "x"}, worker=None, started_at=AT, finished_at=AT
)
STATE = StepState(
    step="charge",
    kind="billing.charge",
    status=StepStatus.FAILED,
    depends_on=("load",),
    input=None,
    output=None,
    last_error={"code": "x"},
    attempts=(ATTEMPT,),
    recovery={},
)
RUN = Run(
    id=RUN_ID,
    workflow="billing.recovery",
    trigger="manual",
    definition="0ebad9",
    version=None,
    status=RunStatus.FAILED,
    payload={"lines": [1]},
    context={},
    current_step="charge",
    last_error=None,
    schedule=None,
    idempotency_key=None,
    replayed_from=None,
    created_at=AT,
    started_at=AT,
    finished_at=AT,
    steps=(STATE,),
)


def test_a_run_is_json_ready_all_the_way_down():
    """Ids and times are text, statuses their words, tuples lists; nothing is left out."""
    shown = json.loads(json.dumps(RUN.to_dict()))
    assert shown["id"] == str(RUN_ID)
    assert shown["status"] == "failed"
    assert shown["created_at"] == "2024-06-03T09:00:00+00:00"
    assert shown["steps"][0]["depends_on"] == ["load"]
    assert shown["steps"][0]["attempts"][0]["status"] == "failed"
    assert shown["step_runs"] is None
    assert list(shown)[:4] == ["id", "workflow", "trigger", "definition"]


def test_a_status_compares_with_its_word():
    """``run.status == "completed"`` holds for callers who do not import the enum."""
    assert RUN.status == "failed"
    assert RUN.steps is not None
    assert RUN.steps[0].status == "failed"
