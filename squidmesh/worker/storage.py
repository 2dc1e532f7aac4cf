"""huey's storage, ours: dequeuing hands out claimed step runs; nothing is deleted before it is recorded.

The stock storage deletes a message before the task runs, so that a crash loses it. Here a message is a
step run that the database loop has claimed, and stays in the table until its end is recorded. Messages
carry ids only, as JSON: never a pickle.
"""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any
from uuid import UUID

from huey.registry import Message
from huey.serializer import Serializer
from huey.storage import PostgresStorage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from squidmesh.worker.handout import Errand, Handout
    from squidmesh.worker.ticket import Ticket

TASK = "squidmesh.worker.tasks.run_step"
_POLL = 1.0
# The fields up to the arguments, in huey's order: id, name, eta, retries, retry delay, priority, arguments by position
# and by name. The id is a UUID, which JSON writes as it is.
_MESSAGE = f'["%(id)s", "{TASK}", null, 0, 0, null, ["%(id)s"], {{}}]'.encode()


class JSONSerializer(Serializer):  # type: ignore[misc]  # huey ships no type information
    """Messages as JSON: what an attacker writes into a queue can name a registered task and nothing else."""

    def _serialize(self, data: Any) -> bytes:
        return json.dumps(data, default=str).encode()

    def _deserialize(self, data: bytes) -> Any:
        content = json.loads(data)
        return Message(*content) if isinstance(content, list) else content


class StepStorage(PostgresStorage):  # type: ignore[misc]  # huey ships no type information
    """Hands out what the database loop claimed; a thread that was handed a step over gets that first."""

    def __init__(self, name: str, handout: Handout) -> None:
        super().__init__(name, create_tables=False)
        self._handout = handout
        self._next = threading.local()

    def hand_over(self, id_: UUID) -> None:
        """Give the calling thread its next step run."""
        self._next.id = id_

    def dequeue(self) -> bytes | Ticket | Errand | None:
        """Return the message of the calling thread's next step run, or what else there is to do; None: nothing, yet."""
        id_: UUID | None = getattr(self._next, "id", None)
        self._next.id = None
        taken = id_ or self._handout.take(_POLL)
        return step_message(taken) if isinstance(taken, UUID) else taken

    def peek_many(self, keys: Iterable[str]) -> dict[str, bytes]:  # noqa: ARG002 - huey's signature
        """Return no revocations: a step is cancelled in its own table, and asking costs a round trip a task."""
        return {}

    def delete_data(self, key: str) -> bool:  # noqa: ARG002 - huey's signature
        """Delete nothing: no step leaves a revocation or a result behind."""
        return False

    def read_schedule(self, ts: object) -> list[bytes]:  # noqa: ARG002 - huey's signature
        """Return nothing: timers are due times of step runs."""
        return []


def step_message(id_: UUID) -> bytes:
    """Return the message that asks for a step run to be executed."""
    return _MESSAGE % {b"id": str(id_).encode()}
