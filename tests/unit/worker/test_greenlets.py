"""What is said where greenlets cannot work, and what works all the same."""

from __future__ import annotations

import subprocess
import sys

import pytest

from squidmesh.errors import ConfigurationError
from squidmesh.worker.greenlets import check_greenlets

_WITHOUT = """
import sys
sys.modules["gevent"] = None
import importlib.util
importlib.util.find_spec = lambda name, real=importlib.util.find_spec: None if name == "gevent" else real(name)
"""


def test_a_process_that_was_not_patched_is_refused() -> None:
    """As the process of this test: the message says what to put first."""
    with pytest.raises(ConfigurationError, match=r"put 'import gevent\.monkey' and 'gevent\.monkey\.patch_all\(\)'"):
        check_greenlets(cooperative=True)


@pytest.mark.parametrize(
    "program",
    [
        "from squidmesh import SquidMesh; SquidMesh('postgresql://nobody@127.0.0.1/x').worker(worker_type='greenlet')",
        "from squidmesh.worker.patching import patch_process; patch_process()",
    ],
    ids=["host", "command"],
)
def test_without_gevent_the_extra_is_named(program: str) -> None:
    """Gevent is an extra: everything else works without, and who asks for greenlets is told what to install."""
    ran = subprocess.run(
        [sys.executable, "-c", _WITHOUT + program], capture_output=True, text=True, check=False, timeout=60
    )
    assert ran.stderr.rstrip().endswith("worker type 'greenlet' needs gevent: pip install 'squidmesh[gevent]'")
