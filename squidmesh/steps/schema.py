"""JSON Schemas of step types: where they come from, compiled once, and what a value breaks."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from squidmesh.errors import InvalidValue
from squidmesh.model.values import check, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jsonschema.exceptions import SchemaError, ValidationError
    from jsonschema.protocols import Validator

_LONGEST_RULE = 200


def schema_document(schema: object, mode: str) -> dict[str, Any]:
    """Return the JSON Schema that ``schema`` is, or gives through ``model_json_schema()``.

    ``mode`` is pydantic's: ``validation`` for an input, ``serialization`` for an output. Keys are field names,
    not aliases, as parameters and dumped models are. ``ValueError`` says what is wrong with another value.
    """
    if isinstance(schema, Mapping):
        return dict(schema)
    generate = getattr(schema, "model_json_schema", None)
    if not callable(generate):
        raise ValueError(f"expected a JSON Schema (a mapping) or a model, found {schema!r:.80}")
    offered = inspect.signature(generate).parameters
    options = {"mode": mode, "by_alias": False}
    document = generate(**{name: value for name, value in options.items() if name in offered})
    if not isinstance(document, Mapping):
        raise ValueError(f"model_json_schema() returned a {type(document).__name__}, not a mapping")
    return dict(document)


def compile_schema(document: dict[str, Any]) -> Validator:
    """Return a validator of the draft that ``$schema`` names (Draft 2020-12 if none); it never fetches a reference.

    ``ValueError`` says why the document is no JSON Schema.
    """
    # Most step types have no schema, and importing jsonschema takes a tenth of a second.
    import jsonschema  # noqa: PLC0415 - see above
    import referencing  # noqa: PLC0415 - see above

    kind = jsonschema.validators.validator_for(document, default=jsonschema.Draft202012Validator)
    try:
        kind.check_schema(document)
    except jsonschema.SchemaError as error:
        place = ".".join(map(str, error.absolute_path))
        raise ValueError(f"{place}: {_reason(error)}" if place else _reason(error)) from None
    validator: Validator = kind(document, registry=referencing.Registry())
    return validator


def check_value(validator: Validator, value: Mapping[str, Any]) -> None:
    """Raise ``InvalidValue`` with the path and the rule that ``value`` breaks; the message repeats no value."""
    import jsonschema  # noqa: PLC0415 - loaded already, by compile_schema
    import referencing.exceptions  # noqa: PLC0415 - likewise

    check(value)  # jsonschema prints what it refuses, which not every value survives
    try:
        error = jsonschema.exceptions.best_match(validator.iter_errors(value))
    except referencing.exceptions.Unresolvable as unresolvable:
        raise InvalidValue("", f"cannot be checked: the schema refers to {unresolvable.ref!r:.200}") from None
    if error is not None:
        path = [*map(str, error.absolute_path), *_absent(error)]
        raise InvalidValue(".".join(path), _reason(error))


def _absent(error: ValidationError) -> list[str]:
    if error.validator != "required" or not isinstance(error.instance, Mapping):
        return []
    return [name for name in _list(error.validator_value) if name not in error.instance][:1]


def _reason(error: ValidationError | SchemaError) -> str:
    rule: Any = error.validator_value
    match error.validator:
        case "required":
            return "is required"
        case "type":
            return f"expected {' or '.join(map(str, _list(rule)))}, found {_kind(error.instance)}"
        case "enum":
            return _short(f"is not one of {', '.join(map(repr, _list(rule)))}")
        case "additionalProperties" if rule is False:
            return _short(f"has keys that are not allowed: {', '.join(_unknown(error))}")
        case "unevaluatedProperties" if rule is False:  # which ones, the validator tells in its words only
            return _short(error.message[:1].lower() + error.message[1:])
        case None:  # the schema of the place is false, and jsonschema does not say which place that is
            return "has a key or an item that is not allowed"
        case keyword:
            return _short(f"breaks the rule {keyword}: {rule!r}")


def _unknown(error: ValidationError | SchemaError) -> Iterator[str]:
    schema: Any = error.schema
    instance: Any = error.instance
    patterns = schema.get("patternProperties", ())
    for name in instance:
        if name not in schema.get("properties", ()) and not any(re.search(pattern, name) for pattern in patterns):
            yield name


def _list(rule: Any) -> Iterable[Any]:
    return rule if isinstance(rule, list) else [rule]


def _short(text: str) -> str:
    return printable(text, _LONGEST_RULE)


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"
