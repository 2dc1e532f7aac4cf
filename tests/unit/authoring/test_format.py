"""The canonical form: one key order, one style, every comment kept, nothing changed in meaning."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from squidmesh.authoring.compile import compile_document
from squidmesh.authoring.document import Document, read_document
from squidmesh.authoring.format import canonical, format_text
from squidmesh.authoring.key_order import key_order
from squidmesh.authoring.layout import Layout
from squidmesh.authoring.rules import all_rules
from squidmesh.errors import InvalidWorkflow
from squidmesh.model.document import definition_hash

MESSY = """\
# The header of this file
# goes on here

# about steps
steps:   # the steps
    # above load
    load:
        next: charge   # go on
        # the type
        uses: 'billing.load_invoice'
        output:   invoice
        # a footer of load
    # above charge
    charge:
        next:
        # first way
        - to: review     # why
          when: payload.amount > 100
        - {to: ship,
           when: 'payload.x == "y"'}

        - to: complete
        input: {amount: invoice.amount,   invoice_id: invoice_id}
        uses: billing.charge
        with:
            note: |
                several
                  lines # no comment

                here
            kept: >+
                text

            plain: this goes
              over two lines
            list: [a,
              # inside
              b]
    ship:
        next: complete
        uses: shop.ship
# the name
workflow: shop.order # inline

triggers:
    by_hand:
        payload:
            amount: {default: 3, type: integer}
            x: {type: string}
        manual:
# the end
"""

CANONICAL = """\
# The header of this file
# goes on here

# the name
workflow: shop.order  # inline

triggers:
  by_hand:
    manual:
    payload:
      amount: {type: integer, default: 3}
      x: {type: string}

# about steps
steps:  # the steps
  # above load
  load:
    # the type
    uses: "billing.load_invoice"
    output: invoice
    next: charge  # go on
    # a footer of load
  # above charge
  charge:
    uses: billing.charge
    input: {amount: invoice.amount, invoice_id: invoice_id}
    with:
      note: |
        several
          lines # no comment

        here
      kept: >+
        text

      plain: this goes
        over two lines
      list: [a,
        # inside
        b]
    next:
      # first way
      - when: payload.amount > 100
        to: review  # why
      - {when: 'payload.x == "y"', to: ship}

      - to: complete
  ship:
    uses: shop.ship
    next: complete
# the end
"""


def formatted(text: str) -> str:
    """Return the canonical form of a text that has one."""
    result = format_text(text)
    assert result.obstacle is None
    return result.text


def read(text: str) -> Document:
    """Return the document of a text that is good YAML."""
    document, found = read_document(text, "test.yaml")
    assert document is not None
    assert found == []
    return document


def comments(text: str) -> list[str]:
    """Return the comments of a text, sorted."""
    return sorted(note.text for note in Layout(text).notes)


def test_orders_keys_and_keeps_comments_with_them() -> None:
    """A file of another style comes out canonical, each comment where it belongs."""
    assert formatted(MESSY) == CANONICAL


def test_the_canonical_form_stays() -> None:
    """Formatting twice changes nothing."""
    assert formatted(CANONICAL) == CANONICAL


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("---\nworkflow: a\n...\n", "workflow: a\n"),
        ("workflow: a\r\nqueue: b\r\n", "workflow: a\nqueue: b\n"),
        ("workflow: a", "workflow: a\n"),
        ("queue: b\n\n\n\nworkflow: a\n", "workflow: a\nqueue: b\n"),
        ("# yaml-language-server: $schema=x\nqueue: b\n", "# yaml-language-server: $schema=x\nqueue: b\n"),
        ("# yaml-language-server: x\nqueue: b\nworkflow: a\n", "# yaml-language-server: x\nworkflow: a\nqueue: b\n"),
        ("# of queue\nqueue: b\nworkflow: a\n", "workflow: a\n# of queue\nqueue: b\n"),
        ("version: '1.0'\nworkflow: a\n", 'workflow: a\nversion: "1.0"\n'),
        ("version: 'say \"1\"'\nworkflow: a\n", "workflow: a\nversion: 'say \"1\"'\n"),
        ("steps: {a: {next: complete, uses: b}}\n", "steps: {a: {uses: b, next: complete}}\n"),
        ("steps:\n  a: {next: {error:  fail,ok: complete}}\n", "steps:\n  a: {next: {ok: complete, error: fail}}\n"),
        ("steps:\n  b: &x {uses: y}\n  a: *x\n", "steps:\n  b: &x {uses: y}\n  a: *x\n"),
        ("steps:\n- c # one\n# two\n- d\n", "steps:\n  - c  # one\n  # two\n  - d\n"),
        ("with:\n  zeta: 1\n  alpha: 2\n", "with:\n  zeta: 1\n  alpha: 2\n"),
        ("unknown: 1\nworkflow: a\n", "workflow: a\nunknown: 1\n"),
        ("- a\n-   b # c\n", "- a\n- b  # c\n"),
        ("a:\n    t: |2\n          two\n         more\n", "a:\n  t: |2\n        two\n       more\n"),
        ("a:\n    - |2\n        b\n       c\n    - d\n", "a:\n  - |2\n      b\n     c\n  - d\n"),
        ("a:\n- |2\n    b\n   c\n- d\n", "a:\n  - |2\n      b\n     c\n  - d\n"),
        ("a:\n    - - >2\n\n          b\n\n         c\n", "a:\n  - - >2\n\n        b\n\n       c\n"),
        ("a:\n  b: |\n  c:   1\n", "a:\n  b: |\n  c: 1\n"),
        ("a: |2\n      \nb:  c\n", "a: |2\n      \nb: c\n"),
        ("a: &b [c,\n  # d\n  e]\nf:  *b\n", "a: &b [c,\n  # d\n  e]\nf: *b\n"),
        ("a:\n    &b {c: d,\n    # e\n    }\n", "a: &b {c: d,\n# e\n}\n"),
        ("a: {b, c: ,d: }\n", "a: {b: , c: , d: }\n"),
        ("a: [b, 'c\n\n  d',\n  'e\n  f', g\n  h]\n", 'a: [b, "c\\nd", "e f", g h]\n'),
        ("a: |\n    b\n    c", "a: |-\n  b\n  c\n"),
        ("a: >+\n    b", "a: >-\n  b\n"),
        ("version: |-\n   b\nworkflow: |2\n    c", "workflow: |2-\n    c\nversion: |-\n  b\n"),
        ("a: |\n    b\n    ", "a: |\n  b\n"),
    ],
)
def test_small_cases(before: str, after: str) -> None:
    """Markers, line breaks, quotes, flow and block style, anchors, unknown keys."""
    assert formatted(before) == after
    assert formatted(after) == after


@pytest.mark.parametrize("text", ["a: [", "", "workflow: a\nworkflow: b\n", "workflow: !tag x\n", "a: 1\n---\nb: 2\n"])
def test_what_cannot_be_read_is_refused(text: str) -> None:
    """A file that is not good YAML is reported, not rewritten."""
    with pytest.raises(InvalidWorkflow):
        formatted(text)


def test_empty_lines_at_the_end_of_a_kept_text_stay() -> None:
    """The line breaks that + keeps are content, also at the end of the file."""
    text = "with:\n  a: |+\n    kept\n\n"
    assert formatted(text) == text


def test_a_comment_above_the_key_that_comes_first_stays_stable() -> None:
    """A comment with an empty line below it may become the file's header, once and for all."""
    text = "triggers:\n  a: {}\n# name\n\nworkflow: x\nsteps:\n  a: {}\n"
    once = formatted(text)
    assert once == "# name\n\nworkflow: x\ntriggers:\n  a: {}\nsteps:\n  a: {}\n"
    assert formatted(once) == once


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("next: &x complete\nuses: *x\n", "next: &x complete\nuses: *x\n"),
        ("next: &x {to: b}\nuses: y\nwith: {a: *x}\n", "uses: y\nnext: &x {to: b}\nwith: {a: *x}\n"),
        ("with: {&x a: b}\nuses: *x\n", "with: {&x a: b}\nuses: *x\n"),
        ("next: &x a\nuses: *x\nlog: &x b\nwhen: *x\n", "next: &x a\nuses: *x\nlog: &x b\nwhen: *x\n"),
        ("next: &x a\nuses: &x b\nafter: [*x]\n", "next: &x a\nuses: &x b\nafter: [*x]\n"),
    ],
)
def test_an_alias_refers_to_what_it_did(before: str, after: str) -> None:
    """Keys that share an anchor keep their order; the others are in theirs around them."""
    text, expected = ("".join(f"    {line}\n" for line in part.splitlines()) for part in (before, after))
    start = "steps:\n  a:\n"
    assert formatted(start + text) == start + expected
    assert formatted(start + expected) == start + expected


@pytest.mark.parametrize("rule", [rule for rule in all_rules() if rule.code >= "SM3"], ids=lambda rule: rule.code)
def test_the_examples_of_the_rules_are_canonical(rule: Any) -> None:
    """What the docs show is what format writes."""
    assert formatted(rule.good) == rule.good


COMMENT = st.text("abc #:-{}[]'\"", min_size=1, max_size=8).map(lambda text: f"# {text}".rstrip())
ABOUT_TO = [
    ("-\n        # about to\n        to: b\n        when: c", "- when: c\n        # about to\n        to: b"),
    ("- # way\n        # to\n        to: b\n        when: c", "# way\n      - when: c\n        # to\n        to: b"),
    ("# way\n      -\n        # about when\n        when: c", "# way\n      # about when\n      - when: c"),
    (
        "- &x\n        # about to\n        to: b\n        when: c",
        "- &x\n        when: c\n        # about to\n        to: b",
    ),
]


@pytest.mark.parametrize(("before", "after"), ABOUT_TO)
def test_a_comment_below_a_dash_is_about_the_first_key(before: str, after: str) -> None:
    """It goes where the key goes; one beside the dash is about the item."""
    text, expected = (
        f"steps:\n  a:\n    next:\n      {item}\n      # last\n      - to: d\n" for item in (before, after)
    )
    assert formatted(text) == expected
    assert formatted(expected) == expected


@pytest.mark.parametrize("item", ["-\n    - x\n    - y", "- - x\n    - y", "- &b\n    - x\n    - y"])
def test_a_list_with_an_anchor_may_begin_with_a_list(item: str) -> None:
    """Which dash is whose decides where the comments below belong."""
    text = f"workflow: w\nkey: &a\n  {item}\n    # end of inner\n  # about z\n  - z\n  # end of key\nlast: 2\n"
    expected = text.replace("-\n    - x", "- - x") if "&b" not in item else text
    assert formatted(text) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("--- |\n  text\n", "mean something else"),
        ("workflow:   w\nwith: &x|y |\n  text\n", "read again"),
    ],
)
def test_what_cannot_be_formatted_stays_and_says_so(text: str, reason: str) -> None:
    """Nothing is ever written that means something else or lacks a comment."""
    result = format_text(text)
    assert result.text == text
    assert result.obstacle is not None
    assert reason in result.obstacle


STEPS = ("load", "charge", "ship", "confirm")
BLOCKS = ("|\n%stext\n%s  more # no comment\n", ">-\n%sfolded\n", "|+\n%skept\n\n")
SCALARS = st.sampled_from(["plain", "'single'", '"double"', "3", "true", "[a, b]", "{z: 1, a: [2]}", *BLOCKS])
TRIGGER = "by_hand: {payload: {a: {default: x, type: string}}, manual: {}}"
ENTRIES = {
    "uses": st.just("shop.step"),
    "description": st.sampled_from(["One sentence.", "'It is: quoted'", '"a # b"']),
    "timeout": st.just("10s"),
    "priority": st.integers(0, 9).map(str),
    "input": st.sampled_from(["[a, b]", "{b: a.b, a: payload.a}"]),
    "queue": st.just("default"),
    "retry": st.sampled_from(["{backoff: {min: 1s}, max_attempts: 3}", "{max_attempts: 2}"]),
}


@st.composite
def step_files(draw: st.DrawFn) -> str:
    """Return a workflow file of dependency-based steps in an arbitrary style, with comments anywhere."""
    indent = draw(st.sampled_from([1, 2, 3, 4, 7]))

    def lead(depth: int) -> str:
        above = [f"{' ' * (indent * depth)}{comment}\n" for comment in draw(st.lists(COMMENT, max_size=1))]
        blank = "\n" * draw(st.integers(0, 2))
        return blank + "".join(above) + "\n" * draw(st.integers(0, 1)) + " " * (indent * depth)

    def tail() -> str:
        return "".join(f"  {comment}" for comment in draw(st.lists(COMMENT, max_size=1))) + "\n"

    def step(position: int) -> str:
        keys = draw(st.permutations(["uses", *draw(st.lists(st.sampled_from(sorted(ENTRIES)), unique=True))]))
        lines = [lead(2) + f"{key}: {draw(ENTRIES[key])}" + tail() for key in dict.fromkeys(keys)]
        if position:
            lines.append(lead(2) + "after:" + tail() + lead(3) + f"- {STEPS[position - 1]}" + tail())
        if draw(st.booleans()):
            value = draw(SCALARS).replace("%s", " " * (indent * 3 + 2))
            text = value if value.endswith("\n") else value + tail()
            lines.append(lead(2) + "with:\n" + lead(3) + f"given: {text}")
        return lead(1) + f"{STEPS[position]}:" + tail() + "".join(draw(st.permutations(lines)))

    count = draw(st.integers(1, len(STEPS)))
    parts = [
        lead(0) + "workflow: shop.order" + tail(),
        lead(0) + "triggers:" + tail() + lead(1) + TRIGGER + tail(),
        lead(0) + "steps:" + tail() + "".join(step(position) for position in range(count)),
    ]
    return "".join(draw(st.permutations(parts))) + draw(st.sampled_from(["", "# end", "\n\n# end\n"]))


@settings(max_examples=50, deadline=None)
@given(step_files())
def test_any_style_comes_out_canonical(text: str) -> None:
    """The canonical form is stable, means the same, has every comment, and its keys are in order."""
    document = read(text)
    result = canonical(Layout(text))
    formatted = read(result)
    assert canonical(Layout(result)) == result
    assert definition_hash(compile_document(formatted)) == definition_hash(compile_document(document))
    assert list(formatted.data["steps"]) == list(document.data["steps"])
    assert comments(result) == comments(text)
    for step in formatted.data["steps"].values():
        order = key_order(("steps", "any"))
        assert list(step) == sorted(step, key=order.index)
