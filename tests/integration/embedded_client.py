"""A process of its own that uses an embedded server: ``embedded_client.py FOLDER [--user NAME] [--fork] [--leave]``.

It prints the server's URL, waits until its standard input ends, and exits. ``--user``: becomes that user
first (for tests run by root). ``--fork``: the parent exits at once and a forked child waits instead.
``--leave``: exits without ``stop``, as most programs do.
"""

from __future__ import annotations

import argparse
import os
import pwd
import sys
from pathlib import Path

from squidmesh.store.embedded import EmbeddedServer


def main() -> None:
    """Use the server until standard input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--user")
    parser.add_argument("--fork", action="store_true")
    parser.add_argument("--leave", action="store_true")
    options = parser.parse_args()
    if options.user:
        become(options.user)
    server = EmbeddedServer(options.folder)
    say(server.start())
    if options.fork and os.fork():
        sys.exit()
    sys.stdin.read()
    if not options.leave:
        server.stop()


def become(name: str) -> None:
    """Turn this process, started by root, into an ordinary user's."""
    entry = pwd.getpwnam(name)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)
    os.chdir("/")


def say(line: str) -> None:
    """Write one line that the test reads at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
