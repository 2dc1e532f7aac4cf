"""Names of queues."""

from __future__ import annotations

import json
import re

import pytest

from squidmesh.authoring.schema_file import schema_text
from squidmesh.errors import InvalidValue
from squidmesh.model.queue import check_queue_names

GOOD = ("default", "Mail", "a", "7", "eu-west.mail_1", "x" * 100)
BAD = ("", " ", ".mail", "-mail", "_mail", "e mail", "mail\n", "möwe", "x" * 101)


def test_names_that_a_workflow_could_use_are_taken() -> None:
    """As they are, in their order."""
    assert check_queue_names(list(GOOD)) == GOOD


@pytest.mark.parametrize("name", [*BAD, 5, None])
def test_a_name_that_no_workflow_could_use_is_refused(name: object) -> None:
    """A worker that serves it would wait for ever; the message shows it, and the rule."""
    with pytest.raises(InvalidValue, match=re.escape(f"queues: {name!r} cannot be the name of a queue")):
        check_queue_names(["default", name])  # type: ignore[list-item]


def test_one_text_is_no_list_of_names() -> None:
    """Its letters would be taken for queues."""
    with pytest.raises(InvalidValue, match="must be a list of names, found the text 'mail'"):
        check_queue_names("mail")


def test_the_rule_is_that_of_workflow_files() -> None:
    """The JSON Schema takes and refuses the same names."""
    rule = json.loads(schema_text())["definitions"]["queue_name"]
    for name in (*GOOD, *BAD):
        taken = re.search(rule["pattern"], name) is not None and "\n" not in name and len(name) <= rule["maxLength"]
        assert taken == (name in GOOD), name
