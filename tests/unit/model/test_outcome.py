"""Failures as they are stored."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from squidmesh.model.outcome import Failure

FAILURES = st.builds(
    Failure,
    message=st.text(),
    code=st.text(),
    type=st.none() | st.text(),
    retryable=st.booleans(),
    details=st.none() | st.dictionaries(st.text(), st.integers()),
)


@given(FAILURES)
def test_a_failure_survives_being_stored(failure: Failure):
    """What a step raised is what a later step, a person or a retry sees."""
    assert Failure.from_dict(json.loads(json.dumps(failure.to_dict()))) == failure


def test_the_stored_form_is_the_documented_one():
    """Every key is there; what others added beside them is passed over."""
    failure = Failure(message="no", code="not_found")
    stored = {"message": "no", "code": "not_found", "type": None, "retryable": False, "details": None}
    assert failure.to_dict() == stored
    assert Failure.from_dict(stored | {"step": "charge", "attempts": 3}) == failure
    assert Failure.from_dict({"message": "no", "code": "not_found"}) == failure
