"""Where the shop keeps its things: a SQLite file in ``outbox/``, or in the folder that ``SHOP_FOLDER`` names.

A SQLite file stands for the other systems that a workflow reaches: a warehouse, a payment provider, a directory
of accounts. What belongs into the application's own PostgreSQL is in ``ledger.py``.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER_VARIABLE = "SHOP_FOLDER"
_BESIDE_THE_PACKAGE = Path(__file__).resolve().parent.parent / "outbox"
_TABLES = """
CREATE TABLE IF NOT EXISTS reservations (id TEXT PRIMARY KEY, sku TEXT NOT NULL, quantity INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS payments (
    id TEXT PRIMARY KEY, order_id TEXT NOT NULL, cents INTEGER NOT NULL, status TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS accounts (email TEXT PRIMARY KEY, company TEXT NOT NULL, status TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS letters (id TEXT PRIMARY KEY, recipient TEXT NOT NULL, subject TEXT NOT NULL);
"""


def data_folder() -> Path:
    """Return the folder of everything that the steps write."""
    return Path(os.environ.get(FOLDER_VARIABLE) or _BESIDE_THE_PACKAGE)


@contextmanager
def books() -> Iterator[sqlite3.Connection]:
    """Give a connection in a transaction of its own, committed at the end."""
    folder = data_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(folder / "shop.sqlite3", timeout=10)) as connection:
        connection.row_factory = sqlite3.Row
        connection.executescript(_TABLES)
        with connection:
            yield connection


def send_letter(key: str, recipient: str, subject: str) -> str:
    """Send a letter, once for each key, and return its id."""
    with books() as connection:
        connection.execute("INSERT OR IGNORE INTO letters VALUES (?, ?, ?)", [key, recipient, subject])
    return key
