"""The text of a workflow file: from bytes, without what no YAML reader should meet."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from squidmesh.authoring.diagnostics import START, Diagnostic, Severity, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BYTES = 1_000_000
MAX_DIRECTIVES = 100  # that are reported: nobody reads on
_BREAK = re.compile(r"\r\n|\r|\n")
# YAML 1.2.2, production c-printable: everything else may not stand in a file.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file's text and its lines."""

    file: str
    text: str
    lines: tuple[str, ...] = field(repr=False)

    def line(self, number: int) -> str:
        """Return the line of this number (from 1) without its line break; ``""`` beyond the end."""
        return self.lines[number - 1] if 1 <= number <= len(self.lines) else ""

    def span_at(self, index: int) -> Span:
        """Return the place of the character at an index of the text."""
        before = _BREAK.split(self.text[:index])
        line, column = len(before), len(before[-1]) + 1
        return Span(line=line, column=column, end_line=line, end_column=column + 1)

    def diagnostic(
        self,
        code: str,
        message: str,
        span: Span,
        *,
        severity: Severity = Severity.ERROR,
        related: tuple[tuple[str, Span], ...] = (),
    ) -> Diagnostic:
        """Return a finding at a place of this file."""
        return Diagnostic(
            code=code,
            severity=severity,
            message=message,
            file=self.file,
            span=span,
            excerpt=self.line(span.line),
            related=related,
        )


def source_of(text: str, file: str) -> Source:
    """Return the source for a text that is decoded already."""
    return Source(file=file, text=text, lines=tuple(_BREAK.split(text)))


def read_source(raw: str | bytes, file: str) -> tuple[Source | None, list[Diagnostic]]:
    """Return the source that ``raw`` holds and what must not be in it; None if it cannot be read on."""
    size = len(raw) if isinstance(raw, bytes) else len(raw.encode(errors="replace"))
    if size > MAX_BYTES:
        return None, [_too_large(file)]
    if isinstance(raw, bytes):
        try:
            text = raw.decode()
        except UnicodeDecodeError as error:
            return None, [_undecodable(raw, error, file)]
    else:
        text = raw
    source = source_of(text.removeprefix("\ufeff"), file)
    forbidden = _FORBIDDEN.search(source.text)
    if forbidden:
        return None, [_forbidden(source, forbidden)]
    return _without_directives(source)


def _too_large(file: str) -> Diagnostic:
    message = f"the file is larger than the {MAX_BYTES} bytes that a workflow may have"
    return Diagnostic(code="SM114", severity=Severity.ERROR, message=message, file=file, span=START)


def _undecodable(raw: bytes, error: UnicodeDecodeError, file: str) -> Diagnostic:
    readable = source_of(raw.decode(errors="replace"), file)
    span = readable.span_at(len(raw[: error.start].decode()))
    hint = "; it looks like UTF-16, save it as UTF-8" if raw[:2] in {b"\xff\xfe", b"\xfe\xff"} else ""
    message = f"the file is not UTF-8: byte 0x{raw[error.start]:02x} is no character here{hint}"
    return readable.diagnostic("SM115", message, span)


def _forbidden(source: Source, match: re.Match[str]) -> Diagnostic:
    number = ord(match[0])
    name = "a NUL character" if number == 0 else f"the character U+{number:04X}"
    message = f'the file contains {name}, which YAML does not allow; remove it or write "\\u{number:04x}" in quotes'
    if number == 0:
        message = "the file contains a NUL character, which YAML does not allow; remove it"
    return source.diagnostic("SM116", message, source.span_at(match.start()))


def _without_directives(source: Source) -> tuple[Source, list[Diagnostic]]:
    """Blank out the directives before the document, so that none changes how the rest is read."""
    places = list(_directives(source.lines))
    if not places:
        return source, []
    shown = places[:MAX_DIRECTIVES]
    found = [source.diagnostic("SM107", _directive_message(source.line(span.line)), span) for span in shown]
    lines = list(source.lines)
    for span in places:
        lines[span.line - 1] = ""
    text = "\n".join(lines)
    return Source(file=source.file, text=text, lines=source.lines), found


def _directives(lines: tuple[str, ...]) -> Iterator[Span]:
    for number, line in enumerate(lines, 1):
        if line.startswith("%"):
            yield Span(line=number, column=1, end_line=number, end_column=len(line.rstrip()) + 1)
        elif line.strip() and not line.lstrip().startswith("#"):
            return


def _directive_message(line: str) -> str:
    if line.startswith("%YAML"):
        return "a workflow is YAML 1.2 and takes no %YAML directive (1.1 would turn no into false); remove the line"
    return f"directives are not accepted; remove the line {line.strip():.40}"
