"""Payloads from the command line: ``--payload k=v`` read by the declared type, or a file of JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from squidmesh.cli.json_object import read_object
from squidmesh.model.definition import FieldType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from squidmesh.model.definition import Field

_BOOLEANS = {"true": True, "false": False}


def payload_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--payload`` and ``--payload-file``."""
    function = click.option(
        "--payload-file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="A file with the payload as a JSON object.",
    )(function)
    return click.option(
        "--payload", "pairs", multiple=True, metavar="KEY=VALUE", help="One field (repeatable; maps and lists as JSON)."
    )(function)


def read_payload(pairs: tuple[str, ...], file: Path | None, fields: Mapping[str, Field]) -> dict[str, Any]:
    """Return the payload that the options give; a pair overrides the file."""
    payload = _read_file(file) if file is not None else {}
    for pair in pairs:
        key, separator, text = pair.partition("=")
        if not separator or not key:
            raise click.BadParameter(f"{pair!r}: write KEY=VALUE", param_hint="--payload")
        payload[key] = read_value(text, fields.get(key))
    return payload


def _read_file(file: Path) -> dict[str, Any]:
    problem, option = f"{file} cannot be read as JSON: ", "--payload-file"
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise click.BadParameter(f"{problem}{error}", param_hint=option) from error
    return read_object(text, problem, option=option)


def read_value(text: str, field: Field | None) -> Any:
    """Return the value that ``text`` spells for a field; what cannot be read is left for the contract to refuse."""
    kind = field.type if field is not None else FieldType.STRING
    match kind:
        case FieldType.STRING:
            return text
        case FieldType.BOOLEAN:
            return _BOOLEANS.get(text.lower(), text)
        case _:
            try:
                return json.loads(text)
            except (ValueError, RecursionError):
                return text
