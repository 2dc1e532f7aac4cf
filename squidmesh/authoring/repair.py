"""A copy of broken data that can still be compiled, so that one pass reports what the other rules find too.

Only what cannot mislead them is mended: a misspelt key gets its name, a type its own word, a key that does not belong
and a value that nothing else looks at are left out. Anything else is left to the next pass.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from squidmesh.authoring.findings import EXCLUDED
from squidmesh.authoring.wrong_values import TYPE_SYNONYMS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from squidmesh.authoring.document import Place
    from squidmesh.authoring.findings import Finding

# Keys whose values no other rule looks at, by what they belong to.
_OF_WORKFLOW = frozenset({"description", "version", "queue", "timeout", "defaults"})
_OF_TRIGGER = frozenset({"catch_up", "overlap"})
_OF_FIELD = frozenset(
    {"description", "minimum", "maximum", "min_length", "max_length", "pattern", "format", "enum", "sensitive"}
)
_OF_STEP = frozenset({"description", "retry", "timeout", "queue", "priority", "on_worker_lost", "transaction"})
_OF_BUILT_IN = frozenset({"level", "title"})


def repair(data: Any, findings: Sequence[Finding]) -> Any:
    """Return mended data, or None if a finding leaves open what the file means."""
    if not isinstance(data, dict) or not all(_mendable(finding, data) for finding in findings):
        return None
    mended = copy.deepcopy(data)
    for finding in findings:
        _mend(mended, finding)
    return mended


def _mendable(finding: Finding, data: Any) -> bool:
    if finding.harmless or finding.code == "SM205" or _stand_in(finding, data) is not None:
        return True
    if finding.code == "SM201" and finding.rename is None and "next" in finding.path:
        return False
    return finding.code in EXCLUDED or _unseen(finding.path)


def _stand_in(finding: Finding, data: Any) -> str | None:
    """Return what a refused value was meant to be, or may as well be: a wait's length changes no other finding."""
    match finding.path:
        case ("steps", _, "wait") if finding.code == "SM208":
            return "0s"
        case ("triggers", _, "payload", *_, "type") if finding.code == "SM211":
            value = _container(data, finding.path)
            return TYPE_SYNONYMS.get(value) if isinstance(value, str) else None
    return None


def _unseen(path: Place) -> bool:
    match path:
        case ("steps", _, str(key)) | ("steps", _, str(key), *_) if key in _OF_STEP:
            return True
        case ("steps", _, _, str(key)):
            return key in _OF_BUILT_IN
        case ("on_failure", str(key), *_):
            return key in _OF_STEP
        case ("triggers", _, "payload", _, str(key), *_):
            return key in _OF_FIELD
        case ("triggers", _, str(key)):
            return key in _OF_TRIGGER
        case (str(key), *_):
            return key in _OF_WORKFLOW
    return False


def _mend(data: Any, finding: Finding) -> None:
    if finding.harmless:
        return
    if finding.code == "SM205":
        _container(data, finding.path)["wait"] = "0s"
        return
    stand_in = _stand_in(finding, data)
    if stand_in is not None:
        _container(data, finding.path[:-1])[finding.path[-1]] = stand_in
        return
    path = finding.path
    while isinstance(path[-1], int):
        path = path[:-1]
    parent, key = _container(data, path[:-1]), path[-1]
    if not isinstance(parent, dict) or key not in parent:
        return
    value = parent.pop(key)
    if finding.rename is not None:
        parent[finding.rename] = value


def _container(data: Any, path: Place) -> Any:
    for segment in path:
        if isinstance(data, dict) and segment not in data:
            return None
        data = data[segment]
    return data
