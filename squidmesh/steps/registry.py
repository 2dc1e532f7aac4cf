"""The step types that this process knows, by name; each is imported once, when it is first asked for."""

from __future__ import annotations

import copy
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from squidmesh.errors import StepTypeBroken, StepTypeConflict, StepTypeNotFound
from squidmesh.steps.builtin import BUILTIN_STEP_TYPES
from squidmesh.steps.contract import StepType, describe
from squidmesh.steps.offers import declaring_project, given_offers, installed_offers, local_offers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from squidmesh.steps.offers import Offer


class StepRegistry:
    """Registered step types. ``get`` loads one; ``names`` and ``declared_elsewhere`` import nothing."""

    def __init__(self, entries: Mapping[str, _Entry], folder: Path) -> None:
        self._entries = dict(entries)
        self._folder = folder

    @classmethod
    def discover(
        cls, *, extra: Mapping[str, Callable[..., Any]] | None = None, folder: Path | None = None
    ) -> StepRegistry:
        """Return what installed packages, the project around ``folder`` and ``extra`` offer.

        ``folder`` defaults to the working directory; ``extra`` are callables by name.
        """
        folder = (folder or Path.cwd()).resolve()
        offers = [*installed_offers(), *local_offers(folder), *given_offers(extra or {})]
        return cls(_entries(offers), folder)

    def names(self) -> tuple[str, ...]:
        """Return every registered name, sorted, those that cannot be loaded too."""
        return tuple(sorted(self._entries))

    def get(self, name: str) -> StepType:
        """Return the step type; raises ``StepTypeNotFound``, ``StepTypeConflict`` or ``StepTypeBroken``."""
        entry = self._entries.get(name)
        if entry is None:
            raise StepTypeNotFound(name, self.names())
        return entry.step_type()

    def loadable(self) -> tuple[str, ...]:
        """Return the names of the step types that this process can run, importing all of them."""
        return tuple(name for name in self.names() if self._entries[name].loads())

    def replaced(self, calls: Mapping[str, Callable[..., Any]]) -> StepRegistry:
        """Return a registry in which ``calls`` stand for the step types of these names."""
        return StepRegistry(self._entries | _entries(given_offers(calls)), self._folder)

    def declared_elsewhere(self, name: str) -> Path | None:
        """Return the nearest ``pyproject.toml`` that declares a step type which the installed metadata lack."""
        if name in self._entries:
            return None
        return declaring_project(name, self._folder)


def _entries(offers: Iterable[Offer]) -> dict[str, _Entry]:
    by_name: dict[str, dict[str, Offer]] = {}
    for offer in offers:
        by_name.setdefault(offer.name, {}).setdefault(offer.target, offer)
    return {name: _Entry(name, tuple(targets.values())) for name, targets in by_name.items()}


class _Entry:
    """One name: what offers it, and what came of the one attempt to load it."""

    def __init__(self, name: str, offers: tuple[Offer, ...]) -> None:
        self._name = name
        self._offers = offers
        self._lock = threading.RLock()
        self._result: StepType | StepTypeBroken | StepTypeConflict | None = self._conflict()

    def step_type(self) -> StepType:
        with self._lock:
            result = self._result or self._load(self._offers[0])
        if isinstance(result, StepType):
            return result
        # An exception that is raised twice collects the tracebacks of both.
        raise copy.copy(result) from result.__cause__

    def loads(self) -> bool:
        try:
            self.step_type()
        except (StepTypeBroken, StepTypeConflict):
            return False
        return True

    def _conflict(self) -> StepTypeConflict | None:
        origins = [offer.origin for offer in self._offers]
        if self._name in BUILTIN_STEP_TYPES:
            origins.append("built in")
        return StepTypeConflict(self._name, tuple(origins)) if len(origins) > 1 else None

    def _load(self, offer: Offer) -> StepType | StepTypeBroken:
        # What the imported module gets if it asks for this very name.
        self._result = StepTypeBroken(self._name, f"{offer.origin} asks for it while it is being imported")
        try:
            result = self._import(offer)
        except BaseException:
            self._result = None  # somebody interrupted: that says nothing about the step type
            raise
        self._result = result
        return result

    def _import(self, offer: Offer) -> StepType | StepTypeBroken:
        try:
            return describe(self._name, offer.load(), offer.origin)
        except StepTypeBroken as error:
            return error
        except (Exception, SystemExit) as error:  # noqa: BLE001 - an import runs other people's code
            broken = StepTypeBroken(self._name, f"{offer.origin}: {type(error).__name__}: {error}")
            broken.__cause__ = error
            return broken
