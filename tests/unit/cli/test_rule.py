"""``squidmesh rule`` and the reference page that it writes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from squidmesh.authoring.render.rule_pages import FAMILIES, render_markdown
from squidmesh.authoring.rules import all_rules
from squidmesh.cli.rule import command

PAGE = Path(__file__).parents[3] / "docs/reference/rules.md"


def test_explains_a_code() -> None:
    """Summary, reasons and both examples, by code or by name, in any case."""
    result = CliRunner().invoke(command, ["sm301"])
    assert result.exit_code == 0
    for part in ("SM301 no-entry (error)", "Wrong:", "Right:", "workflow: billing.reminder"):
        assert part in result.stdout
    assert CliRunner().invoke(command, ["no-entry"]).stdout == result.stdout


def test_lists_the_rules_whose_codes_begin_so() -> None:
    """A family has its list, as --select of validate takes it."""
    lines = CliRunner().invoke(command, ["sm6"]).stdout.splitlines()
    assert [line[:5] for line in lines] == [rule.code for rule in all_rules() if rule.code.startswith("SM6")]


def test_lists_all_rules() -> None:
    """Without a code every rule has its line."""
    lines = CliRunner().invoke(command, []).stdout.splitlines()
    assert [line[:5] for line in lines] == [rule.code for rule in all_rules()]


def test_an_unknown_code_is_a_usage_error() -> None:
    """The message says how to find the right one."""
    result = CliRunner().invoke(command, ["SM999"])
    assert result.exit_code == 2
    assert "squidmesh rule" in result.stderr


def test_the_reference_page_is_up_to_date() -> None:
    """docs/reference/rules.md is what ``squidmesh rule --markdown`` writes."""
    assert CliRunner().invoke(command, ["--markdown"]).stdout == PAGE.read_text(encoding="utf-8")


def test_every_rule_is_on_the_page() -> None:
    """No family of codes is left out."""
    page = render_markdown(all_rules())
    assert {rule.code[:3] for rule in all_rules()} == set(FAMILIES)
    assert all(f"### {rule.code} {rule.name}\n" in page for rule in all_rules())


def test_rules_are_cheap_to_import() -> None:
    """The libraries of database and worker are never loaded, those of conditions and schedules only when needed."""
    program = (
        "import sys; from squidmesh.authoring.rules import all_rules; all_rules(); "
        "import squidmesh.cli.rule, squidmesh.cli.format, squidmesh.cli.graph; "
        "heavy = ('sqlalchemy', 'huey', 'psycopg', 'croniter', 'cel_expr_python'); "
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"
