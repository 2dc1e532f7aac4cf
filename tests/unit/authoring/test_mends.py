"""One pass tells everything: no broken part hides what is wrong elsewhere, and none makes up what is not."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from ruamel.yaml import YAML

from squidmesh.authoring.lint import lint_text

BASE = """\
workflow: shop.order
triggers:
  by_hand:
    manual: {}
    payload:
      amount: {type: integer, default: 1}
      customer: {type: map, properties: {name: {type: string}}}
  nightly: {cron: "99 * * * *", payload: {amount: {type: integer, default: 1}, customer: {type: map, required: false}}}
steps:
  first:
    uses: shop.first
    input: [amount]
    with: {size: 1}
    output: found
    compensate: shop.undo
    retry: {max_attempts: 2}
    when: payload.amount > 0 &&
    next: {ok: [{when: payload.amount > 1, to: note}, {to: rest}], error: nowhere}
  note: {log: {message: hello, level: info}, next: rest}
  rest: {wait: 1h, next: hold}
  hold: {pause: {title: Look, deadline: 2d}, output: held, next: {ok: ask, deadline: ask}}
  ask:
    approval: {deadline: 1d, on_deadline: reject}
    output: asked
    next: {ok: complete, error: {to: fail, recovery: undo}}
on_failure: {uses: shop.tell, with: {a: 1}}
"""
ELSEWHERE = {"SM303", "SM501", "SM601"}  # nowhere, the open condition, minute 99
STEPS, FIELDS = ("steps",), ("triggers", "by_hand", "payload")
GONE = ...  # by its name the same in every process


def spoilt(path: tuple[str | int, ...], value: Any) -> str:
    """Return the file, as the JSON that YAML reads too, with something else at one place."""
    data = YAML(typ="safe").load(BASE)
    place = data
    for segment in path[:-1]:
        place = place[segment]
    if value is GONE:
        del place[path[-1]]
    else:
        place[path[-1]] = copy.deepcopy(value)
    return json.dumps(data, indent=1)


DEFECTS: list[tuple[tuple[str | int, ...], Any, str]] = [
    (("workflow",), GONE, "SM203"),
    (("workflow",), 5, "SM202"),
    (("triggers", "extra"), None, "SM202"),
    (("triggers", "extra"), "manual", "SM202"),
    (("triggers", "extra"), {"payload": {"amount": {"type": "integer", "default": 1}}}, "SM206"),
    (("triggers", "by_hand", "manual"), True, "SM202"),
    (("triggers", "by_hand", "payload"), ["x"], "SM202"),
    (("triggers", "extra"), {"cron": 5, "payload": {"amount": {"type": "integer", "default": 1}}}, "SM202"),
    (("triggers", "nightly", "timezone"), 1, "SM202"),
    ((*FIELDS, "more"), "string", "SM202"),
    ((*FIELDS, "more"), {"default": 1}, "SM203"),
    ((*FIELDS, "more"), {"type": "sting"}, "SM211"),
    ((*FIELDS, "more"), {"type": "list", "items": "string"}, "SM202"),
    ((*FIELDS, "customer", "properties", "name"), 1, "SM202"),
    ((*FIELDS, "customer", "properties", "name", "type"), "txt", "SM211"),
    ((*FIELDS, "amount", "default"), "one", "SM202"),
    ((*FIELDS, "amount", "default"), None, "SM202"),
    ((*FIELDS, "amount", "required"), "no", "SM202"),
    ((*STEPS, "rest"), None, "SM202"),
    ((*STEPS, "rest"), "text", "SM202"),
    ((*STEPS, "note", "log"), "text", "SM202"),
    ((*STEPS, "note", "log", "message"), GONE, "SM203"),
    ((*STEPS, "note", "log", "message"), 5, "SM202"),
    ((*STEPS, "first", "uses"), None, "SM202"),
    ((*STEPS, "first", "uses"), 5, "SM202"),
    ((*STEPS, "first", "output"), 5, "SM202"),
    ((*STEPS, "first", "input"), "amount", "SM202"),
    ((*STEPS, "first", "input"), ["customer.name"], "SM218"),
    ((*STEPS, "first", "input"), {"a": "b..c"}, "SM218"),
    ((*STEPS, "first", "input"), {"a": "payload.amount\n"}, "SM218"),
    ((*STEPS, "first", "with"), ["x"], "SM202"),
    ((*STEPS, "first", "compensate"), None, "SM202"),
    ((*STEPS, "first", "irreversible"), "yes", "SM202"),
    ((*STEPS, "first", "compensatable"), "yes", "SM202"),
    ((*STEPS, "first", "retry"), {}, "SM203"),
    ((*STEPS, "note", "when"), True, "SM202"),
    ((*STEPS, "note", "when"), None, "SM202"),
    ((*STEPS, "note", "next"), None, "SM202"),
    ((*STEPS, "note", "next"), 5, "SM202"),
    ((*STEPS, "note", "next"), ["rest"], "SM202"),
    ((*STEPS, "note", "next"), {"ok": [{"when": "payload.amount > 3"}]}, "SM203"),
    ((*STEPS, "note", "next"), {"ok": "rest", "failure": "rest"}, "SM201"),
    ((*STEPS, "hold", "next", "deadline"), ["ask"], "SM202"),
    ((*STEPS, "ask", "next", "error"), None, "SM202"),
    ((*STEPS, "ask", "next", "error", "recovery"), "undoo", "SM211"),
    ((*STEPS, "ask", "approval"), "text", "SM202"),
    ((*STEPS, "ask", "approval", "on_deadline"), "approved", "SM211"),
    ((*STEPS, "ask", "approval", "deadline"), 5, "SM208"),
    ((*STEPS, "hold", "pause"), 5, "SM202"),
    ((*STEPS, "rest", "wait"), 5, "SM208"),
    ((*STEPS, "rest", "wait"), {"util": "payload.amount"}, "SM201"),
    ((*STEPS, "rest", "priority"), "high", "SM202"),
    (("on_failure",), "text", "SM202"),
    (("on_failure",), None, "SM202"),
    (("on_failure",), {"uses": "shop.tell", "log": {"message": "x"}}, "SM201"),
    (("on_failure", "uses"), GONE, "SM203"),
    (("on_failure", "uses"), 5, "SM202"),
    (("on_failure", "with"), 5, "SM202"),
    (("timeout",), 5, "SM208"),
    (("defaults",), {"retry": {}}, "SM203"),
    (("defaults",), 5, "SM202"),
    (("verson",), "1", "SM201"),
    (("nonsense",), 1, "SM201"),
]


def codes(text: str) -> list[str]:
    """Return the codes that are found, step types aside."""
    return [diagnostic.code for diagnostic in lint_text(text, "x.yaml").diagnostics]


def test_the_file_has_its_own_mistakes() -> None:
    """What the other tests look for is there."""
    assert set(codes(BASE)) == ELSEWHERE


@pytest.mark.parametrize(("path", "value", "code"), DEFECTS, ids=lambda item: str(item)[:60])
def test_a_broken_part_hides_nothing_and_makes_nothing_up(path: Any, value: Any, code: str) -> None:
    """The part itself is reported, once, and beside it what is wrong elsewhere."""
    found = codes(spoilt(path, value))
    assert found.count(code) == 1
    assert set(found) - {code} == ELSEWHERE


def test_what_is_in_a_misspelt_key_is_checked_at_its_place() -> None:
    """Every typo of a file is told at once, also one inside another, and so is what the rules find there."""
    text = """\
workflow: shop.x
triggers:
  t:
    manual: {}
    paylod:
      feed: {tipe: string}
stpes:
  a:
    log: {mesage: hello}
    nxt: {eror: nowhere, ok: gone}
"""
    places = [(found.code, found.span.line, found.span.column) for found in lint_text(text, "x.yaml").diagnostics]
    assert places == [
        ("SM201", 5, 5),
        ("SM201", 6, 14),
        ("SM201", 7, 1),
        ("SM201", 9, 11),
        ("SM201", 10, 5),
        ("SM201", 10, 11),
        ("SM303", 10, 17),
        ("SM303", 10, 30),
    ]


def test_places_stay_right_beside_an_item_that_is_left_out() -> None:
    """A list without its broken item does not move what stands behind."""
    text = """\
workflow: shop.x
triggers: {t: {manual: {}}}
steps:
  a: {log: {message: x}}
  b: {log: {message: x}, after: [5, nowhere, a]}
"""
    places = [(found.code, found.span.line, found.span.column) for found in lint_text(text, "x.yaml").diagnostics]
    assert places == [("SM202", 5, 34), ("SM303", 5, 37)]


HEAD = """\
workflow: shop.x
triggers: {t: {manual: {}, payload: {feed_url: {type: string}, b: {type: boolean}}}}
steps:
"""


@pytest.mark.parametrize(
    ("lines", "code", "place", "words"),
    [
        ("a: {log: {message: x}, when: !payload.b && b}", "SM106", (4, 32), "quote a text that begins with '!'"),
        ("a:\n    when: !payload.b.has(\"x\")", "SM101", (5, 11), "needs quotes"),
        ("a:\n    log: {message: x}\n    when: !payload.b || payload.b", "SM101", (6, 11), "needs quotes"),
        ("a:\n    log: {message: x}\n    when: !(payload.b in [1, 2])", "SM106", (6, 11), "the tag !(payload.b is"),
        ("a: {log: {message: !secret &x foo}}", "SM106", (4, 22), "the tag !secret"),
        ("a: {log: {message: x}, when: !payload.b.size(1, \"x\")}", "SM106", (4, 32), "the tag !payload.b.size(1,"),
        ("a: {<<: {uses: b}, timeout: 5s}", "SM108", (4, 7), "merge keys"),
        ("build_it: {uses: a, next: Build-It2}\n  build_it2: {uses: a, next: fail}", "SM209", (4, 29), "'build_it2'?"),
        ("build_it: {uses: a, next: FAIL}", "SM209", (4, 29), "(did you mean 'fail'?)"),
        ("build_it: {uses: a}\n  b: {uses: b, after: [Build It]}", "SM209", (5, 24), "'build_it'?); write a step"),
        ("a: {uses: a, input: [feed-url]}", "SM218", (4, 24), "(did you mean 'feed_url'?)"),
    ],
)  # fmt: skip
def test_one_mistake_is_told_once_with_what_was_meant(
    lines: str, code: str, place: tuple[int, int], words: str
) -> None:
    """Nothing that follows from it is told beside it."""
    (found,) = lint_text(HEAD + "  " + lines + "\n", "x.yaml").diagnostics
    assert (found.code, found.span.line, found.span.column) == (code, *place)
    assert words in found.message


def test_a_second_document_hides_nothing_of_the_first() -> None:
    """The first is the workflow, and is checked."""
    text = HEAD + "  a: {uses: a, next: gone}\n---\nother: 1\n"
    assert codes(text) == ["SM303", "SM104"]


def test_a_pause_is_told_where_its_deadline_leads() -> None:
    """What an approval takes and a pause does not is no typo of what stands beside it."""
    text = HEAD + "  a: {pause: {deadline: 3d, on_deadline: approve}, next: {ok: complete, deadline: fail}}\n"
    (found,) = lint_text(text, "x.yaml").diagnostics
    assert "its route 'next.deadline' is taken" in found.message


def test_very_many_directives_are_few_findings() -> None:
    """A megabyte of them costs no gigabyte."""
    assert len(lint_text("%a\n" * 300_000, "x.yaml").diagnostics) <= 101


@pytest.mark.parametrize("contract", ["enum: [a, b]", "max_length: 3", "format: email", "pattern: '^[a-z]+$'"])
def test_a_moment_that_its_own_field_refuses_is_found(contract: str) -> None:
    """Else no run could ever start by that trigger."""
    text = HEAD.replace("{type: string}", f"{{type: string, {contract}, default: {{today: iso8601}}}}")
    assert codes(text + "  a: {log: {message: x}}\n") == ["SM214"]
