"""The shape of a workflow file: the JSON Schema, and what breaks it as diagnostics."""

from __future__ import annotations

import json
import re
import warnings
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from jsonschema import Draft7Validator, FormatChecker, ValidationError, validators

from squidmesh.authoring.findings import EXCLUDED
from squidmesh.authoring.mends import LEFT_OUT
from squidmesh.authoring.repair import renames, repair
from squidmesh.authoring.schema_file import read_schema
from squidmesh.authoring.violations import explain
from squidmesh.model.duration import parse_duration

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from squidmesh.authoring.diagnostics import Diagnostic
    from squidmesh.authoring.document import Document, Place
    from squidmesh.authoring.findings import Finding
    from squidmesh.authoring.mends import Mend

MAX_VIOLATIONS = 500
_MOST_REPAIRS = 5
_formats = FormatChecker(formats=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What the shape check found; ``document`` can be compiled (None: nobody knows how), ``mends`` made it so."""

    diagnostics: tuple[Diagnostic, ...]
    document: Document | None
    mends: tuple[Mend, ...] = ()

    def misleads(self, finding: Diagnostic) -> bool:
        """Return whether a rule's finding may come from what stands in for a broken part."""
        return self.document is not None and any(_misleads(mend, finding, self.document) for mend in self.mends)


def check_shape(document: Document) -> Shape:
    """Compare a document with the schema; what is in a misspelt key is compared once that has its name."""
    found = find_violations(document.data)
    diagnostics = [_diagnose(document, finding) for finding in found]
    mends: list[Mend] = []
    named: set[Place] = set()
    for _ in range(_MOST_REPAIRS):
        if all(finding.harmless for finding in found):
            return Shape(diagnostics=tuple(diagnostics), document=document, mends=tuple(mends))
        if not isinstance(document.data, dict):
            break
        document, made = _repair(document, found)
        mends += made
        named |= {(*path[:-1], name) for path, name in renames(found)}
        found = find_violations(document.data)
        diagnostics += [_diagnose(document, finding) for finding in found if _is_in(finding.path, named)]
    return Shape(diagnostics=tuple(diagnostics), document=None)


def _diagnose(document: Document, finding: Finding) -> Diagnostic:
    on: Literal["key", "value"] = "key" if finding.on_key else "value"
    return document.diagnostic(finding.code, finding.message, finding.path, on=on)


def _repair(document: Document, found: Sequence[Finding]) -> tuple[Document, list[Mend]]:
    data, mends = repair(document.data, found)
    dropped = [mend.path for mend in mends if mend.value is LEFT_OUT and isinstance(mend.path[-1], int)]
    return document.mended(data, renames(found), dropped), mends


def _is_in(path: Place, places: Collection[Place]) -> bool:
    return any(path[:end] in places for end in range(1, len(path) + 1))


def _misleads(mend: Mend, finding: Diagnostic, document: Document) -> bool:
    place = document.value_span(mend.within)
    return finding.code.startswith(mend.misled) and place.line <= finding.span.line <= place.end_line


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
        Draft7Validator, {"uniqueItems": _unique_items, "pattern": _matches}
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


def _matches(_validator: Any, pattern: str, text: Any, _schema: Any) -> Iterator[ValidationError]:
    """Search as ECMAScript does, to whom ``$`` is the end; to Python it is also the place before a last line break."""
    if isinstance(text, str) and not _compiled(pattern).search(text):
        yield ValidationError("does not match")


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\$$", r"\\Z", pattern))


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
