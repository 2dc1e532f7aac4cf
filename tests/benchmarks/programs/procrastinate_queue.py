"""procrastinate: how long from deferring a job to its beginning. Usage: ``procrastinate_queue URL JOBS``."""

from __future__ import annotations

import asyncio
import json
import sys
import time

import procrastinate

from tests.benchmarks.measure import percentile

app = procrastinate.App(connector=procrastinate.PsycopgConnector())
began: asyncio.Queue[float] = asyncio.Queue()


@app.task
async def tell() -> None:
    """Note the moment at which it begins."""
    began.put_nowait(time.monotonic())


async def main(url: str, jobs: int) -> None:
    """Print the percentiles in milliseconds."""
    connector = procrastinate.PsycopgConnector(conninfo=url)
    with app.replace_connector(connector):
        async with app.open_async():
            await app.schema_manager.apply_schema_async()
            worker = asyncio.create_task(app.run_worker_async(concurrency=4, install_signal_handlers=False))
            await asyncio.sleep(1)
            delays = []
            for _ in range(jobs):
                await asyncio.sleep(0.02)
                moment = time.monotonic()
                await tell.defer_async()
                delays.append((await began.get() - moment) * 1000)
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)
    print(json.dumps({"p50": percentile(delays, 0.5), "p99": percentile(delays, 0.99)}))  # noqa: T201 - what it is for


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
