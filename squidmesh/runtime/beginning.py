"""Beginning a step whose loss is not simply made good: one guarded statement just before the call; no row, no call."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from squidmesh.errors import DatabaseUnavailable
from squidmesh.runtime.progression import is_irreversible
from squidmesh.store.begins import begin_if_held

if TYPE_CHECKING:
    from datetime import timedelta

    from squidmesh.runtime.preparation import Prepared
    from squidmesh.store.engine import Database

log = logging.getLogger(__name__)
IRREVERSIBLE = {"irreversible": True, "compensatable": False}


def begin(database: Database, lease: timedelta, task: Prepared) -> bool:
    """Mark a claimed step as begun; False if it must not be called, since others may take (or have taken) it.

    A worker that was frozen after its claim comes to this when it thaws: its lease has passed, and the effect
    does not happen late. So does one that cannot reach the database.
    """
    claim = task.claim
    recovery = IRREVERSIBLE if is_irreversible(task.step) else None
    try:
        with database.transaction() as connection:
            return begin_if_held(database, connection, claim.id, claim.token, lease=lease, recovery=recovery)
    except DatabaseUnavailable as error:
        log.warning("step %s of run %s is not begun: %s", claim.step, claim.run.id, error)
        return False
