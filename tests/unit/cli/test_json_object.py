"""Options whose value is a JSON object."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

from squidmesh.authoring.lint import lint_text
from squidmesh.cli.decide import unblock
from squidmesh.cli.payload import read_payload
from squidmesh.cli.stubs import read_stubs

if TYPE_CHECKING:
    from pathlib import Path

WORKFLOW = "workflow: shop.x\ntriggers: {t: {manual: {}}}\nsteps: {charge: {uses: b, next: complete}}\n"
NO_OBJECTS = ["[" * 100_000, "{", "3", '"{}"']


@pytest.mark.parametrize("text", NO_OBJECTS, ids=["deep", "broken", "number", "text"])
def test_what_is_no_object_is_a_usage_error(text: str, tmp_path: Path) -> None:
    """Each option says so, however deep the text is nested; nothing is an internal error."""
    result = CliRunner().invoke(unblock, ["some-id", "--metadata", text])
    assert (result.exit_code, "--metadata" in result.stderr) == (2, True)

    workflow = lint_text(WORKFLOW, "x.yaml").workflow
    assert workflow is not None
    with pytest.raises(click.BadParameter, match="charge: "):
        read_stubs((f"charge={text}",), workflow)

    file = tmp_path / "payload.json"
    file.write_text(text)
    with pytest.raises(click.BadParameter, match="cannot be read as JSON: "):
        read_payload((), file, {})


def test_an_object_is_read() -> None:
    """The answer of a stub is what the option says."""
    workflow = lint_text(WORKFLOW, "x.yaml").workflow
    assert workflow is not None
    assert read_stubs(('charge={"id": 7}',), workflow) == {"charge": {"id": 7}}
