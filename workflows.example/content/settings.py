"""The host's own settings: ``content.toml``, which the steps read and no workflow file can change."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from squidmesh.errors import StepFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

SETTINGS_VARIABLE = "CONTENT_SETTINGS"
_BESIDE_THE_PACKAGE = Path(__file__).resolve().parent.parent / "content.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """``folder`` is where relative paths start; ``webhooks`` maps a name to where its messages go."""

    folder: Path
    webhooks: Mapping[str, str]
    delivery_log: Path

    def webhook(self, name: str) -> str:
        """Return the target of a webhook, ``env:NAME`` replaced by the variable's value."""
        if name not in self.webhooks:
            known = ", ".join(sorted(self.webhooks)) or "none"
            raise StepFailed(f"no webhook is called {name!r} in content.toml; it has: {known}", "unknown_webhook")
        target = self.webhooks[name]
        if not target.startswith("env:"):
            return target
        variable = target.removeprefix("env:")
        if not os.environ.get(variable):
            raise StepFailed(f"webhook {name!r} is read from {variable}, which is not set", "unknown_webhook")
        return os.environ[variable]


def load_settings() -> Settings:
    """Read the file that ``CONTENT_SETTINGS`` names, or the ``content.toml`` beside this package."""
    path = Path(os.environ.get(SETTINGS_VARIABLE) or _BESIDE_THE_PACKAGE).resolve()
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        webhooks = {str(name): str(target) for name, target in content.get("webhooks", {}).items()}
        log = content["deliveries"]["log"]
        return Settings(folder=path.parent, webhooks=webhooks, delivery_log=path.parent / log)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise StepFailed(
            f"the settings {path} cannot be read: {type(error).__name__}: {error} ({SETTINGS_VARIABLE} names another)",
            "bad_settings",
        ) from error
