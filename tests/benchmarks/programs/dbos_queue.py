"""DBOS: how long from enqueuing a workflow to its beginning. Usage: ``dbos_queue URL WORKFLOWS``."""

from __future__ import annotations

import json
import sys
import time

from dbos import DBOS

from tests.benchmarks.measure import percentile


@DBOS.workflow()
def tell() -> float:
    """Return the moment at which it begins."""
    return time.monotonic()


def main(url: str, workflows: int) -> None:
    """Print the percentiles in milliseconds."""
    DBOS(config={"name": "benchmark", "system_database_url": url, "log_level": "ERROR"})
    DBOS.launch()
    queue = DBOS.register_queue("benchmark")
    queue.enqueue(tell).get_result()
    delays = []
    for number in range(workflows):
        time.sleep(0.05 + number % 7 * 0.03)
        began = time.monotonic()
        delays.append((queue.enqueue(tell).get_result() - began) * 1000)
    DBOS.destroy()
    print(json.dumps({"p50": percentile(delays, 0.5), "p99": percentile(delays, 0.99)}))  # noqa: T201 - what it is for


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
