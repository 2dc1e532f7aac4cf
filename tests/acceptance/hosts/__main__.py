"""``python -m tests.acceptance.hosts smoke|resilience|soak``: try the example host in earnest.

It serves with uvicorn, works in processes of their own, and makes its database on a private PostgreSQL, or on the
server of ``--database``.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import make_url

from squidmesh.testing.databases import Databases
from tests.acceptance.hosts import trials
from tests.acceptance.hosts.launch import HOSTS, shop

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def database(server: str | None, folder: Path) -> Iterator[str]:
    """Give the URL of a database made for the trial."""
    folder.chmod(0o755)
    databases = Databases.on(server) if server else Databases.private(folder / "postgres")
    databases.open()
    try:
        with databases.fresh() as url:
            yield make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    finally:
        databases.close()


def main() -> None:
    """Read the arguments and run the trial; it raises if something is not as it should be."""
    parser = argparse.ArgumentParser(prog="python -m tests.acceptance.hosts", description=__doc__)
    parser.add_argument("trial", choices=["smoke", "resilience", "soak"])
    parser.add_argument("--host", choices=sorted(HOSTS), default="fastapi")
    parser.add_argument("--database", metavar="URL", help="a PostgreSQL server whose user may create databases")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to soak (default: 60)")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    logging.getLogger("squidmesh").setLevel(logging.ERROR)  # rejections are no news here
    with (
        tempfile.TemporaryDirectory(prefix="squidmesh-hosts-", ignore_cleanup_errors=True) as folder,
        database(chosen.database, Path(folder)) as url,
        shop(chosen.host, url, Path(folder), lease="3s") as opened,
    ):
        if chosen.trial == "soak":
            trials.soak(opened, chosen.seconds, chosen.seed)
        elif chosen.trial == "resilience":
            trials.resilience(opened)
        else:
            trials.smoke(opened)


if __name__ == "__main__":
    main()
