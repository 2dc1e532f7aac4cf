"""DBOS: five-step workflows called directly by a pool of threads. Usage: ``dbos_steps URL THREADS WORKFLOWS``."""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from dbos import DBOS


@DBOS.step()
def add(n: int) -> int:
    """Add one to n."""
    return n + 1


@DBOS.workflow()
def five() -> int:
    """Take five steps."""
    n = 0
    for _ in range(5):
        n = add(n)
    return n


def main(url: str, threads: int, workflows: int) -> None:
    """Print the steps per second."""
    DBOS(
        config={
            "name": "benchmark",
            "system_database_url": url,
            "sys_db_pool_size": threads + 4,
            "max_executor_threads": max(threads * 2, 8),
            "log_level": "ERROR",
        }
    )
    DBOS.launch()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda _: five(), range(threads)))  # every connection is open
        began = time.monotonic()
        list(pool.map(lambda _: five(), range(workflows)))
        took = time.monotonic() - began
    DBOS.destroy()
    print(json.dumps({"rate": workflows * 5 / took}))  # noqa: T201 - what it is for


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
