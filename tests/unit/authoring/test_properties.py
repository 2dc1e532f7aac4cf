"""What holds for every workflow file, tried on many."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from squidmesh.authoring.compile import compile_document
from squidmesh.authoring.document import read_document
from squidmesh.authoring.schema import check_shape
from squidmesh.model.definition import RESERVED_STEPS, Workflow
from squidmesh.model.document import definition_hash, from_document, to_document
from squidmesh.model.path import ROOTS

if TYPE_CHECKING:
    import random

names = st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True)
step_names = names.filter(lambda name: name not in RESERVED_STEPS)
data_names = names.filter(lambda name: name not in (*ROOTS, "now"))
targets = st.one_of(step_names, st.sampled_from(RESERVED_STEPS))
step_types = st.lists(names, min_size=1, max_size=3).map(".".join)
durations = st.builds("{}{}".format, st.integers(1, 999), st.sampled_from(["ms", "s", "m", "h", "d"]))
texts = st.text(
    st.characters(blacklist_categories=["Cs", "Cc", "Cn"], blacklist_characters="\ufffe\uffff"), max_size=12
)
paths = st.lists(names, min_size=1, max_size=3).map(".".join)
expressions = texts.filter(bool)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)


def mapping(required: dict[str, Any], /, **optional: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Return mappings with some of the optional keys."""
    return st.fixed_dictionaries(required, optional=optional)


literals = {
    "string": texts | st.sampled_from([{"today": "iso8601"}, {"now": "iso8601"}]),
    "integer": st.integers(-(10**9), 10**9),
    "float": st.integers(-9, 9) | st.floats(allow_nan=False, allow_infinity=False),
    "boolean": st.booleans(),
    "map": st.dictionaries(texts, json_values, max_size=2),
    "list": st.lists(json_values, max_size=3),
}
common = {"required": st.booleans(), "description": texts, "sensitive": st.booleans()}
own = {
    "string": {"min_length": st.integers(0, 9), "pattern": st.just("^a+$"), "format": st.sampled_from(["date", "uri"])},
    "integer": {"minimum": st.integers(-9, 9), "maximum": st.floats(-9, 9)},
    "float": {"minimum": st.floats(-9, 9)},
    "boolean": {},
    "map": {"max_length": st.integers(0, 9)},
    "list": {"min_length": st.integers(0, 9), "max_length": st.integers(0, 9)},
}
fields = st.deferred(lambda: st.sampled_from(sorted(literals)).flatmap(field_of))


def field_of(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    """Return fields of a type."""
    nested: dict[str, Any] = {}
    if kind == "map":
        nested = {"properties": st.none() | st.dictionaries(texts.filter(bool), fields, max_size=2)}
    if kind == "list":
        nested = {
            "items": fields.map(lambda field: {k: v for k, v in field.items() if k not in {"required", "default"}})
        }
    return mapping({"type": st.just(kind)}, default=literals[kind], **common, **own[kind], **nested)


triggers = st.one_of(
    mapping(
        {"manual": st.sampled_from([None, {}])}, payload=st.none() | st.dictionaries(data_names, fields, max_size=3)
    ),
    mapping(
        {"cron": st.just("0 9 * * 1-5")},
        timezone=st.just("Europe/Berlin"),
        catch_up=st.sampled_from(["none", "latest", "all"]),
        overlap=st.sampled_from(["allow", "skip"]),
        payload=st.dictionaries(data_names, fields, max_size=2),
    ),
)
backoffs = st.none() | mapping(
    {}, type=st.sampled_from(["exponential", "linear", "constant"]), min=durations, max=durations, jitter=st.booleans()
)
retries = mapping({"max_attempts": st.integers(1, 99)}, backoff=backoffs)
inputs = st.none() | st.lists(data_names, unique=True, max_size=3) | st.dictionaries(names, paths, max_size=3)


def routes(*, error: bool) -> st.SearchStrategy[Any]:
    """Return the ways that an outcome may lead."""
    recovery = {"recovery": st.sampled_from(["compensation", "undo"])} if error else {}
    one = mapping({"to": targets}, **recovery)
    return targets | one | st.lists(mapping({"to": targets}, when=expressions, **recovery), min_size=1, max_size=3)


nexts = st.one_of(
    routes(error=False),
    mapping({"ok": routes(error=False)}, error=routes(error=True), deadline=routes(error=False)),
)
anywhere = {"description": texts, "when": expressions, "queue": names, "priority": st.integers(-99, 99)}
gates = {"input": inputs, "output": data_names}
kinds = st.one_of(
    mapping(
        {"uses": step_types},
        **gates,
        **{"with": st.none() | st.dictionaries(texts, json_values, max_size=2)},
        retry=retries,
        timeout=durations,
        compensate=step_types,
        on_worker_lost=st.sampled_from(["retry", "pause", "fail"]),
        transaction=st.booleans(),
        **anywhere,
    ),
    mapping({"uses": step_types, "irreversible": st.just(True)}, **anywhere),
    mapping({"uses": step_types, "compensatable": st.booleans()}, **anywhere),
    mapping({"log": mapping({"message": texts}, level=st.sampled_from(["debug", "info"]))}, **anywhere),
    mapping({"wait": durations | mapping({"until": paths})}, **anywhere),
    mapping({"pause": st.none() | mapping({}, title=texts, deadline=durations)}, **gates, **anywhere),
    mapping({"approval": st.none() | mapping({}, title=texts, on_deadline=st.just("fail"))}, **gates, **anywhere),
)
shapes = mapping({}, next=nexts) | mapping(
    {}, after=st.lists(step_names, min_size=1, max_size=3, unique=True), allow_failure=st.booleans()
)
steps = st.builds(lambda kind, shape: kind | shape, kinds, shapes)
workflows = mapping(
    {
        "workflow": step_types,
        "triggers": st.dictionaries(names, triggers, min_size=1, max_size=2),
        "steps": st.dictionaries(step_names, steps, min_size=1, max_size=4),
    },
    description=texts,
    version=texts,
    queue=names,
    timeout=durations,
    defaults=st.none() | mapping({}, retry=retries, timeout=durations, queue=names),
    on_failure=mapping({"uses": step_types}, input=inputs, retry=retries, timeout=durations),
)


def compiled(text: str) -> Workflow:
    """Return the workflow of a text that every check of reading and shape must accept."""
    document, found = read_document(text, "x.yaml")
    assert found == []
    assert document is not None
    assert check_shape(document).diagnostics == ()
    return compile_document(document)


def shuffled(value: Any, chance: random.Random) -> Any:
    """Return the data with the keys of every mapping in another order."""
    if isinstance(value, dict):
        items = [(key, shuffled(inner, chance)) for key, inner in value.items()]
        chance.shuffle(items)
        return dict(items)
    return [shuffled(item, chance) for item in value] if isinstance(value, list) else value


def block_style(data: Any) -> str:
    """Return the data as YAML in blocks, with comments."""
    yaml = YAML()
    yaml.width = 40
    stream = io.StringIO()
    yaml.dump(data, stream)
    return "# A header.\n\n" + stream.getvalue() + "# The end.\n"


@settings(max_examples=150, deadline=None)
@given(workflows)
def test_whatever_is_accepted_compiles_and_survives_storage(data: dict[str, Any]) -> None:
    """Compiled, written as JSON and read again, a workflow is the same and has the same identity."""
    workflow = compiled(json.dumps(data))
    stored = json.loads(json.dumps(to_document(workflow)))
    again = from_document(stored)
    assert again == workflow
    assert definition_hash(again) == definition_hash(workflow)


@settings(max_examples=60, deadline=None)
@given(workflows, st.randoms(use_true_random=False))
def test_identity_ignores_how_a_file_is_written(data: dict[str, Any], chance: random.Random) -> None:
    """Comments, blank lines, quotes, block or flow style and the order of keys change nothing."""
    assert definition_hash(compiled(block_style(shuffled(data, chance)))) == definition_hash(compiled(json.dumps(data)))


BASE: dict[str, Any] = {
    "workflow": "a.b",
    "triggers": {"go": {"cron": "0 9 * * *", "payload": {"n": {"type": "integer", "default": 1}}}},
    "steps": {
        "one": {"uses": "x.y", "input": ["n"], "with": {"k": 1}, "next": {"ok": "two", "error": "fail"}},
        "two": {"wait": "5s", "next": "complete"},
    },
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("workflow",), "a.c"),
        (("timeout",), "1d"),
        (("triggers", "go", "cron"), "1 9 * * *"),
        (("triggers", "go", "overlap"), "skip"),
        (("triggers", "go", "payload", "n", "default"), 2),
        (("triggers", "go", "payload", "n", "minimum"), 0),
        (("steps", "one", "uses"), "x.z"),
        (("steps", "one", "input"), []),
        (("steps", "one", "with", "k"), "1"),
        (("steps", "one", "retry"), {"max_attempts": 2}),
        (("steps", "one", "output"), "out"),
        (("steps", "one", "when"), "payload.n > 1"),
        (("steps", "one", "next", "error"), {"to": "fail", "recovery": "undo"}),
        (("steps", "one", "priority"), 1),
        (("steps", "two", "wait"), "6s"),
        (("defaults",), {"timeout": "9s"}),
        (("on_failure",), {"uses": "x.y"}),
    ],
)
def test_identity_changes_with_what_a_workflow_does(path: tuple[str, ...], value: Any) -> None:
    """Runs in flight stay with the definition that they began with, so any other behaviour is another one."""
    changed = json.loads(json.dumps(BASE))
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    assert definition_hash(compiled(json.dumps(changed))) != definition_hash(compiled(json.dumps(BASE)))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("steps", "one", "retry"), {"max_attempts": 1}),
        (("steps", "one", "priority"), 0),
        (("steps", "one", "input"), {"n": "n"}),
        (("steps", "one", "next", "ok"), [{"to": "two"}]),
        (("steps", "two", "wait"), "5000ms"),
        (("steps", "two", "next"), {"ok": "complete"}),
        (("triggers", "go", "timezone"), "Etc/UTC"),
        (("queue",), "default"),
        (("defaults",), None),
    ],
)
def test_identity_ignores_how_the_same_is_said(path: tuple[str, ...], value: Any) -> None:
    """A default that is spelt out, and a short form that is written long, are the same definition."""
    said = json.loads(json.dumps(BASE))
    inner = said
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    assert definition_hash(compiled(json.dumps(said))) == definition_hash(compiled(json.dumps(BASE)))
