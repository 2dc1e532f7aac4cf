"""The record of deliveries: one JSON line for each, in the file that ``content.toml`` names."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from content.settings import load_settings
from squidmesh import StepContext, step

if TYPE_CHECKING:
    from pathlib import Path


@step(description="Records that a digest was delivered")
def record_successful_delivery(discord_message: dict[str, Any], posted_on: str, ctx: StepContext) -> dict[str, Any]:
    """Append a line to the delivery log."""
    return _record(ctx, {"posted_on": posted_on, "status": "delivered", **discord_message})


@step(description="Records that a digest could not be delivered")
def record_failed_delivery(posted_on: str, reason: str, ctx: StepContext) -> dict[str, Any]:
    """Append a line with the reason to the delivery log."""
    return _record(ctx, {"posted_on": posted_on, "status": "failed", "reason": reason})


def _record(ctx: StepContext, delivery: dict[str, Any]) -> dict[str, Any]:
    """Append a delivery once, however often the step is attempted: its idempotency key is on the line."""
    path = load_settings().delivery_log
    line = {"key": ctx.idempotency_key, "run_id": ctx.run_id, "at": datetime.now(UTC).isoformat(), **delivery}
    if not _has_key(path, ctx.idempotency_key):
        path.parent.mkdir(parents=True, exist_ok=True)
        _append(path, json.dumps(line))
    return {"delivery": delivery}


def _append(path: Path, line: str) -> None:
    """Write a line of its own, behind one too that a worker began and could not end."""
    with path.open("a+b") as log:
        log.seek(max(log.seek(0, os.SEEK_END) - 1, 0))
        before = b"" if log.read(1) in {b"", b"\n"} else b"\n"
        log.write(before + line.encode() + b"\n")


def _has_key(path: Path, key: str) -> bool:
    if not path.exists():
        return False
    with path.open(encoding="utf-8", errors="replace") as log:
        return any(_key(line) == key for line in log)


def _key(line: str) -> str | None:
    try:
        return str(json.loads(line)["key"])
    except (ValueError, TypeError, KeyError):
        return None  # a line that was never ended: the delivery is on another
