"""A copy of broken data that can still be compiled, so that one pass reports what the other rules find too.

A misspelt key gets its name, and what is in it is checked as well; what else is broken is mended as ``mends`` says.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from squidmesh.authoring.mends import LEFT_OUT, at, mends_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from squidmesh.authoring.document import Place
    from squidmesh.authoring.findings import Finding
    from squidmesh.authoring.mends import Mend


def repair(data: Any, findings: Sequence[Finding]) -> tuple[Any, list[Mend]]:
    """Return mended data, and what was done to it besides renaming keys."""
    mended = copy.deepcopy(data)
    broken = [finding for finding in findings if not finding.harmless]
    mends = [mend for finding in broken if finding.rename is None for mend in mends_for(finding, data)]
    for mend in mends:
        _apply(mended, mend)
    for path, name in renames(findings):
        _rename(mended, path, name)
    return _without_left_out(mended), mends


def renames(findings: Sequence[Finding]) -> list[tuple[Place, str]]:
    """Return the keys that get their names; the deepest first, since one above changes the paths of those below."""
    found = [(finding.path, finding.rename) for finding in findings if finding.rename is not None]
    return sorted(found, key=lambda item: -len(item[0]))


def _apply(data: Any, mend: Mend) -> None:
    parent: Any = at(data, mend.path[:-1])
    key: Any = mend.path[-1]
    if isinstance(parent, dict) or (isinstance(parent, list) and key < len(parent)):
        parent[key] = copy.deepcopy(mend.value)


def _rename(data: Any, path: Place, name: str) -> None:
    parent = at(data, path[:-1])
    if isinstance(parent, dict) and path[-1] in parent:
        parent[name] = parent.pop(path[-1])


def _without_left_out(data: Any) -> Any:
    """Return data without what was left out: until then each place keeps its path."""
    if isinstance(data, dict):
        return {key: _without_left_out(value) for key, value in data.items() if value is not LEFT_OUT}
    if isinstance(data, list):
        return [_without_left_out(item) for item in data if item is not LEFT_OUT]
    return data
