"""The settings of ``squidmesh validate``: ``[tool.squidmesh.validate]``, overridden by options."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from squidmesh.authoring.rules import all_rules, find_rules
from squidmesh.errors import suggestion
from squidmesh.settings import load_settings
from squidmesh.settings.files import OWN_TABLE, read_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FORMATS = ("full", "concise", "json", "github", "gitlab", "sarif", "junit")
_FAIL_ON = ("error", "warning")


class UsageError(click.ClickException):
    """A setting or an argument that cannot be used."""

    exit_code = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class LintSettings:
    """What to check and what to report; ``select`` empty means everything."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    fail_on: str = "error"
    format: str = "full"
    registry: bool = True

    def overridden(self, **options: Any) -> LintSettings:
        """Return the settings with those options in their place that were given."""
        return dataclasses.replace(self, **{name: value for name, value in options.items() if value not in (None, ())})

    def resolved(self) -> LintSettings:
        """Return the settings with whole codes in ``select`` and ``ignore``; ``UsageError`` for what names no rule."""
        return dataclasses.replace(self, select=tuple(_codes(self.select)), ignore=tuple(_codes(self.ignore)))


_NAMES = tuple(field.name for field in dataclasses.fields(LintSettings))


def read_lint_settings() -> LintSettings:
    """Return the settings of the project around the working directory; raises ``UsageError``."""
    source = load_settings().source
    if source is None:
        return LintSettings()
    table = read_table(source, *OWN_TABLE, "validate") or {}
    place = f"{source.name}, [tool.squidmesh.validate]"
    return LintSettings(**{name: _read(f"{place} {name}", name, value) for name, value in table.items()})


def _read(place: str, name: str, value: Any) -> Any:
    match name:
        case "select" | "ignore":
            if not isinstance(value, list) or not all(isinstance(code, str) for code in value):
                raise UsageError(f'{place}: expected a list of codes, such as ["SM702"]')
            return tuple(value)
        case "fail_on" | "format":
            choices = FORMATS if name == "format" else _FAIL_ON
            if value not in choices:
                raise UsageError(f"{place}: {value!r} is not one of {', '.join(choices)}")
            return value
        case "registry":
            if not isinstance(value, bool):
                raise UsageError(f"{place}: expected true or false")
            return value
    raise UsageError(f"{place}: there is no such setting{suggestion(name, _NAMES)}")


def _codes(words: Iterable[str]) -> Iterator[str]:
    for word in words:
        found = find_rules(word)
        if not found:
            raise UsageError(f"no rule has the code {word!r}{suggestion(word, [rule.code for rule in all_rules()])}")
        yield from (rule.code for rule in found)
