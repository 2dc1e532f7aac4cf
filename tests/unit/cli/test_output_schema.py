"""The schema of ``--json``: sound, complete, and in step with the values that are printed."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from jsonschema import Draft7Validator

from squidmesh.authoring.schema_file import OUTPUT_FILE_NAME, schema_text
from squidmesh.cli.following import Change
from squidmesh.cli.main import COMMANDS, cli
from squidmesh.cli.next_commands import NextCommand
from squidmesh.cli.schema import command
from squidmesh.cli.show import REASONS
from squidmesh.cli.validate import command as validate
from squidmesh.model.fleet import FleetGroup
from squidmesh.model.queue import Queue
from squidmesh.model.run import Attempt, AuditEvent, Explanation, Run, StepRun, StepState
from squidmesh.model.schedule import Schedule
from squidmesh.model.standing import Standing
from squidmesh.model.state import RunStatus, StepStatus
from squidmesh.model.upkeep import Finding, Pruned, Tables
from squidmesh.model.worker import WorkerProcess

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = json.loads(schema_text(OUTPUT_FILE_NAME))
# What is named differently or gets further keys on its way out stands with them.
VALUES: dict[str, tuple[type[Any], set[str]]] = {
    "run": (Run, set()),
    "step_state": (StepState, set()),
    "step_run": (StepRun, set()),
    "attempt": (Attempt, set()),
    "audit_event": (AuditEvent, set()),
    "standing": (Standing, set()),
    "explanation": (Explanation, set()),
    "explained_run": (Explanation, {"run_id", "commands"}),
    "fleet_group": (FleetGroup, {"commands"}),
    "next_command": (NextCommand, set()),
    "change": (Change, set()),
    "schedule": (Schedule, set()),
    "queue": (Queue, set()),
    "worker": (WorkerProcess, set()),
    "tables": (Tables, set()),
    "pruned": (Pruned, set()),
    "finding": (Finding, set()),
}


def test_it_is_a_schema_and_is_printed_as_it_is_shipped() -> None:
    """``squidmesh schema --output`` prints it, byte for byte."""
    Draft7Validator.check_schema(SCHEMA)
    assert CliRunner().invoke(command, ["--output"]).stdout == schema_text(OUTPUT_FILE_NAME)
    assert CliRunner().invoke(command, ["--output", "--with-steps"]).exit_code == 2


@pytest.mark.parametrize("name", VALUES)
def test_every_field_of_a_value_is_described_and_required(name: str) -> None:
    """A field cannot be added, renamed or removed without the schema saying so."""
    kind, more = VALUES[name]
    definition = SCHEMA["definitions"][name]
    fields = {item.name for item in dataclasses.fields(kind)} | more
    assert set(definition["properties"]) == fields
    assert set(definition["required"]) == fields
    assert definition["additionalProperties"] is False


def test_statuses_and_reasons_are_all_there() -> None:
    """The closed sets of the schema are those of the code."""
    definitions = SCHEMA["definitions"]
    assert definitions["run_status"]["enum"] == list(RunStatus)
    assert definitions["step_status"]["enum"] == list(StepStatus)
    assert set(definitions["reason"]["enum"]) == set(REASONS)


def test_every_command_with_json_is_described() -> None:
    """No command offers ``--json`` whose output the schema does not know."""
    offering = set()
    context = cli.make_context("squidmesh", [], resilient_parsing=True)
    for name in COMMANDS:
        found = cli.get_command(context, name)
        assert found is not None
        inner = getattr(found, "commands", {})
        for said, each in {name: found, **{f"{name} {sub}": each for sub, each in inner.items()}}.items():
            if any("--json" in option.opts for option in each.params):
                offering.add(said)
    assert {said.removesuffix(" RUN_ID") for said in SCHEMA["commands"]} == offering


def test_findings_of_the_linter_keep_their_schema(tmp_path: Path) -> None:
    """``validate --json`` is ``--format json``, with or without findings."""
    file = tmp_path / "w.yaml"
    file.write_text("workflow: a\ntriggers: {t: {manual: {}}}\nsteps:\n  one: {log: {message: x}, next: tow}\n")
    said = CliRunner().invoke(validate, ["--json", "--no-registry", str(file)])
    printed = json.loads(said.stdout)
    assert printed["errors"] == 1
    Draft7Validator({**SCHEMA, "allOf": [SCHEMA["commands"]["validate"]]}).validate(printed)
    assert printed == json.loads(CliRunner().invoke(validate, ["--format", "json", "--no-registry", str(file)]).stdout)
    assert CliRunner().invoke(validate, ["--json", "--format", "full", str(file)]).exit_code == 2
