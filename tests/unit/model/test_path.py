"""Paths into a run's data."""

from __future__ import annotations

from types import MappingProxyType

import pytest

from squidmesh.model.path import MISSING, descend, first_key, split

ORDER = {"items": [{"sku": "a"}, {"sku": None}], "total": 3, "by-key": {"0": "zero"}}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("items.0.sku", "a"),
        ("items.1.sku", None),
        ("total", 3),
        ("by-key.0", "zero"),
        ("items.2.sku", MISSING),
        ("items.-1", MISSING),
        ("items.sku", MISSING),
        ("total.digits", MISSING),
        ("absent", MISSING),
        ("items." + "9" * 5000, MISSING),
    ],
)
def test_a_path_leads_to_its_value_or_to_nothing(path: str, found: object):
    """Maps are entered by key and lists by position; what is not there is missing, and null is a value."""
    assert descend(ORDER, split(path)) is found or descend(ORDER, split(path)) == found


def test_any_mapping_can_be_entered():
    """Data that is handed out read-only has the same paths."""
    assert descend(MappingProxyType(ORDER), ("total",)) == 3


@pytest.mark.parametrize("path", ["", ".", "a..b", "a.", "a b", "a[0]", "${a}", "ä"])
def test_other_text_is_no_path(path: str):
    """Only keys joined by dots are a path, and the error shows one."""
    with pytest.raises(ValueError, match=r"write keys joined by dots, such as order\.items\.0\.sku"):
        split(path)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("order.total", (None, "order")),
        ("payload.order.total", ("payload", "order")),
        ("failure", ("failure", "")),
        ("run.id", ("run", "id")),
    ],
)
def test_the_first_key_is_looked_up_at_the_root(path: str, expected: tuple[str | None, str]):
    """A path starts at the context unless it names a root."""
    assert first_key(path) == expected
