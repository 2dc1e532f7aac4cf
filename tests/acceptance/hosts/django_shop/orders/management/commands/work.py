"""``python -m django work``: a worker that knows Django, so that steps may use the models."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from django_shop.workflows import mesh


class Command(BaseCommand):
    """Run a worker until it is asked to stop."""

    help = "Execute the steps of workflows until SIGTERM or Ctrl-C."

    def handle(self, *_: Any, **__: Any) -> None:
        """Work; the running steps may end before the process does."""
        mesh.worker(concurrency=4).run()
