"""Identifiers: the layout of RFC 9562 and the order of creation."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable
from uuid import RFC_4122, UUID

import pytest

from squidmesh.errors import InvalidRunId
from squidmesh.model import identity
from squidmesh.model.identity import new_id, new_token, parse_run_id

MILLISECOND = 1_000_000
Clock = Callable[..., None]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return a function that sets the nanoseconds which the clock shows next; the last one stays."""
    monkeypatch.setattr(identity, "_last", 0)
    shown: list[int] = []

    def show(*nanoseconds: int) -> None:
        shown[:] = nanoseconds

    monkeypatch.setattr(time, "time_ns", lambda: shown.pop(0) if len(shown) > 1 else shown[0])
    return show


def test_an_id_has_the_layout_of_version_7(clock: Clock):
    """48 bits of Unix milliseconds, the version, the variant."""
    clock(1_645_557_742_000_999_999)  # the moment of the RFC's example, appendix A.6
    made = new_id()
    assert made.int >> 80 == 0x017F22E279B0
    assert made.version == 7
    assert made.variant == RFC_4122


def test_later_ids_sort_behind_earlier_ones(clock: Clock):
    """Sorting ids sorts by the millisecond they were made in."""
    clock(*range(1_700_000_000_000_000_000, 1_700_000_001_000_000_000, MILLISECOND))
    made = [new_id() for _ in range(1000)]
    assert made == sorted(made)
    assert len({identifier.int >> 80 for identifier in made}) == 1000


def test_ids_of_one_millisecond_keep_their_order(clock: Clock):
    """A counter orders them, also when there are more than it can count."""
    clock(1_700_000_000_000_000_000)
    made = [new_id() for _ in range(10_000)]
    assert made == sorted(set(made))
    assert {(identifier.version, identifier.variant) for identifier in made} == {(7, RFC_4122)}


def test_a_clock_that_is_set_back_does_not_disturb_the_order(clock: Clock):
    """Time never runs backwards within a process."""
    clock(1_700_000_000_000_000_000, 1_600_000_000_000_000_000)
    made = [new_id() for _ in range(10)]
    assert made == sorted(made)


def test_two_processes_make_different_ids(clock: Clock, monkeypatch: pytest.MonkeyPatch):
    """Time and counter may be the same there; the random bits are not."""
    clock(1_700_000_000_000_000_000)
    first = new_id()
    monkeypatch.setattr(identity, "_last", 0)
    second = new_id()
    assert first.int >> 64 == second.int >> 64
    assert first != second


def test_a_forked_process_makes_other_ids_than_its_parent():
    """What makes ids differ is drawn anew after a fork, for tokens too."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that threads of this process are not copied
        child = os.fork()
    if child == 0:
        os.write(writing, new_token().bytes + new_id().bytes)
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(reading, 32)
    assert new_token().bytes != theirs[:16]
    assert new_id().bytes[8:] != theirs[24:]
    os.close(reading)
    os.close(writing)


def test_a_token_is_a_random_uuid():
    """Version 4, and never the same twice."""
    made = {new_token() for _ in range(10_000)}
    assert len(made) == 10_000
    assert {(token.version, token.variant) for token in made} == {(4, RFC_4122)}


def test_a_run_id_may_be_a_uuid_or_its_text():
    """Both forms name the same run."""
    made = new_id()
    assert parse_run_id(made) == parse_run_id(str(made)) == parse_run_id(str(made).upper()) == made
    assert isinstance(parse_run_id(str(made)), UUID)


@pytest.mark.parametrize("value", ["", "17", 17, None, b"x" * 16, "0" * 31, "x" * 10_000])
def test_anything_else_is_no_run_id(value: object):
    """The refusal is the one error that names run ids."""
    with pytest.raises(InvalidRunId):
        parse_run_id(value)
