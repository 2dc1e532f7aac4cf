"""A real worker process, watched: its log as JSON, its metrics over HTTP."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import urllib.request
from typing import TYPE_CHECKING, Any

from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from collections.abc import Callable

    from squidmesh import SquidMesh
    from tests.acceptance.conftest import Process

NAMES = {
    "squidmesh_runs_finished",
    "squidmesh_step_attempts",
    "squidmesh_step_duration_seconds",
    "squidmesh_claims_lost",
    "squidmesh_schedule_lag_seconds",
    "squidmesh_due_steps",
    "squidmesh_running_steps",
    "squidmesh_oldest_due_seconds",
    "squidmesh_paused_runs",
    "squidmesh_oldest_paused_seconds",
    "squidmesh_database_up",
}


def test_a_worker_logs_json_and_serves_metrics(
    worker: Callable[..., Process], mesh: SquidMesh, until: Callable[..., Any]
):
    """Every line is a JSON object, those of a step name run, workflow, step and attempt; every metric is there."""
    process = worker("--log-format", "json", "--metrics-port", "0", "--log-level", "debug")
    port = until(lambda: re.search(r"serving metrics on port (\d+)", process.wrote()))[1]
    run = mesh.start_run("acc.straight")
    until(lambda: mesh.inspect_run(run.id).status.terminal)

    def scrape() -> dict[str, Any]:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            return {family.name: family for family in text_string_to_metric_families(answer.read().decode())}

    finished = until(lambda: scrape()["squidmesh_runs_finished"].samples)
    assert {sample.labels["status"] for sample in finished} == {"completed"}
    assert {name for name in scrape() if not name.endswith("_created")} == NAMES
    lines = [json.loads(line) for line in process.wrote().splitlines()]
    mine = [line for line in lines if line.get("run_id") == str(run.id)]
    assert {line["step"] for line in mine} == set(mesh.workflows["acc.straight"].steps)
    assert {(line["workflow"], line["attempt"]) for line in mine} == {("acc.straight", 1)}
    assert all({"time", "level", "logger", "message"} <= set(line) for line in lines)


def test_metrics_without_their_package_are_one_clear_message(environment: dict[str, str]):
    """Which extra to install; no traceback."""
    code = (
        "import sys; sys.modules['prometheus_client'] = None\n"
        "from squidmesh.cli.main import main; main(['run', '--metrics-port', '0'])"
    )
    refused = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert refused.stderr == "error: metrics need prometheus-client: pip install 'squidmesh[metrics]'\n"


def test_a_port_that_is_taken_is_one_clear_message(squidmesh: Callable[..., Any]):
    """The worker does not start, and says why."""
    with socket.create_server(("0.0.0.0", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = squidmesh("run", "--burst", "--metrics-port", port)
    assert refused.returncode == 2
    assert f"metrics cannot be served on port {port}" in refused.stderr
    assert "Traceback" not in refused.stderr
