"""The rules of the linter for a terminal, and as the reference page of the documentation."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from squidmesh.authoring.rules import Rule

_WIDTH = 88
_MOST_LINES = 40
FAMILIES = {
    "SM1": ("Reading", "The file is good YAML that carries plain data."),
    "SM2": ("Shape", "Every key is known, in its place, and has a value of its type."),
    "SM3": ("Graph", "The steps lead from one start to an end."),
    "SM4": ("Registry", "Step types exist and get what they need. Skipped with --no-registry."),
    "SM5": ("Expressions", "Conditions are expressions over what is there."),
    "SM6": ("Schedules", "Cron triggers fire, and can fill their payload."),
    "SM7": ("Safety", "What is legal and seldom wise."),
}


def render_rule(rule: Rule) -> str:
    """Return one rule for a terminal."""
    parts = [f"{rule.code} {rule.name} ({rule.severity.value})", "", *_wrapped(rule.summary), ""]
    parts += _wrapped(rule.explanation)
    for title, example in (("Wrong:", rule.bad), ("Right:", rule.good)):
        if example:
            parts += ["", title, "", textwrap.indent(_shortened(example).rstrip("\n"), "  ")]
    return "\n".join(parts) + "\n"


def render_list(rules: Iterable[Rule]) -> str:
    """Return every rule in a line of its own."""
    rows = [(rule.code, rule.name, rule.severity.value, rule.summary) for rule in rules]
    width = max(len(name) for _, name, _, _ in rows)
    return "".join(f"{code}  {name:<{width}}  {severity:<7}  {summary}\n" for code, name, severity, summary in rows)


def render_markdown(rules: Iterable[Rule]) -> str:
    """Return the reference page of all rules."""
    rules = tuple(rules)
    lines = [
        "# Rules of the linter",
        "",
        "`squidmesh validate` reports every problem of a workflow file in one pass. Each finding carries the code",
        "of one of these rules; `squidmesh rule CODE` explains it in a terminal. A warning is silenced by a comment",
        "on its line or on the line above: `# squidmesh: ignore[SM701]`. Errors cannot be silenced, since the",
        "workflow would not load.",
        "",
    ]
    for family, (title, text) in FAMILIES.items():
        lines += [f"## {family}xx: {title}", "", text, ""]
        for rule in rules:
            if rule.code.startswith(family):
                lines += _markdown(rule)
    return "\n".join(lines).rstrip("\n") + "\n"


def _markdown(rule: Rule) -> list[str]:
    lines = [f"### {rule.code} {rule.name}", "", f"*{rule.severity.value.capitalize()}.* {rule.summary}", ""]
    lines += [rule.explanation, ""]
    for title, example in (("Wrong", rule.bad), ("Right", rule.good)):
        if example:
            lines += [f"{title}:", "", "```yaml", *_shortened(example).rstrip("\n").split("\n"), "```", ""]
    return lines


def _shortened(example: str) -> str:
    """Return an example of many lines, or of very long ones, cut so that a reader still sees the point."""
    lines = example.split("\n")
    if len(lines) > _MOST_LINES:
        lines = [*lines[:_MOST_LINES], "…"]
    return "\n".join(f"{line[:_WIDTH]}…" if len(line) > _WIDTH * 2 else line for line in lines)


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False)
