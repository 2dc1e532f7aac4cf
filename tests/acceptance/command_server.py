"""Forks itself for each command: ``python -P command_server.py FD``, which ``commands`` starts and talks to.

What runs is what ``python -m squidmesh`` runs, in a process, folder and environment of its own; what it imports has
been imported before, which is most of what a short command costs.
"""

from __future__ import annotations

import fcntl
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import sys
import termios
import time
from typing import Any

# What commands import when they are called.
MODULES = (
    "squidmesh.cli.main",
    "squidmesh.cli.acting",
    "squidmesh.cli.show",
    "squidmesh.cli.start",
    "squidmesh.authoring.loader",
    "squidmesh.authoring.rules",
    "squidmesh.mesh.facade",
    "rich.live",
    "rich.table",
)
_FDS = 4  # standard input, output and error, and where the exit code goes


def serve(control: socket.socket) -> dict[str, Any] | None:
    """Take requests until there are no more; in a process that is to run a command, return its request."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that wait
    while True:
        text, fds, _, _ = socket.recv_fds(control, 1 << 20, _FDS)
        if not text:
            return None
        if os.fork() == 0:
            control.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            return _become(json.loads(text), fds)
        for fd in fds:
            os.close(fd)


def _become(request: dict[str, Any], fds: list[int]) -> dict[str, Any]:
    """Return in the process of the command; the one that waits for it ends here, after telling its pid and its code."""
    pid = os.fork()
    if pid == 0:
        return request | {"fds": fds}
    status = socket.socket(fileno=fds[-1])
    for fd in fds[:-1]:
        os.close(fd)
    status.send(str(pid).encode())
    _, ended = os.waitpid(pid, 0)
    status.send(str(os.waitstatus_to_exitcode(ended)).encode())
    os._exit(0)


def settle(request: dict[str, Any]) -> None:
    """Make this process what the request describes."""
    *standard, status = request["fds"]
    os.close(status)
    if request["terminal"]:
        os.setsid()
        fcntl.ioctl(standard[0], termios.TIOCSCTTY, 0)
    for target, fd in enumerate(standard):
        os.dup2(fd, target)
        os.close(fd)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    sys.path.insert(0, request["folder"])
    sys.argv = ["squidmesh", *request["arguments"]]


if __name__ == "__main__":
    for name in MODULES:
        importlib.import_module(name)
    gc.freeze()
    command = serve(socket.socket(fileno=int(sys.argv[1])))
    if command is not None:
        settle(command)
        runpy.run_module("squidmesh", run_name="__main__", alter_sys=True)
