"""The shape of a workflow file: the JSON Schema, and what breaks it as diagnostics."""

from __future__ import annotations

import json
import re
import warnings
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from jsonschema import Draft7Validator, FormatChecker, ValidationError, validators

from squidmesh.authoring.findings import EXCLUDED
from squidmesh.authoring.repair import repair
from squidmesh.authoring.schema_file import read_schema
from squidmesh.authoring.violations import explain
from squidmesh.model.duration import parse_duration

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from squidmesh.authoring.diagnostics import Diagnostic
    from squidmesh.authoring.document import Document, Place
    from squidmesh.authoring.findings import Finding

MAX_VIOLATIONS = 500
_MOST_REPAIRS = 3
_formats = FormatChecker(formats=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What the shape check found; ``data`` is the file's data, mended where that misleads no other rule, or None."""

    diagnostics: tuple[Diagnostic, ...]
    data: Any


def check_shape(document: Document) -> Shape:
    """Compare a document with the schema."""
    found = find_violations(document.data)
    diagnostics = tuple(
        document.diagnostic(finding.code, finding.message, finding.path, on="key" if finding.on_key else "value")
        for finding in found
    )
    if not found:
        return Shape(diagnostics=(), data=document.data)
    return Shape(diagnostics=diagnostics, data=_mend(document.data, found))


def _mend(data: Any, found: Sequence[Finding]) -> Any:
    """Return data whose only violations are harmless, or None; a key that got its name may then need more."""
    for _ in range(_MOST_REPAIRS):
        data = repair(data, found)
        if data is None:
            return None
        found = find_violations(data)
        if all(finding.harmless for finding in found):
            return data
    return None


def find_violations(data: Any) -> list[Finding]:
    """Return everything in ``data`` that breaks the schema, at most ``MAX_VIOLATIONS``, each place once by code."""
    found: dict[tuple[Place, bool, str], Finding] = {}
    for error in islice(_validator().iter_errors(data), MAX_VIOLATIONS):
        for finding in islice(explain(error, data), MAX_VIOLATIONS - len(found)):
            found.setdefault((finding.path, finding.on_key, finding.code), finding)
    excluded = {finding.path for finding in found.values() if finding.on_key and finding.code in EXCLUDED}
    return [finding for finding in found.values() if not _is_beneath(finding, excluded)]


def _is_beneath(finding: Finding, excluded: Collection[Place]) -> bool:
    """Return whether a key above the finding does not belong there, so that its value does not matter."""
    ends = range(1, len(finding.path) + (not finding.on_key))
    return any(finding.path[:end] in excluded for end in ends)


@cache
def _validator() -> Any:
    kind = validators.extend(  # type: ignore[no-untyped-call]  # jsonschema annotates it only in part
        Draft7Validator, {"uniqueItems": _unique_items}
    )
    return kind(_named_exclusions(read_schema()), format_checker=_formats)


def _named_exclusions(schema: Any) -> Any:
    """Replace ``false`` for an excluded key by ``{"not": {}}``: for ``false`` the error does not name the key."""
    if isinstance(schema, list):
        return [_named_exclusions(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    changed = {key: _named_exclusions(value) for key, value in schema.items()}
    properties = changed.get("properties")
    if isinstance(properties, dict):
        changed["properties"] = {key: {"not": {}} if value is False else value for key, value in properties.items()}
    return changed


def _unique_items(_validator: Any, unique: bool, items: Any, _schema: Any) -> Iterator[ValidationError]:
    """Check in linear time, for a hostile file may hold ten thousand items, and name the item."""
    if not unique or not isinstance(items, list):
        return
    seen: set[str] = set()
    for index, item in enumerate(items):
        text = json.dumps(item, sort_keys=True)
        if text in seen:
            yield ValidationError("repeated", path=(index,))
        seen.add(text)


@_formats.checks("squidmesh-duration", raises=ValueError)
def _is_duration(value: object) -> bool:
    if isinstance(value, str):
        parse_duration(value)
    return True


@_formats.checks("regex", raises=(re.error, OverflowError, RecursionError))
def _is_regex(value: object) -> bool:
    if isinstance(value, str):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what a later Python may read otherwise compiles in this one
            re.compile(value)
    return True
