"""The record of deliveries."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from content.deliveries import record_failed_delivery, record_successful_delivery

from squidmesh import StepFailed

if TYPE_CHECKING:
    from pathlib import Path

MESSAGE = {"message_id": "9001", "webhook": "digest_channel"}


def recorded(project: Path) -> list[dict]:
    """Return the lines of the delivery log."""
    return [json.loads(line) for line in (project / "log" / "deliveries.jsonl").read_text().splitlines()]


def test_each_delivery_is_a_line(project: Path, make_context):
    """Success and failure, with the run that they belong to."""
    record_successful_delivery(MESSAGE, "2024-06-03", make_context(run_id="r"))
    output = record_failed_delivery("2024-06-04", "answered 404", make_context(run_id="s"))
    assert output == {"delivery": {"posted_on": "2024-06-04", "status": "failed", "reason": "answered 404"}}
    first, second = recorded(project)
    assert (first["run_id"], first["status"], first["message_id"]) == ("r", "delivered", "9001")
    assert (second["run_id"], second["status"], second["reason"]) == ("s", "failed", "answered 404")


def test_a_repeated_attempt_adds_no_line(project: Path, make_context):
    """A worker may die between writing and being recorded."""
    for attempt in (1, 2):
        record_successful_delivery(MESSAGE, "2024-06-03", make_context(run_id="r", attempt=attempt))
    assert len(recorded(project)) == 1


def test_a_line_that_was_never_ended_is_passed_over(project: Path, make_context):
    """A worker was killed while it wrote: later deliveries are recorded all the same, each on a line of its own."""
    log = project / "log" / "deliveries.jsonl"
    record_successful_delivery(MESSAGE, "2024-06-03", make_context(run_id="r"))
    log.write_text(log.read_text() + '{"key": "sq')
    for attempt in (1, 2):
        record_successful_delivery(MESSAGE, "2024-06-04", make_context(run_id="s", attempt=attempt))
    first, torn, second = log.read_text().splitlines()
    assert [json.loads(line)["run_id"] for line in (first, second)] == ["r", "s"]
    assert torn == '{"key": "sq'


def test_settings_that_cannot_be_read_are_named(make_context, monkeypatch, tmp_path):
    """The message says which file was looked for, and how to name another."""
    monkeypatch.setenv("CONTENT_SETTINGS", str(tmp_path / "absent.toml"))
    with pytest.raises(StepFailed, match=r"absent\.toml cannot be read: FileNotFoundError.*CONTENT_SETTINGS"):
        record_failed_delivery("2024-06-03", "x", make_context())
