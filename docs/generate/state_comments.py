"""Who moves a row out of each state, as the comments in ``squidmesh/model/state.py`` say."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from enum import StrEnum

_COMMENTED = re.compile(r'^\s+[A-Z]+ = "([a-z]+)"(?:\s+# (.+))?$', re.MULTILINE)


def who_moves(kind: type[StrEnum]) -> dict[str, str]:
    """Return the comment of each state of an enum, empty where nobody moves a row out of it."""
    return dict(_COMMENTED.findall(inspect.getsource(kind)))
