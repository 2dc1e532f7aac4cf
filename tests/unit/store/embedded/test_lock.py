"""File locks between processes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from squidmesh.errors import DatabaseUnavailable
from squidmesh.store.embedded.lock import exclusive, inheritable, is_held, is_held_alone, open_lock, share, take_alone

if TYPE_CHECKING:
    from pathlib import Path


def test_a_lock_held_alone_keeps_others_out(tmp_path: Path) -> None:
    """Who runs out of patience is told which file is held."""
    path = tmp_path / "start.lock"
    complaint = r"another process has held .*start\.lock for 0 seconds"
    with exclusive(path, patience=0), pytest.raises(DatabaseUnavailable, match=complaint), exclusive(path, patience=0):
        pass
    with exclusive(path, patience=0):
        pass


def test_the_last_sharer_is_known(tmp_path: Path) -> None:
    """A shared lock can be taken alone only when every other sharer has closed its file."""
    path = tmp_path / "use.lock"
    first, second = share(path), share(path)
    asking = open_lock(path)
    os.close(first)
    assert not take_alone(asking)
    os.close(second)
    assert take_alone(asking)
    os.close(asking)


def test_an_inherited_file_keeps_the_lock(tmp_path: Path) -> None:
    """A duplicate of the open file, such as a child's, holds the lock until it is closed too."""
    path = tmp_path / "use.lock"
    holder = share(path)
    inherited = os.dup(holder)
    os.close(holder)
    assert is_held(path)
    os.close(inherited)
    assert not is_held(path)


def test_a_child_forked_while_a_lock_is_held_does_not_keep_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of the block frees the lock, whoever inherited the file meanwhile."""
    path = tmp_path / "start.lock"
    inherited: list[int] = []

    def opened(path: Path) -> int:
        descriptor = open_lock(path)
        inherited.append(os.dup(descriptor))
        return descriptor

    with monkeypatch.context() as patch:
        patch.setattr("squidmesh.store.embedded.lock.open_lock", opened)
        with exclusive(path, patience=0):
            pass
    assert not is_held(path)
    os.close(*inherited)


def test_askers_do_not_hinder_each_other(tmp_path: Path) -> None:
    """Whoever asks while another asks gets the truth about the holder."""
    path = tmp_path / "server.lock"
    asker = share(path)
    assert not is_held_alone(path)
    os.close(asker)
    with exclusive(path, patience=0):
        assert is_held_alone(path)


def test_who_inherits_the_file_holds_the_lock_on(tmp_path: Path) -> None:
    """A lock handed down to another process outlives the block that took it."""
    path = tmp_path / "server.lock"
    with inheritable(path, patience=0) as descriptor:
        inherited = os.dup(descriptor)
    assert is_held_alone(path)
    os.close(inherited)
    assert not is_held_alone(path)


def test_asking_makes_no_file(tmp_path: Path) -> None:
    """A lock that nobody ever took is not held, and asking leaves nothing behind."""
    assert not is_held(tmp_path / "server.lock")
    assert not is_held_alone(tmp_path / "server.lock")
    assert not list(tmp_path.iterdir())


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """A lock file replaced by a link cannot make us open something else."""
    (tmp_path / "start.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match=r"start\.lock"):
        share(tmp_path / "start.lock")
