"""The steps that need no registered callable: ``log``, ``wait``, ``pause``, ``approval``."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from squidmesh.model.definition import BUILTIN_NAMES

if TYPE_CHECKING:
    from squidmesh.model.definition import Log
    from squidmesh.steps.context import StepContext

BUILTIN_STEP_TYPES: frozenset[str] = frozenset(BUILTIN_NAMES.values())


def write_log(log: Log, context: StepContext) -> None:
    """Write the message of a ``log`` step, with the facts of the execution on the record."""
    level = logging.getLevelNamesMapping()[log.level.value.upper()]
    context.logger.log(level, "%s", log.message)
