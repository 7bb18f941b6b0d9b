"""Damage to stored bytes, behind everybody's back."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

from consigne.blobs.memory import MemoryDriver

from .sites import Site

Change = Callable[[bytes], bytes | None]


def damage(site: Site, key: str, change: Change) -> None:
    """Change the stored bytes of a key behind everybody's back; None removes them."""
    driver = site.store.driver()
    if isinstance(driver, MemoryDriver):
        data, at = driver.contents.pop(key)
        new = change(data)
        if new is not None:
            driver.contents[key] = new, at
        return
    damage_folder(Path(site.settings.data) / "blobs", key, change)


def damage_folder(folder: Path, key: str, change: Change) -> None:
    """Do the same in the folder of a local store."""
    if key.startswith("s-"):
        _damage_small(folder / "small.db", bytes.fromhex(key[2:]), change)
        return
    path = folder / "objects" / key[2:4] / key[2:]
    new = change(path.read_bytes())
    if new is None:
        path.unlink()
    else:
        path.write_bytes(new)


def _damage_small(path: Path, ident: bytes, change: Change) -> None:
    with sqlite3.connect(path) as database:
        (data,) = database.execute("SELECT data FROM content WHERE id = ?", (ident,)).fetchone()
        new = change(data)
        if new is None:
            database.execute("DELETE FROM content WHERE id = ?", (ident,))
        else:
            database.execute("UPDATE content SET data = ? WHERE id = ?", (new, ident))
    database.close()


def flip(data: bytes) -> bytes:
    """Change one bit."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
