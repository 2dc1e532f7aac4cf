"""The ``schema`` command."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from click.testing import CliRunner
from jsonschema import Draft7Validator

from squidmesh.authoring.schema_file import schema_text
from squidmesh.cli.schema import command

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_prints_the_schema_as_it_is_shipped() -> None:
    """Byte for byte, so that it can be written to a file."""
    assert CliRunner().invoke(command).stdout == schema_text()


def test_with_steps_offers_the_registered_step_types(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The registered names become the choices, it is still a schema, and nothing is imported for that."""
    (tmp_path / "pyproject.toml").write_text('[tool.squidmesh.steps]\n"billing.remind" = "nowhere.to:be_found"\n')
    monkeypatch.chdir(tmp_path)
    schema = json.loads(CliRunner().invoke(command, ["--with-steps"], catch_exceptions=False).stdout)
    Draft7Validator.check_schema(schema)
    assert "billing.remind" in schema["definitions"]["step_type"]["enum"]
    data = {
        "workflow": "a",
        "triggers": {"x": {"manual": {}}},
        "steps": {"one": {"uses": "billing.remind"}, "two": {"uses": "billing.unknown"}},
    }
    assert [list(error.path) for error in Draft7Validator(schema).iter_errors(data)] == [["steps", "two", "uses"]]
