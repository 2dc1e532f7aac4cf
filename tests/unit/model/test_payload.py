"""The payload contract: what a run starts with, and everything that is wrong at once."""

from __future__ import annotations

from datetime import UTC, datetime
from types import MappingProxyType
from zoneinfo import ZoneInfo

import pytest

from squidmesh.errors import InvalidPayload
from squidmesh.model.definition import DynamicDefault, Field, FieldType
from squidmesh.model.payload import MAX_PATTERN_TEXT, apply_contract, mask

MOMENT = datetime(2024, 5, 1, 9, 30, tzinfo=UTC)
STRING, INTEGER, FLOAT, BOOLEAN, MAP, LIST = FieldType


def problems(fields: dict[str, Field], payload: object) -> dict[str, str]:
    """Return what the contract finds wrong with the payload."""
    with pytest.raises(InvalidPayload) as caught:
        apply_contract(fields, payload, MOMENT)
    return dict(caught.value.fields)


def problem(field: Field, value: object) -> str:
    """Return what is wrong with one value."""
    return problems({"value": field}, {"value": value})["value"]


def accepted(field: Field, value: object) -> object:
    """Return what the contract makes of one value."""
    return apply_contract({"value": field}, {"value": value}, MOMENT)["value"]


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (STRING, ["", "x", "ü"]),
        (INTEGER, [0, -3, 10**999]),
        (FLOAT, [0.5, 3, -1e300]),
        (BOOLEAN, [True, False]),
        (MAP, [{}, {"any": {"depth": [1]}}, MappingProxyType({"a": 1})]),
        (LIST, [[], [1, "mixed", None]]),
    ],
)
def test_values_of_the_declared_type_are_taken_as_they_are(kind: FieldType, values: list):
    """Nothing is converted: what a caller gives is what the steps see."""
    for value in values:
        assert accepted(Field(type=kind), value) is value


@pytest.mark.parametrize(
    ("kind", "value", "found"),
    [
        (STRING, 1, "integer"),
        (INTEGER, True, "boolean"),
        (INTEGER, 3.0, "float"),
        (INTEGER, "3", "string"),
        (FLOAT, True, "boolean"),
        (BOOLEAN, 1, "integer"),
        (MAP, [], "list"),
        (LIST, {}, "map"),
        (LIST, (1,), "a tuple"),
        (STRING, b"x", "a bytes"),
    ],
)
def test_another_type_is_refused(kind: FieldType, value: object, found: str):
    """The message names the declared type and the given one, and repeats no value."""
    assert problem(Field(type=kind), value) == f"expected {kind.value}, found {found}"


def test_all_problems_come_at_once():
    """Undeclared, missing and mistyped fields are reported together, each by its path."""
    fields = {
        "amount": Field(type=INTEGER, minimum=1),
        "invoice_id": Field(type=STRING),
        "order": Field(type=MAP, properties={"lines": Field(type=LIST, items=Field(type=INTEGER))}),
    }
    assert problems(fields, {"amount": 0, "invoiceid": "x", "order": {"lines": [1, "2", None], "note": ""}}) == {
        "amount": "is less than 1",
        "invoice_id": "is required",
        "invoiceid": "is not declared (did you mean 'invoice_id'?)",
        "order.lines.1": "expected integer, found string",
        "order.lines.2": "is required",
        "order.note": "is not declared",
    }


def test_several_problems_of_one_field_are_joined():
    """One field may break several rules."""
    field = Field(type=STRING, min_length=5, pattern="^x", format="email")
    assert problem(field, "abc") == (
        "has 3 characters, fewer than 5; does not match the pattern '^x'; is not a valid email"
    )


@pytest.mark.parametrize("payload", [None, [], "text", 3])
def test_a_payload_is_a_map(payload: object):
    """Anything else is refused as a whole."""
    assert list(problems({}, payload)) == ["payload"]


def test_an_optional_field_that_is_not_given_is_absent():
    """Absent, and not null: a step's own default applies to it."""
    fields = {"note": Field(type=STRING, required=False)}
    assert apply_contract(fields, {}, MOMENT) == {}
    assert apply_contract(fields, {"note": None}, MOMENT) == {}


def test_an_explicit_null_counts_as_not_given():
    """A required field is missing, a default applies."""
    assert problem(Field(type=STRING), None) == "is required"
    assert accepted(Field(type=STRING, has_default=True, default="x"), None) == "x"


def test_literal_defaults_are_copies():
    """No run can change the default of the next one."""
    fields = {"tags": Field(type=LIST, has_default=True, default=["a"])}
    apply_contract(fields, {}, MOMENT)["tags"].append("b")
    assert apply_contract(fields, {}, MOMENT) == {"tags": ["a"]}


def test_false_and_zero_are_defaults_and_values():
    """Only null is nothing."""
    assert accepted(Field(type=BOOLEAN, has_default=True, default=True), False) is False
    assert apply_contract({"n": Field(type=INTEGER, has_default=True, default=0)}, {}, MOMENT) == {"n": 0}


def test_dynamic_defaults_are_of_the_moment_in_its_own_zone():
    """Half past eleven at night in UTC is tomorrow in Tokyo."""
    fields = {
        "day": Field(type=STRING, dynamic_default=DynamicDefault.TODAY),
        "at": Field(type=STRING, dynamic_default=DynamicDefault.NOW),
    }
    moment = datetime(2024, 12, 31, 23, 30, tzinfo=UTC)
    assert apply_contract(fields, {}, moment) == {"day": "2024-12-31", "at": "2024-12-31T23:30:00+00:00"}
    assert apply_contract(fields, {}, moment.astimezone(ZoneInfo("Asia/Tokyo"))) == {
        "day": "2025-01-01",
        "at": "2025-01-01T08:30:00+09:00",
    }
    assert apply_contract(fields, {"day": "2000-01-01"}, moment)["day"] == "2000-01-01"


def test_a_moment_without_zone_is_refused():
    """It would be another day elsewhere."""
    with pytest.raises(ValueError, match="needs a time zone"):
        apply_contract({}, {}, datetime(2024, 1, 1))  # noqa: DTZ001 - that is the point


def test_nested_defaults_apply_below_given_and_default_maps():
    """A map is filled in like a payload, whether it was given or is itself a default."""
    inner = {"currency": Field(type=STRING, has_default=True, default="EUR"), "cents": Field(type=INTEGER)}
    fields = {"price": Field(type=MAP, properties=inner, has_default=True, default={"cents": 0})}
    assert apply_contract(fields, {"price": {"cents": 5}}, MOMENT) == {"price": {"currency": "EUR", "cents": 5}}
    assert apply_contract(fields, {}, MOMENT) == {"price": {"currency": "EUR", "cents": 0}}
    assert problems(fields, {"price": {}}) == {"price.cents": "is required"}


def test_items_of_a_list_are_checked_one_by_one():
    """Maps in lists have paths too, and a null item stays where the item is optional."""
    line = Field(type=MAP, properties={"sku": Field(type=STRING), "count": Field(type=INTEGER, minimum=1)})
    fields = {"lines": Field(type=LIST, items=line, max_length=2)}
    assert problems(fields, {"lines": [{"sku": "a", "count": 0}, {"count": "x"}, {"sku": "c", "count": 1}]}) == {
        "lines": "has 3 entries, more than 2",
        "lines.0.count": "is less than 1",
        "lines.1.sku": "is required",
        "lines.1.count": "expected integer, found string",
    }
    optional = Field(type=LIST, items=Field(type=INTEGER, required=False))
    assert accepted(optional, [1, None, 2]) == [1, None, 2]


def test_the_given_payload_is_not_changed():
    """Defaults go into a value of our own."""
    given = {"price": {}}
    properties = {"currency": Field(type=STRING, has_default=True, default="EUR")}
    apply_contract({"price": Field(type=MAP, properties=properties)}, given, MOMENT)
    assert given == {"price": {}}


@pytest.mark.parametrize(
    ("field", "fine", "wrong", "message"),
    [
        (Field(type=STRING, enum=("a", "b")), ["a", "b"], "c", "is not one of 'a', 'b'"),
        (Field(type=INTEGER, enum=(1,)), [1], 2, "is not one of 1"),
        (Field(type=FLOAT, enum=(1,)), [1, 1.0], 1.5, "is not one of 1"),
        (Field(type=BOOLEAN, enum=(True,)), [True], False, "is not one of True"),
        (Field(type=LIST, enum=([1], [[0]])), [[1], [1.0], [[0]]], [True], "is not one of [1], [[0]]"),
        (Field(type=LIST, enum=([1], [[0]])), [[1]], [[False]], "is not one of [1], [[0]]"),
        (Field(type=MAP, enum=({"a": 1},)), [{"a": 1}], {"a": True}, "is not one of {'a': 1}"),
        (Field(type=MAP, enum=({"a": 1},)), [{"a": 1}], {"b": 1}, "is not one of {'a': 1}"),
        (Field(type=INTEGER, minimum=1), [1, 2], 0, "is less than 1"),
        (Field(type=FLOAT, maximum=1.5), [1.5, 1], 1.6, "is more than 1.5"),
        (Field(type=STRING, min_length=2), ["ab"], "a", "has 1 characters, fewer than 2"),
        (Field(type=STRING, max_length=2), ["ab"], "abc", "has 3 characters, more than 2"),
        (Field(type=LIST, min_length=1), [[1]], [], "has 0 entries, fewer than 1"),
        (Field(type=MAP, max_length=0), [{}], {"a": 1}, "has 1 entries, more than 0"),
        (Field(type=STRING, pattern=r"\d"), ["a1b"], "ab", r"does not match the pattern '\\d'"),
        (Field(type=STRING, format="date"), ["2024-02-29"], "2023-02-29", "is not a valid date"),
        (Field(type=STRING, format="uuid"), ["017f22e2-79b0-7cc3-98c4-dc0c0c07398f"], "x", "is not a valid uuid"),
    ],
)
def test_each_rule_has_two_sides(field: Field, fine: list, wrong: object, message: str):
    """Bounds are inclusive, a pattern may match anywhere, true is not 1."""
    for value in fine:
        assert accepted(field, value) == value
    assert problem(field, wrong) == message


def test_a_pattern_is_not_tried_on_an_endless_text():
    """The text is refused by its length, since the time of a pattern grows with it."""
    field = Field(type=STRING, pattern="(a+)+$")
    assert "more than the 10000 that a pattern is tried on" in problem(field, "a" * MAX_PATTERN_TEXT + "b")


@pytest.mark.parametrize(
    ("value", "path", "message"),
    [
        ({"deep": ["\x00"]}, "value.deep.0", "contains a NUL character, which Postgres cannot store"),
        ({"at": MOMENT}, "value.at", "is a datetime, which is not JSON: write value.isoformat()"),
        ({1: 2}, "value", "has a key that is not a string but of type int"),
    ],
)
def test_what_cannot_be_stored_is_a_problem_of_its_field(value: object, path: str, message: str):
    """Hostile and foreign values are reported like any other mistake, by path."""
    assert problems({"value": Field(type=MAP)}, {"value": value}) == {path: message}


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_json_lacks_are_refused(number: float):
    """They would pass any bound."""
    assert "which JSON cannot carry" in problem(Field(type=FLOAT, minimum=0), number)


def test_undeclared_names_are_shown_safely():
    """The name itself may be hostile: it is shortened and made printable."""
    (shown,) = problems({}, {"\x00\ud800" + "x" * 5000: 1})
    shown.encode()
    assert len(shown) < 120


def test_a_problem_never_repeats_a_value():
    """A field may be sensitive, and errors are stored and shown."""
    secret = "hunter2"
    fields = {
        "enum": Field(type=STRING, enum=("a",)),
        "pattern": Field(type=STRING, pattern="^a"),
        "format": Field(type=STRING, format="uri"),
        "length": Field(type=STRING, max_length=1),
        "type": Field(type=INTEGER),
    }
    found = problems(fields, dict.fromkeys(fields, secret))
    assert set(found) == set(fields)
    assert secret not in str(found)


def test_the_result_is_in_the_order_of_the_contract():
    """What a run shows does not depend on how its caller ordered the payload."""
    fields = {"a": Field(type=INTEGER), "b": Field(type=INTEGER)}
    assert list(apply_contract(fields, {"b": 1, "a": 2}, MOMENT)) == ["a", "b"]


def test_sensitive_values_are_masked_wherever_they_stand():
    """Top-level, below maps and in lists; everything else is shown, the original untouched."""
    card = Field(type=MAP, properties={"number": Field(type=STRING, sensitive=True), "name": Field(type=STRING)})
    fields = {
        "token": Field(type=STRING, sensitive=True),
        "whole": Field(type=MAP, sensitive=True, properties={"a": Field(type=STRING)}),
        "cards": Field(type=LIST, items=card),
        "plain": Field(type=STRING),
    }
    payload = {"token": "t", "whole": {"a": "x"}, "cards": [{"number": "4", "name": "n"}], "plain": "p", "old": 1}
    assert mask(fields, payload) == {
        "token": "***",
        "whole": "***",
        "cards": [{"number": "***", "name": "n"}],
        "plain": "p",
        "old": 1,
    }
    assert payload["token"] == "t"


def test_masking_does_not_trust_the_shape():
    """A payload of an older contract is masked as far as it fits."""
    fields = {"card": Field(type=MAP, properties={"number": Field(type=STRING, sensitive=True)})}
    assert mask(fields, {"card": "none"}) == {"card": "none"}
