"""JSON Schemas of step types."""

from __future__ import annotations

import subprocess
import sys

import pytest

from squidmesh.errors import InvalidValue
from squidmesh.steps.schema import check_value, compile_schema, schema_document


def violation(schema: dict, value: object) -> tuple[str, str]:
    """Return path and reason of what a value breaks."""
    with pytest.raises(InvalidValue) as caught:
        check_value(compile_schema(schema), value)
    return caught.value.path, caught.value.reason


@pytest.mark.parametrize(
    ("schema", "value", "path", "reason"),
    [
        ({"properties": {"a": {"type": "integer"}}}, {"a": "secret"}, "a", "expected integer, found string"),
        ({"properties": {"a": {"type": ["string", "null"]}}}, {"a": 1}, "a", "expected string or null, found integer"),
        ({"required": ["a", "b"]}, {"a": "secret"}, "b", "is required"),
        ({"properties": {"a": {"enum": [1, "x"]}}}, {"a": "secret"}, "a", "is not one of 1, 'x'"),
        ({"properties": {"a": {"minimum": 3}}}, {"a": 1}, "a", "breaks the rule minimum: 3"),
        ({"properties": {"a": {"pattern": "^x"}}}, {"a": "secret"}, "a", "breaks the rule pattern: '^x'"),
        ({"additionalProperties": False}, {"b": "secret"}, "", "has keys that are not allowed: b"),
        (
            {"properties": {"a": {}}, "patternProperties": {"^x-": {}}, "additionalProperties": False},
            {"a": 1, "x-a": 1, "b": "secret", "c": "secret"},
            "",
            "has keys that are not allowed: b, c",
        ),
        (
            {"allOf": [{"properties": {"a": {}}}], "unevaluatedProperties": False},
            {"a": 1, "b": "secret"},
            "",
            "unevaluated properties are not allowed ('b' was unexpected)",
        ),
        ({"properties": {"a": False}}, {"a": "secret"}, "", "has a key or an item that is not allowed"),
        (
            {"properties": {"a": {"items": {"properties": {"b": {"type": "string"}}}}}},
            {"a": [{}, {"b": None}]},
            "a.1.b",
            "expected string, found null",
        ),
        ({"properties": {"a": {"not": {}}}}, {"a": {}}, "a", "breaks the rule not: {}"),
    ],
)
def test_a_violation_names_place_and_rule(schema: dict, value: object, path: str, reason: str):
    """The message repeats the rule and never the value, which may be sensitive."""
    assert violation(schema, value) == (path, reason)


@pytest.mark.parametrize(
    ("value", "kind"), [(True, "boolean"), (1, "integer"), (1.5, "number"), ([], "array"), ({}, "object")]
)
def test_types_have_the_names_of_json_schema(value: object, kind: str):
    """The words of the message are those of the schema."""
    assert violation({"properties": {"a": {"type": "string"}}}, {"a": value})[1] == f"expected string, found {kind}"


def test_the_draft_is_chosen_by_the_schema():
    """A tuple is written ``items`` in draft 7 and ``prefixItems`` in 2020-12, the default."""
    items = {"properties": {"a": {"items": [{"type": "integer"}]}}}
    draft7 = {"$schema": "http://json-schema.org/draft-07/schema#", **items}
    assert violation(draft7, {"a": ["x"]})[0] == "a.0"
    with pytest.raises(ValueError, match="items"):
        compile_schema(items)
    assert violation({"properties": {"a": {"prefixItems": [{"type": "integer"}]}}}, {"a": ["x"]})[0] == "a.0"


def test_no_schema_is_fetched():
    """A reference to somewhere else is an error that names it, never a request."""
    schema = {"properties": {"a": {"$ref": "http://127.0.0.1:9/schema.json"}}}
    assert violation(schema, {"a": 1}) == (
        "",
        "cannot be checked: the schema refers to 'http://127.0.0.1:9/schema.json'",
    )


def test_references_within_a_schema_are_followed():
    """As models with models inside write them."""
    schema = {"$defs": {"line": {"required": ["sku"]}}, "properties": {"line": {"$ref": "#/$defs/line"}}}
    assert violation(schema, {"line": {}}) == ("line.sku", "is required")


@pytest.mark.parametrize("value", [{"a": 10**5000}, {"a": object()}])
def test_what_is_not_json_is_refused_before_the_schema_is_asked(value: dict):
    """The validator prints what it refuses, and some values cannot be printed."""
    assert violation({"properties": {"a": {"type": "string"}}}, value)[0] == "a"


def test_a_model_gives_its_schema():
    """Anything with model_json_schema() will do; keys are field names in the mode of the direction."""
    asked = {}

    class Model:
        @classmethod
        def model_json_schema(cls, by_alias: bool = True, mode: str = "validation") -> dict:
            asked.update(by_alias=by_alias, mode=mode)
            return {"type": "object"}

    class Plain:
        @classmethod
        def model_json_schema(cls) -> dict:
            return {"type": "object", "title": "Plain"}

    assert schema_document(Model, "serialization") == {"type": "object"}
    assert asked == {"by_alias": False, "mode": "serialization"}
    assert schema_document(Plain, "validation")["title"] == "Plain"


@pytest.mark.parametrize("schema", [3, "object", [], object])
def test_another_value_is_no_schema(schema: object):
    """The slip is named."""
    with pytest.raises(ValueError, match=r"expected a JSON Schema \(a mapping\) or a model"):
        schema_document(schema, "validation")


def test_jsonschema_is_loaded_by_its_users_alone():
    """Importing the contract stays cheap."""
    code = (
        "import sys, squidmesh.steps.registry, squidmesh.steps.http; print({'jsonschema', 'httpx'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"
