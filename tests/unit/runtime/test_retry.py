"""When a failed attempt and a lost one are tried again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squidmesh.model.definition import Backoff, BackoffType
from squidmesh.model.duration import LONGEST
from squidmesh.runtime.retry import JITTER, backoff_delay, loss_delay

LENGTHS = st.timedeltas(min_value=timedelta(), max_value=LONGEST)
ATTEMPTS = st.integers(min_value=1, max_value=10_000)


@pytest.mark.parametrize(
    ("kind", "seconds"),
    [
        (BackoffType.EXPONENTIAL, [2, 4, 8, 16, 20, 20]),
        (BackoffType.LINEAR, [2, 4, 6, 8, 10, 12]),
        (BackoffType.CONSTANT, [2, 2, 2, 2, 2, 2]),
    ],
)
def test_the_delay_after_each_failed_attempt(kind: BackoffType, seconds: list[int]):
    """Of each kind: min * 2^(n-1), min * n, and min, none above max."""
    backoff = Backoff(type=kind, min=timedelta(seconds=2), max=timedelta(seconds=20), jitter=False)
    assert [backoff_delay(backoff, n).total_seconds() for n in range(1, 7)] == seconds


@given(st.sampled_from(BackoffType), LENGTHS, LENGTHS, ATTEMPTS, st.floats(0, 1))
def test_every_policy_has_a_delay_for_every_attempt(
    kind: BackoffType, low: timedelta, high: timedelta, attempt: int, dice: float
):
    """Never negative, never past the maximum, jitter takes at most a fifth, and nothing overflows."""
    backoff = Backoff(type=kind, min=min(low, high), max=max(low, high), jitter=False)
    plain = backoff_delay(backoff, attempt)
    assert backoff.min <= plain <= backoff.max
    spread = backoff_delay(Backoff(type=kind, min=backoff.min, max=backoff.max), attempt, uniform=lambda: dice)
    assert plain * (1 - JITTER) - timedelta(milliseconds=1) <= spread <= plain + timedelta(milliseconds=1)


@given(st.sampled_from([BackoffType.EXPONENTIAL, BackoffType.LINEAR]), LENGTHS, LENGTHS, ATTEMPTS)
def test_patience_never_shrinks(kind: BackoffType, low: timedelta, high: timedelta, attempt: int):
    """A later attempt never waits less than an earlier one."""
    backoff = Backoff(type=kind, min=min(low, high), max=max(low, high), jitter=False)
    assert backoff_delay(backoff, attempt) <= backoff_delay(backoff, attempt + 1)


def test_losses_are_tried_again_soon_and_then_with_patience():
    """1 s, 4 s, 16 s, and, however high the limit is set, about an hour at most."""
    assert [loss_delay(n).total_seconds() for n in (1, 2, 3)] == [1, 4, 16]
    assert loss_delay(1000) < timedelta(hours=2)
