"""Checking a condition against what is known where it stands."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from squidmesh.expressions import Problem, ProblemKind, Variables, VariableType, check_expression, compile_expression
from squidmesh.expressions.tokens import guarded_keys, references

KNOWN = Variables(
    payload={
        "amount": VariableType.INTEGER,
        "rate": VariableType.FLOAT,
        "name": VariableType.STRING,
        "paid": VariableType.BOOLEAN,
        "lines": VariableType.LIST,
        "order": VariableType.MAP,
        "note": VariableType.ANY,
        "in": VariableType.STRING,
    },
    context={"amount": VariableType.INTEGER, "feed": VariableType.MAP},
    failure=False,
)


def only(text: str, variables: Variables = KNOWN) -> Problem:
    """Return the one problem that ``text`` has."""
    (problem,) = check_expression(text, variables)
    return problem


@pytest.mark.parametrize(
    "text",
    [
        "payload.amount > 100",
        "payload.amount > 99.5",
        "payload.rate > 3",
        "payload.amount in [1, 2]",
        "payload.paid",
        "!payload.paid || payload.name == 'x'",
        "has(payload.note) && payload.note == 'x'",
        "has(payload.order.lines)",
        "payload.order.anything.at.all == 1",
        "payload.lines.exists(line, line.price > 10)",
        "payload['in'] == 'x'",
        "context.feed.entries.size() > 0",
        "double(payload.amount) * 1.08 > 10.0",
        "now > timestamp('2026-01-01T00:00:00Z')",
        "now - timestamp(run.started_at) > duration('72h')",
        "run.scheduled_for == null",
        "'has(' == payload.name // has( in a text and a comment",
        ".payload.amount == 1 && payload.amount in .payload.lines",
    ],
)
def test_natural_conditions_are_fine(text: str) -> None:
    """What people write without thinking of types passes, and runs."""
    assert check_expression(text, KNOWN) == ()
    assert compile_expression(text)


@pytest.mark.parametrize(
    ("text", "part", "message"),
    [
        ("payload.amuont > 1", "payload.amuont", "did you mean 'amount'?"),
        ("payload.paid && context.feeed.x == 1", "context.feeed", "did you mean 'feed'?"),
        ("run.idd == 'x'", "run.idd", "did you mean 'id'?"),
        ("failure.code == 'x'", "failure.code", "no 'error' route"),
        ("amount > 1", "amount", "write payload.amount"),
        ("paylod.amount > 1", "paylod", "did you mean 'payload'?"),
        ("len(payload.name) > 1", "len", "write size(x)"),
        ("payload.lines.any(x, x > 1)", "any", "x.exists("),
        ("payload.note == None", "None", "write null"),
        ("payload.paid == True", "True", "write true"),
        (".payload.amuont > 1", "payload.amuont", "did you mean 'amount'?"),
        ("payload['amount'] > 1 && payload.amuont > 1", "payload.amuont", "did you mean 'amount'?"),
        ("payload.name.contains('a', 'b')", "contains", "other arguments"),
    ],
)
def test_unknown_names_are_marked_and_corrected(text: str, part: str, message: str) -> None:
    """A misspelt name is underlined and the nearest one offered."""
    problem = only(text)
    assert problem.kind is ProblemKind.UNKNOWN_VARIABLE
    assert text[problem.offset : problem.offset + problem.length] == part
    assert message in problem.message


@pytest.mark.parametrize(
    ("text", "part", "message"),
    [
        ("payload.paid and payload.name == 'x'", "and", "&&"),
        ("payload.paid or payload.name == 'x'", "or", "||"),
        ("not payload.paid", "not", "write !"),
        ("payload.name = 'x'", "=", "write =="),
        ("payload.name === 'x'", "===", "write =="),
        ("payload.name <> 'x'", "<>", "write !="),
        ("payload.name matches 'x'", "matches", "x.matches("),
        ("{{ payload.paid }}", "{{", "no template"),
        ("payload.paid;", ";", "';'"),
        ("payload.in == 'x'", "in", "payload['in']"),
        ("payload.name == 'x", "'x", "never closed"),
        ("payload.amount >", "", "too early"),
    ],
)
def test_slips_are_named(text: str, part: str, message: str) -> None:
    """Who writes Python, SQL or a template is told what to write instead."""
    problem = only(text)
    assert problem.kind is ProblemKind.SYNTAX
    assert text[problem.offset : problem.offset + problem.length] == part
    assert message in problem.message


@pytest.mark.parametrize(
    ("text", "part", "message"),
    [
        ("payload.amount * 1.08 > 10.0", "*", "double(x) * 1.08"),
        ("payload.amount + payload.rate > 3.0", "+", "double(x)"),
        ("double(payload.amount) > 10", ">", "10.0"),
        ("duration('3d') < duration('1h')", "'3d'", "duration('72h')"),
        ("now > timestamp('2026')", "'2026'", "is not a time"),
        ("payload.name.matches('(')", "'('", "regular expression"),
        ("payload.name == 1", "==", "a text and a whole number"),
        ("payload.name == null", "==", "has(...)"),
        ("now - run.started_at > duration('1h')", "-", "timestamp(x)"),
        ("payload.name.first == 'x'", ".first == 'x'", "a text has no fields"),
        ("1 / 0 == 1", "1 / 0 == 1", "always fails"),
    ],
)
def test_what_fails_in_every_run_is_found(text: str, part: str, message: str) -> None:
    """Operators and literals that no run would accept are marked."""
    problem = only(text)
    assert problem.kind is ProblemKind.TYPE
    assert text[problem.offset : problem.offset + problem.length] == part
    assert message in problem.message


@pytest.mark.parametrize(
    "text",
    [
        *("payload.name", "payload.amount", "payload.order", "payload.paid ? 1 : 2", "payload.lines.map(x, x)"),
        *("1", "dyn(1)", "dyn(null)", "true ? dyn('yes') : dyn('no')"),
    ],
)
def test_only_booleans_are_conditions(text: str) -> None:
    """Nothing is truthy."""
    assert only(text).kind is ProblemKind.NOT_BOOLEAN


@pytest.mark.parametrize(("text", "word"), [("true", "true"), ("1 == 2", "false"), ("'payload.x' != ''", "true")])
def test_constants_are_reported(text: str, word: str) -> None:
    """A condition that names nothing of the run is always the same."""
    problem = only(text)
    assert problem.kind is ProblemKind.CONSTANT
    assert f"always {word}" in problem.message


def test_an_open_context_is_not_checked_but_the_payload_is() -> None:
    """After a step that merges unknown keys, only names of payload and run are judged."""
    opened = Variables(payload=KNOWN.payload, context=None)
    assert check_expression("context.anything.goes > 1", opened) == ()
    assert "amuont" in only("context.anything > 1 && payload.amuont > 1", opened).message


def test_lines_and_columns_count_characters() -> None:
    """A place after characters of several bytes, in a later line, is exact."""
    problem = only("payload.paid &&\n  '🦑é' == payload.nmae")
    assert (problem.line, problem.column, problem.length) == (2, 11, len("payload.nmae"))


def test_all_problems_of_a_kind_come_at_once() -> None:
    """Two misspelt names are two problems, in the order of the text."""
    found = check_expression("payload.amuont > 1 || payload.nmae == 'x'", KNOWN)
    assert [problem.column for problem in found] == [1, 23]


def test_many_names_are_compared_by_their_beginning() -> None:
    """The nearest of thousands is still found; a file of thousands of misspelt names does not take minutes."""
    names = {f"field_{number}": VariableType.ANY for number in range(3000)}
    many = Variables(payload=names | {"invoice_id": VariableType.ANY})
    assert "did you mean 'invoice_id'?" in only("payload.invioce_id == 'x'", many).message


def test_names_inside_texts_are_no_references() -> None:
    """Only what the expression reads is passed to it."""
    found = references("payload.a == 'payload.b' // payload.c\n && payload . d == r'\\' && x.payload.e")
    assert set(found["payload"].keys) == {"a", "d"}
    assert not found["payload"].whole


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("has(payload.note)", {"note"}),
        ("has( context . note ) || has(payload.order.lines)", {"note"}),
        ("'note' in payload", {"note"}),
        ('"note" in payload && payload.note == "x"', {"note"}),
        ("r'note'in context", {"note"}),
        ('"""note""" in payload', {"note"}),
        ("'note' in payload.tags || 'note' in payload['tags']", set()),
        ("'\"note\" in payload' == payload.name // has(payload.note)", set()),
    ],
)
def test_keys_that_are_asked_for_are_known(text: str, keys: set[str]) -> None:
    """However its name is quoted, a key that the expression tests for is told from one that it only reads."""
    assert guarded_keys(text) == keys


PIECES = """
payload context . amount name == = && and ( ) [ ] ' " has( 1 1.5 ! duration(' d') // { } , ? : \\ é 🦑 in null now
"""
WORDS = st.sampled_from([*PIECES.split(), "\n", "\ud800", "\x00"])


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.text(max_size=60), st.lists(WORDS, max_size=25).map(" ".join), st.lists(WORDS, max_size=25).map("".join)
    )
)
def test_no_text_crashes_the_check(text: str) -> None:
    """Whatever stands behind ``when`` is judged: every problem has a place inside the text and words."""
    for variables in (KNOWN, Variables()):
        for problem in check_expression(text, variables):
            assert 0 <= problem.offset <= len(text)
            assert problem.length >= 1
            assert problem.message


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (
            "payload.flg && payload.opp == 'x' && foo == 1",
            [(0, "'flg' (did you mean 'flag'?)"), (15, "'opp' (did you mean 'opt'?)"), (37, "'foo' is not known here")],
        ),
        ("len(payload.opp) > 1", [(0, "write size(x)"), (4, "'opp' (did you mean 'opt'?)")]),
        ("has(found.total)", [(4, "'found' is not known here; write context.found")]),
        ("has(flag)", [(4, "write it with the map that it is in: has(payload.flag)")]),
        ("has(payload)", [(4, "write it with the map that it is in")]),
        ("payload.flag || true", [(0, "always true, so 'when' may go; whatever the run knows")]),
        ("payload.opt == 'x' && false", [(0, "always false, so this never happens; whatever the run knows")]),
        ("has(payload.opt) || true", [(0, "always true")]),
        ("payload.flag == payload.flag", []),
        ("now > timestamp('2026-01-01T00:00:00Z')", []),
        ("payload.flag || now > timestamp('2026-01-01T00:00:00Z')", []),
        ("size(payload.opt) == 3u", [(18, "a whole number and an unsigned whole number")]),
        ("!payload.opt", [(0, "it must be true or false")]),
    ],
)
def test_one_problem_hides_no_other(text: str, problems: list[tuple[int, str]]) -> None:
    """Every name is checked in one pass, and what no value could change is told."""
    known = Variables(
        payload={"flag": VariableType.BOOLEAN, "opt": VariableType.STRING}, context={"found": VariableType.MAP}
    )
    found = check_expression(text, known)
    assert [problem.offset for problem in found] == [offset for offset, _ in problems]
    for problem, (_, words) in zip(found, problems, strict=True):
        assert words in problem.message
