"""The built-in step types."""

from __future__ import annotations

import logging

import pytest

from squidmesh.model.definition import Log, LogLevel
from squidmesh.steps.builtin import BUILTIN_STEP_TYPES, write_log


def test_the_built_in_names():
    """These names are the file's, and no package may register them."""
    assert {"log", "wait", "pause", "approval"} == BUILTIN_STEP_TYPES


@pytest.mark.parametrize("level", LogLevel)
def test_a_log_step_writes_its_message_as_it_stands(context, caplog, level: LogLevel):
    """The message is text, never a template, at the level that the file names."""
    with caplog.at_level(logging.DEBUG):
        write_log(Log(message="100 % of {this} %s", level=level), context)
    (record,) = caplog.records
    assert record.getMessage() == "100 % of {this} %s"
    assert record.levelname == level.value.upper()
    assert record.step == "charge"
