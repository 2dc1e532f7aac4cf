"""The JSON Schema as editors read it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft7Validator

from squidmesh.authoring import schema_file
from squidmesh.authoring.schema_file import known_keys, schema_text
from squidmesh.model import definition
from squidmesh.model.formats import FORMATS
from squidmesh.model.path import ROOTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCHEMA = json.loads(schema_text())


def subschemas(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every part of the schema that describes a key, an item or a definition."""
    if isinstance(node, dict):
        for group in ("properties", "definitions"):
            parts = node.get(group)
            # Some key is itself called properties, and excluded in places.
            yield from (part for part in parts.values() if isinstance(part, dict)) if isinstance(parts, dict) else ()
        for single in ("items", "propertyNames", "additionalProperties"):
            if isinstance(node.get(single), dict):
                yield node[single]
        for inner in node.values():
            yield from subschemas(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from subschemas(inner)


def test_is_a_draft_07_schema() -> None:
    """Editors' YAML servers stop at draft-07."""
    assert SCHEMA["$schema"] == "http://json-schema.org/draft-07/schema#"
    Draft7Validator.check_schema(SCHEMA)


def test_is_versioned_by_its_id() -> None:
    """A later shape gets another id."""
    assert SCHEMA["$id"] == "urn:squidmesh:workflow:1"


def test_describes_every_key() -> None:
    """Wherever an editor shows help there is some."""
    bare = [
        part
        for part in subschemas(SCHEMA)
        if "description" not in part and "$ref" not in part and not set(part) <= {"const", "type", "items"}
    ]
    assert bare == []


def test_avoids_one_of() -> None:
    """With oneOf a message names every alternative but not the key that is wrong."""
    assert '"oneOf"' not in schema_text()


@pytest.mark.parametrize(
    ("path", "members"),
    [
        ("field.properties.type", definition.FieldType),
        ("trigger.properties.catch_up", definition.CatchUp),
        ("trigger.properties.overlap", definition.Overlap),
        ("backoff.properties.type", definition.BackoffType),
        ("log.properties.level", definition.LogLevel),
        ("approval.properties.on_deadline", definition.OnDeadline),
        ("step.properties.on_worker_lost", definition.OnWorkerLost),
        ("recovery", definition.Recovery),
    ],
)
def test_offers_what_the_model_knows(path: str, members: Any) -> None:
    """A choice of the schema is a member of the model's enum, and the other way round."""
    node = SCHEMA["definitions"]
    for segment in path.split("."):
        node = node[segment]
    assert node["enum"] == [member.value for member in members]


def test_offers_the_formats_that_payloads_are_checked_by() -> None:
    """A format that nobody checks would promise too much."""
    assert SCHEMA["definitions"]["field"]["properties"]["format"]["enum"] == list(FORMATS)


def test_reserves_what_the_model_reserves() -> None:
    """Names that mean something else are the same in both."""
    assert tuple(SCHEMA["definitions"]["step_name"]["not"]["enum"]) == definition.RESERVED_STEPS
    assert tuple(SCHEMA["definitions"]["data_name"]["not"]["enum"]) == (*ROOTS, "now")


def test_is_found_in_a_checkout_and_in_a_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package's own copy is preferred; without one the checkout's is read."""
    assert json.loads(schema_text())["$id"] == SCHEMA["$id"]
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / schema_file.FILE_NAME).write_text("{}")
    monkeypatch.setattr(schema_file, "files", lambda _: tmp_path)
    assert schema_text() == "{}"


def test_knows_every_key_of_a_workflow_file() -> None:
    """A key with a meaning anywhere is never taken for a misspelling."""
    assert {"workflow", "uses", "with", "on_deadline", "min_length", "recovery", "until"} <= known_keys()
