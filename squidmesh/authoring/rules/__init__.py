"""The rules of a workflow file, one per module, which its ``RULE`` describes."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from squidmesh.authoring.diagnostics import Diagnostic, Severity

if TYPE_CHECKING:
    from squidmesh.authoring.document import Document
    from squidmesh.model.definition import Workflow
    from squidmesh.model.graph import Graph
    from squidmesh.steps.registry import StepRegistry

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a rule looks at; ``registry`` is None where step types are not to be checked."""

    document: Document
    workflow: Workflow
    graph: Graph
    registry: StepRegistry | None = None
    _known: dict[Callable[[Subject], Any], Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def once(self, find: Callable[[Subject], Found]) -> Found:
        """Return what ``find`` finds here, from memory if another rule has asked."""
        if find not in self._known:
            self._known[find] = find(self)
        found: Found = self._known[find]
        return found


Check = Callable[[Subject], Iterable[Diagnostic]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A code, what it means and why, and how it is found.

    ``bad`` and ``good`` are whole workflow files; ``bad`` is empty where the text of one file cannot show what is
    wrong (its size, its bytes, its neighbours). ``check`` is None for what the reader (SM1xx) and the
    shape check (SM2xx) raise before there is a workflow to look at.
    """

    code: str
    name: str
    severity: Severity
    summary: str
    explanation: str
    bad: str
    good: str
    check: Check | None = None


@cache
def all_rules() -> tuple[Rule, ...]:
    """Return the rules of every module in this package, sorted by code."""
    modules = (importlib.import_module(info.name) for info in pkgutil.iter_modules(__path__, f"{__name__}."))
    return tuple(sorted((module.RULE for module in modules), key=lambda rule: rule.code))


def find_rules(word: str) -> tuple[Rule, ...]:
    """Return the rules that ``word`` names, in any case: by code, by how codes begin, or by name."""
    wanted = word.strip().upper()
    return tuple(rule for rule in all_rules() if rule.code.startswith(wanted) or rule.name.upper() == wanted)
