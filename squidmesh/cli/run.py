"""``squidmesh run``: the worker process."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from squidmesh.cli.session import database_option, open_mesh, workflows_option

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from squidmesh.mesh import SquidMesh

log = logging.getLogger(__name__)
_STUCK = 3


def _refuse_file(context: click.Context, _: click.Parameter, value: Sequence[str]) -> None:
    if value:
        raise click.UsageError(
            f"'run' is the worker and takes no file; to run one workflow here: squidmesh try {value[0]}", context
        )


@click.command()
@click.argument("file", nargs=-1, callback=_refuse_file, expose_value=False)
@click.option("--queue", "queues", multiple=True, metavar="NAME", help="A queue to serve (repeatable).")
@click.option("--concurrency", type=click.IntRange(1, 1000), default=4, show_default=True, help="Steps at once.")
@click.option(
    "--worker-type",
    type=click.Choice(["thread", "process", "greenlet"]),
    default="thread",
    show_default=True,
    help="What executes a step: a thread, a process of its own, or a greenlet (needs squidmesh[gevent]).",
)
@click.option("--no-scheduler", is_flag=True, help="Fire no schedules; other workers do.")
@click.option("--burst", is_flag=True, help="Exit when nothing is due.")
@click.option(
    "--grace", metavar="DURATION", help="How long running steps may go on after SIGTERM (default: the setting)."
)
@click.option(
    "--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info", show_default=True
)
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option(
    "--metrics-port", type=click.IntRange(0, 65535), metavar="PORT", help="Serve Prometheus metrics here (0: any port)."
)
@database_option
@workflows_option
@click.pass_context
def command(
    context: click.Context,
    queues: tuple[str, ...],
    concurrency: int,
    worker_type: str,
    no_scheduler: bool,
    burst: bool,
    grace: str | None,
    log_level: str,
    log_format: str,
    metrics_port: int | None,
    database: str | None,
    workflows: tuple[Path, ...],
) -> None:
    r"""Run a worker: execute due steps until SIGTERM or Ctrl-C, then let running steps end.

    --worker-type process takes code that computes, hangs or leaks: each step runs in a process that is ended when it
    passes its timeout, and replaced. --worker-type greenlet is for very many steps that wait for others.

    Exits 3 when every thread hangs in a step that has passed its timeout: a supervisor is to start another.

    \b
    Examples:
      squidmesh run --queue default --queue mail --concurrency 16
      squidmesh run --worker-type process --concurrency 4
    """
    if worker_type == "greenlet":  # first of all: what is imported before it does not wait as greenlets do
        from squidmesh.worker.patching import patch_process  # noqa: PLC0415 - see open_mesh

        patch_process()
    from squidmesh.observability.logs import set_up_logging  # noqa: PLC0415 - see open_mesh

    set_up_logging(log_level, log_format)
    with open_mesh(context, database=database, workflows=workflows) as mesh, _metrics(mesh, metrics_port, worker_type):
        options: dict[str, Any] = {"queues": queues or None, "concurrency": concurrency, "worker_type": worker_type}
        worker = mesh.worker(**options, burst=burst, scheduler=not no_scheduler, grace=_seconds(grace))
        worker.run()
    if worker.stuck:
        context.exit(_STUCK)


@contextmanager
def _metrics(mesh: SquidMesh, port: int | None, worker_type: str) -> Iterator[None]:
    """Serve the metrics of a mesh, if a port was given."""
    if port is None:
        yield
        return
    with mesh.serve_metrics(port, processes=worker_type == "process") as served:
        log.info("serving metrics on port %d", served)
        yield


def _seconds(text: str | None) -> float | None:
    from squidmesh.model.duration import parse_duration  # noqa: PLC0415 - only with the option

    if text is None:
        return None
    try:
        return parse_duration(text).total_seconds()
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--grace") from error
