"""``squidmesh rule``: what a code means, with an example that is wrong and one that is right."""

from __future__ import annotations

import click

from squidmesh.authoring.render.rule_pages import render_list, render_markdown, render_rule
from squidmesh.authoring.rules import all_rules, find_rules


@click.command("rule", short_help="Explain a code of the linter.")
@click.argument("code", required=False)
@click.option("--markdown", is_flag=True, help="Print the reference page of all rules in Markdown.")
def command(code: str | None, markdown: bool) -> None:
    r"""Explain a rule of "validate"; without CODE, list all of them.

    CODE is a rule's code or its name; the beginning of several codes lists those.

    \b
    Examples:
      squidmesh rule SM301
      squidmesh rule
      squidmesh rule --markdown > docs/reference/rules.md
    """
    rules = all_rules()
    if markdown:
        click.echo(render_markdown(rules), nl=False)
    elif code is None:
        click.echo(render_list(rules), nl=False)
    else:
        found = find_rules(code)
        if not found:
            raise click.BadParameter(f"there is no rule {code!r}; 'squidmesh rule' lists them", param_hint="CODE")
        click.echo(render_rule(found[0]) if len(found) == 1 else render_list(found), nl=False)
