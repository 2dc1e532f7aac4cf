"""What a host's huey tasks look like on the way: JSON that comes back as it was, and nothing else that is read."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from huey.registry import Message
from huey.utils import SKIPPED, Error

from squidmesh.worker.host_messages import HostSerializer, plain, refusal

NOON = datetime(2026, 5, 4, 12, 0, 0, 250000, tzinfo=UTC).replace(tzinfo=None)


def task(**fields: Any) -> Message:
    """Return a message with the fields that each has."""
    return Message(**{"id": "1", "name": "shop.remind", "args": (), "kwargs": {}, "retries": 0} | fields)


@pytest.mark.parametrize(
    "kept",
    [
        task(),
        task(args=(1, "é", None, [1.5, {"a": True}]), kwargs={"b": [], "self": 1}),
        task(eta=NOON, expires_resolved=NOON, retries=3, retry_delay=0.5, retry_backoff=2, priority=-1.5, timeout=9),
        task(expires=30),
        task(expires=NOON),
        task(expires=NOON.replace(tzinfo=UTC)),
        task(on_complete=task(id="2", on_complete=task(id="3")), on_error=task(id="4")),
        task(chord_config=("c", 2, 0, task(id="5"))),
        Error({"error": "RuntimeError()", "retries": 0, "traceback": "…", "task_id": "1"}),
        (None, True),
        (NOON, False),
        {"task": {}},
        [None, True],
        "1",
        7,
        None,
    ],
    ids=str,
)
def test_what_is_kept_comes_back(kept: Any) -> None:
    """Tasks with all that they carry, errors, revocations, locks and results survive as JSON objects."""
    written = HostSerializer().serialize(kept)
    assert isinstance(json.loads(written), dict)
    assert HostSerializer().deserialize(written) == kept


def test_a_skipped_member_comes_back_as_huey_knows_it() -> None:
    """A chord asks by identity whether a member was skipped."""
    assert HostSerializer().deserialize(HostSerializer().serialize(SKIPPED)) is SKIPPED


def test_an_expiry_may_be_a_duration() -> None:
    """A timedelta comes back as the seconds that it is, which mean the same to huey."""
    serializer = HostSerializer()
    assert serializer.deserialize(serializer.serialize(task(expires=timedelta(minutes=1)))).expires == 60.0


GOOD = {"id": "1", "name": "shop.remind", "args": [], "kwargs": {}}


@pytest.mark.parametrize(
    "row",
    [
        b"",
        b"\x80\x05]",
        pickle.dumps(task()),
        b"{",
        b"[]",
        b"null",
        b"{}",
        b'["1", "squidmesh.worker.tasks.run_step", null, 0, 0, null, ["1"], {}]',
        b'{"task": {}, "value": 1}',
        b'{"code": "os.system"}',
        b'{"task": ' * 100_000,
        b'{"value": NaN}',
        b'{"value": -Infinity}',
        b'{"value": ' + b"9" * 5000 + b"}",
        b'{"revoked": [1]}',
        b'{"revoked": {"until": "soon"}}',
        b'{"error": "no"}',
        *(
            json.dumps({"task": content}).encode()
            for content in (
                [],
                {},
                {key: value for key, value in GOOD.items() if key != "args"},
                GOOD | {"args": {}},
                GOOD | {"kwargs": []},
                GOOD | {"id": 1},
                GOOD | {"name": ["x"]},
                GOOD | {"retries": "3"},
                GOOD | {"retries": True},
                GOOD | {"retry_delay": "now"},
                GOOD | {"eta": 12},
                GOOD | {"eta": "2026-05-04T12:00:00+00:00"},
                GOOD | {"expires": {"in": 3}},
                GOOD | {"on_complete": {}},
                GOOD | {"on_error": 1},
                GOOD | {"chord": ["c", 2, 0]},
                GOOD | {"chord": {"id": "c"}},
                GOOD | {"chord": ["c", "2", 0, GOOD]},
                GOOD | {"execute": "x"},
            )
        ),
    ],
    ids=range(36),
)
def test_what_we_do_not_write_is_not_read(row: bytes) -> None:
    """A row that somebody else wrote is refused by one kind of error, whatever it holds."""
    with pytest.raises(ValueError, match=r"."):
        HostSerializer().deserialize(row)


def test_what_huey_passes_on_becomes_json() -> None:
    """An error handler gets its exception as text, a chord's callback a mapping and None for what did not work."""
    given = plain([1, Error({"error": "no"}), SKIPPED])
    assert given == [1, {"error": "no"}, None]
    assert plain(ValueError("no")) == "ValueError: no"
    assert refusal(given) is None


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (NOON, "is a datetime, which is not JSON: write value.isoformat()"),
        ({"at": [NOON]}, "at at.0 is a datetime, which is not JSON: write value.isoformat()"),
        ((1, 2), "is a tuple, which is not JSON: write list(value)"),
        ({1: 2}, "has a key that is not a string but of type int"),
        (float("nan"), "is nan, which JSON cannot carry"),
    ],
)
def test_a_refusal_says_where_and_what_to_do(value: Any, reason: str) -> None:
    """What JSON would change or cannot carry is refused, with the place and the remedy."""
    assert refusal(value) == reason
