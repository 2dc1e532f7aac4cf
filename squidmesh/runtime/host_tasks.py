"""A host's own huey tasks, on their way through the database."""

from __future__ import annotations

from squidmesh.store.host_tasks import cursor_on, enqueue, enqueue_tick, move_due, read_minute, take_task

__all__ = ["cursor_on", "enqueue", "enqueue_tick", "move_due", "read_minute", "take_task"]
