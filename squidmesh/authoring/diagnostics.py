"""What is wrong with a workflow file, and where."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad a finding is: an error keeps the workflow from loading, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Span:
    """A place in a file: lines and columns count characters from 1, the end is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


START = Span(line=1, column=1, end_line=1, end_column=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One finding; ``excerpt`` is the source line it starts on, ``related`` names other places that matter."""

    code: str
    severity: Severity
    message: str
    file: str
    span: Span
    excerpt: str = ""
    related: tuple[tuple[str, Span], ...] = ()

    def __str__(self) -> str:
        return f"{self.file}:{self.span.line}:{self.span.column}: {self.message} [{self.code}]"
