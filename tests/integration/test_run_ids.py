"""Run ids shortened to a beginning that one run alone has, and what is said of those that are not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
import pytest

from squidmesh import SquidMesh
from squidmesh.errors import AmbiguousRunId, InvalidRunId, RunNotFound
from tests.integration.clock import libpq

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST = "019b76da-a800-7000-8000-000000000001"
SECOND = "019b76da-a800-7000-8000-0000000000f2"
THIRD = "019b76da-b900-7000-8000-000000000003"
OTHER = "ffffffff-ffff-7fff-bfff-ffffffffffff"


@pytest.fixture
def mesh(database_url: str) -> Iterator[SquidMesh]:
    """A mesh with four runs of known ids."""
    with SquidMesh(database_url, workflows=[]) as mesh, psycopg.connect(libpq(database_url)) as connection:
        for id_ in (FIRST, SECOND, THIRD, OTHER):
            connection.execute(
                "INSERT INTO squidmesh.runs (id, workflow, trigger, definition_hash, status, phase, active, retrying, "
                "paused, seq, payload, created_at) VALUES (%s, 'w', 't', 'h', 'pending', 'forward', 1, 0, 0, 0, '{}', "
                "now())",
                [id_],
            )
        connection.commit()
        yield mesh


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (FIRST, FIRST),
        (FIRST.upper().replace("-", ""), FIRST),
        ("019b76da-b", THIRD),
        ("019b76dab9", THIRD),
        (SECOND[:-1], SECOND),
        ("f", OTHER),
        (f" {OTHER}\n", OTHER),
    ],
)
def test_a_beginning_that_one_run_has_names_it(mesh: SquidMesh, written: str, meant: str) -> None:
    """With or without dashes, in either case, as short as it is unique."""
    assert mesh.find_run_id(written) == UUID(meant)


def test_an_id_names_its_run(mesh: SquidMesh) -> None:
    """As it does in every other call."""
    assert mesh.find_run_id(UUID(FIRST)) == UUID(FIRST)


def test_several_runs_that_begin_so_are_named(mesh: SquidMesh) -> None:
    """The newest first, so that one may be picked."""
    with pytest.raises(AmbiguousRunId) as caught:
        mesh.find_run_id("019b76da-a")
    assert caught.value.candidates == (SECOND, FIRST)


@pytest.mark.parametrize(
    ("written", "similar"),
    [
        (THIRD[:-1] + "4", (THIRD,)),  # the last digit is wrong
        (FIRST[:-2] + "99", (SECOND, FIRST)),
        ("019b76da-c", (THIRD, SECOND, FIRST)),
        ("019b8", ()),  # shares too little to mean anything
        ("00000000", ()),
    ],
)
def test_an_unknown_id_is_told_what_is_like_it(mesh: SquidMesh, written: str, similar: tuple[str, ...]) -> None:
    """Runs whose ids share the longest beginning with it, if that is long and they are few."""
    with pytest.raises(RunNotFound) as caught:
        mesh.find_run_id(written)
    assert caught.value.similar == similar


@pytest.mark.parametrize("written", ["", "-", "xyz", FIRST + "0", "019b_76", "{019b}", "0" * 33, None, 17])
def test_what_can_begin_no_id_is_refused(mesh: SquidMesh, written: Any) -> None:
    """It is told apart from an id that is not there."""
    with pytest.raises(InvalidRunId):
        mesh.find_run_id(written)
