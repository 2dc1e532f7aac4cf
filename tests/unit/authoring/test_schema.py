"""Violations of the JSON Schema, in words."""

from __future__ import annotations

from typing import Any

import pytest

from squidmesh.authoring.document import read_document
from squidmesh.authoring.schema import MAX_VIOLATIONS, check_shape, find_violations

MINIMAL: dict[str, Any] = {
    "workflow": "billing.reminder",
    "triggers": {"by_hand": {"manual": {}}},
    "steps": {"remind": {"uses": "billing.remind", "next": "complete"}},
}


STEP = ("steps", "remind")
FIELD = ("triggers", "by_hand", "payload", "field")
ITEMS = (*FIELD, "items")


def with_step(**keys: Any) -> dict[str, Any]:
    """Return a workflow whose only step has these keys."""
    return {**MINIMAL, "steps": {"remind": {"uses": "billing.remind", "next": "complete"} | keys}}


def with_field(**keys: Any) -> dict[str, Any]:
    """Return a workflow whose trigger takes one field."""
    return {**MINIMAL, "triggers": {"by_hand": {"manual": {}, "payload": {"field": keys}}}}


def codes(data: Any) -> list[str]:
    """Return the codes of everything that breaks the schema."""
    return [finding.code for finding in find_violations(data)]


@pytest.mark.parametrize(
    "keys",
    [
        {"input": None},
        {"input": ["a", "b"]},
        {"input": {"a": "order.items.0.sku", "b": "payload"}},
        {"with": None},
        {"with": {"anything": [1, {"nested": None}]}},
        {"next": ["fail"][0]},
        {"next": {"to": "complete"}},
        {"next": [{"when": "payload.a", "to": "fail"}, {"to": "complete"}]},
        {"next": {"ok": "complete", "error": {"to": "complete", "recovery": "undo"}}},
        {"next": {"ok": [{"to": "complete"}], "error": [{"to": "fail", "recovery": "compensation"}]}},
        {"retry": {"max_attempts": 5, "backoff": None}},
        {"retry": {"max_attempts": 5, "backoff": {"type": "linear", "min": "0s", "max": "1d", "jitter": False}}},
        {"timeout": "250ms", "queue": "slow.one", "priority": -3, "on_worker_lost": "pause", "transaction": True},
        {"irreversible": True, "compensatable": False},
        {"irreversible": False, "compensate": "billing.undo", "compensatable": True},
    ],
)
def test_accepts_what_a_step_may_say(keys: dict[str, Any]) -> None:
    """Every key and every form of the workflow file."""
    assert codes(with_step(**keys)) == []


@pytest.mark.parametrize(
    "step",
    [
        {"log": {"message": "hi", "level": "debug"}},
        {"wait": "10m"},
        {"wait": {"until": "payload.due_at"}},
        {"pause": None},
        {"pause": {"title": "Look", "deadline": "2d"}, "input": ["order"], "output": "looked"},
        {"approval": {}},
        {"approval": {"title": "Pay?", "deadline": "1d", "on_deadline": "reject"}, "input": {"sum": "order.sum"}},
        {"uses": "a.b", "after": ["other"], "allow_failure": True, "when": "payload.a"},
    ],
)
def test_accepts_every_kind_of_step(step: dict[str, Any]) -> None:
    """Built-ins and both shapes."""
    assert codes({**MINIMAL, "steps": {"one": {"description": "One", **step}}}) == []


@pytest.mark.parametrize(
    "field",
    [
        {"type": "string", "default": {"today": "iso8601"}},
        {"type": "string", "default": {"now": "iso8601"}, "format": "date-time"},
        {"type": "string", "enum": ["a"], "min_length": 1, "max_length": 2, "pattern": "^a$", "sensitive": True},
        {"type": "integer", "minimum": 1, "maximum": 2.5, "default": 2},
        {"type": "float", "default": 1},
        {"type": "boolean", "default": False, "required": False},
        {"type": "map", "properties": None, "default": {"today": "iso8601"}},
        {"type": "map", "properties": {"Any Key": {"type": "list", "items": {"type": "string"}}}},
        {"type": "list", "items": {"type": "map"}, "min_length": 1, "default": []},
    ],
)
def test_accepts_every_kind_of_field(field: dict[str, Any]) -> None:
    """Each type with what applies to it; a map's default is a map, whatever its keys."""
    assert codes(with_field(**field)) == []


def test_accepts_everything_at_the_top() -> None:
    """All keys, and nothing after those that take {}."""
    data = {
        **MINIMAL,
        "description": "Reminds",
        "version": "1.0",
        "queue": "slow",
        "timeout": "30d",
        "defaults": {"retry": {"max_attempts": 2}, "timeout": "5s", "queue": "fast"},
        "triggers": {
            "by_hand": {"manual": None, "payload": None},
            "nightly": {"cron": "0 3 * * *", "timezone": "Europe/Berlin", "catch_up": "all", "overlap": "skip"},
        },
        "on_failure": {
            "uses": "billing.tell",
            "input": ["failure"],
            "with": {},
            "retry": {"max_attempts": 2},
            "timeout": "5s",
        },
    }
    assert codes(data) == []
    assert codes(data | {"defaults": None}) == []


@pytest.mark.parametrize(
    ("data", "code", "path", "words"),
    [
        (with_step(retrys={}), "SM201", (*STEP, "retrys"), "did you mean 'retry'?"),
        (with_step(zzz=1), "SM201", (*STEP, "zzz"), "known here: after,"),
        (with_step(timeout=30), "SM208", (*STEP, "timeout"), "write '30s'"),
        (with_step(timeout="soon"), "SM208", (*STEP, "timeout"), "250ms, 5s, 10m, 2h, 1d"),
        (with_step(timeout="99999d"), "SM208", (*STEP, "timeout"), "ten years"),
        (with_step(timeout="0ms"), "SM208", (*STEP, "timeout"), "longer than zero"),
        (with_step(irreversible="No"), "SM202", (*STEP, "irreversible"), "write false"),
        (with_step(after="fetch"), "SM202", (*STEP, "after"), "write [fetch]"),
        (with_step(when=True), "SM202", (*STEP, "when"), "put it in quotes"),
        (with_step(next=None), "SM202", (*STEP, "next"), "is empty"),
        (with_step(next={}), "SM211", (*STEP, "next"), "must not be empty"),
        (with_step(input=["a", "a"]), "SM211", (*STEP, "input", 1), "already"),
        (with_step(input=["payload.a"]), "SM218", (*STEP, "input", 0), "{name: path}"),
        (with_step(input={"a": "b..c"}), "SM218", (*STEP, "input", "a"), "joined by dots"),
        (with_step(output="now"), "SM210", (*STEP, "output"), "reserved"),
        (with_step(output="Out"), "SM209", (*STEP, "output"), "lower-case letters"),
        (with_step(next="two steps"), "SM209", (*STEP, "next"), "not the name of a step"),
        (with_step(log={"message": "hi"}), "SM204", (*STEP, "log"), "uses and log"),
        (with_step(irreversible=True, compensate="a.b"), "SM213", (*STEP, "compensate"), "cannot be undone"),
        (with_step(allow_failure=True), "SM213", (*STEP, "allow_failure"), "dependency-based"),
        (with_step(priority=99999), "SM211", (*STEP, "priority"), "at most 32767"),
        (with_step(when="x" * 5000), "SM211", (*STEP, "when"), "4096 characters"),
        (with_field(type="text"), "SM211", (*FIELD, "type"), "one of string"),
        (with_field(type="integer", default="1"), "SM202", (*FIELD, "default"), "whole number"),
        (with_field(type="string", default=None), "SM202", (*FIELD, "default"), "leave it out"),
        (with_field(type="string", pattern="("), "SM211", (*FIELD, "pattern"), "regular expression"),
        (with_field(type="string", pattern="a{99999999999}"), "SM211", (*FIELD, "pattern"), "regular expression"),
        (with_field(type="boolean", minimum=1), "SM212", (*FIELD, "minimum"), "does not apply"),
        (with_field(type="list", items={"type": "map", "default": 1}), "SM212", (*ITEMS, "default"), "items of a"),
        ({**MINIMAL, "triggers": {"x": {}}}, "SM206", ("triggers", "x"), "has no type"),
        ({**MINIMAL, "triggers": {"x": {"manual": {"a": 1}}}}, "SM211", ("triggers", "x", "manual"), "takes nothing"),
        ({**MINIMAL, "triggers": {}}, "SM211", ("triggers",), "must not be empty"),
        ({**MINIMAL, "steps": {}}, "SM211", ("steps",), "must not be empty"),
        ({**MINIMAL, "steps": {"x": {"next": "complete"}}}, "SM205", ("steps", "x"), "says nothing to do"),
        ({**MINIMAL, "steps": {"fail": {"uses": "a"}}}, "SM210", ("steps", "fail"), "reserved"),
        ({**MINIMAL, "workflow": "A b"}, "SM209", ("workflow",), "workflow name"),
        ({"workflow": "a"}, "SM203", (), "lacks 'triggers' and 'steps'"),
        ([], "SM202", (), "a workflow file is a mapping"),
        ("text", "SM202", (), "a workflow file is a mapping"),
    ],
)  # fmt: skip
def test_names_the_key_and_what_to_write(data: Any, code: str, path: tuple[str | int, ...], words: str) -> None:
    """One mistake is one finding at its key, in words that no schema language shows through."""
    findings = find_violations(data)
    assert [(finding.code, finding.path) for finding in findings] == [(code, path)]
    assert words in findings[0].message
    for jargon in ("schema", "property", "properties", "object", "array", "null type", "valid under"):
        assert jargon not in findings[0].message


def test_a_key_that_does_not_belong_hides_its_value() -> None:
    """The value of a key that is to be removed is not worth a word."""
    assert codes(with_step(retrys={"max_attempts": 0})) == ["SM201"]
    step = {"log": {"message": "hi"}, "retry": {"max_attempts": 0}, "next": "complete"}
    assert codes({**MINIMAL, "steps": {"one": step}}) == ["SM212"]


def test_a_misspelt_kind_is_one_finding() -> None:
    """'use' is a misspelt key, not also a step without a kind or a workflow that lacks something."""
    assert codes({**MINIMAL, "steps": {"one": {"use": "a.b", "next": "complete"}}}) == ["SM201"]
    assert codes({**MINIMAL, "triggers": {"x": {"manuel": {}}}}) == ["SM201"]
    assert codes({"workflows": "a.b", "triggers": MINIMAL["triggers"], "steps": MINIMAL["steps"]}) == ["SM201"]


def test_findings_are_bounded() -> None:
    """A file of ten thousand mistakes costs no more than five hundred."""
    assert len(find_violations({f"key {number}": 1 for number in range(10_000)})) == MAX_VIOLATIONS
    assert len(find_violations({**MINIMAL, "steps": {f"s{n}": {"uses": 1} for n in range(10_000)}})) == MAX_VIOLATIONS


def test_a_huge_list_is_compared_in_linear_time() -> None:
    """Ten thousand mixed items do not meet each other one by one."""
    items: list[list[Any]] = [[str(number) if number % 2 else number] for number in range(20_000)]
    assert codes(with_field(type="list", enum=items)) == []
    assert codes(with_field(type="list", enum=[*items, [0]])) == ["SM211"]


def test_places_are_those_of_the_file() -> None:
    """An unknown key is marked itself, a wrong value is marked, a missing key at what lacks it."""
    text = "workflow: a\ntriggers: {x: {manual: {}}}\nsteps:\n  one: {uses: 5, zzz: 1, retry: {}}\n"
    document, _ = read_document(text, "x.yaml")
    assert document is not None
    places = [(d.code, d.span.line, d.span.column) for d in check_shape(document).diagnostics]
    assert sorted(places) == [("SM201", 4, 18), ("SM202", 4, 15), ("SM203", 4, 26)]
