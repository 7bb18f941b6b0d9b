"""What ``consigne doctor`` looks at, one function per thing. Each returns what it found.

A check changes nothing but a temporary file of its own in the data folder, and in an object store
two objects of one byte, which it deletes.
"""

import fcntl
import importlib
import os
import platform
import resource
import shutil
import sqlite3
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import httpx
import msgspec

from consigne import __version__, app
from consigne.catalog import migrate
from consigne.cli.output import size_text
from consigne.cli.store_check import round_trip
from consigne.errors import ConsigneError
from consigne.settings import GIB, Settings

_PYTHON = (3, 11)
_SQLITE = (3, 35, 0)  # the first with RETURNING
_FILES = 4096
_ROOM = 0.05
_SKEW = 5.0
_SYNCS = 5
_SLOW = 0.05
_INSTANT = 0.00002  # no medium is that fast: somebody only says that it has synced
# File systems on which locks, renames or syncs do not hold what SQLite and the store rely on.
_REMOTE = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "fuse.s3fs", "fuse.rclone",
     "afs", "ceph", "fuse.glusterfs", "fuse.gcsfuse", "virtiofs"}
)  # fmt: skip
_VOLATILE = frozenset({"tmpfs", "ramfs"})


class Health(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


class Check(msgspec.Struct, frozen=True):
    """What was looked at, how it is, what was seen, and what to do where it is not well."""

    name: str
    health: Health
    detail: str
    advice: str = ""


def examine(settings: Settings) -> Iterator[Check]:
    """Yield all checks that make sense for these settings."""
    yield python()
    yield open_files()
    yield libmagic()
    yield data_folder(settings.data_path)
    if settings.data_path.is_dir():
        yield file_system(settings.data_path)
        yield syncing(settings.data_path)
        yield renaming(settings.data_path)
        yield room(settings.data_path)
    if app.catalog_url(settings).startswith("sqlite"):
        yield sqlite()
    yield schema(settings)
    yield store(settings)
    yield from mirror(settings)
    yield master_key(settings)
    yield from reach(settings)


def python() -> Check:
    """Look at the version of Python."""
    detail = f"{platform.python_version()}, Consigne {__version__}"
    if sys.version_info[:2] < _PYTHON:
        wanted = ".".join(map(str, _PYTHON))
        return Check("python", Health.FAILED, detail, f"Install Python {wanted} or newer.")
    return Check("python", Health.OK, detail)


def sqlite() -> Check:
    """Look at the version of the SQLite library."""
    detail = sqlite3.sqlite_version
    if sqlite3.sqlite_version_info < _SQLITE:
        wanted = ".".join(map(str, _SQLITE))
        return Check("sqlite", Health.FAILED, detail, f"Use a Python with SQLite {wanted}.")
    return Check("sqlite", Health.OK, detail)


def open_files() -> Check:
    """Look at how many files and connections a process may have open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    detail = f"{soft} (at most {hard})"
    if soft < _FILES:
        advice = f"Raise it: 'ulimit -n {_FILES * 4}', or LimitNOFILE= in the service's unit."
        return Check("open files", Health.WARNING, detail, advice)
    return Check("open files", Health.OK, detail)


def libmagic() -> Check:
    """Look whether office documents can be told apart."""
    try:
        # The order matters: the first tells python-magic where the library and its database are.
        importlib.import_module("pylibmagic")
        found = importlib.import_module("magic").from_buffer(b"%PDF-1.7\n", mime=True)
    except Exception as error:  # a missing library shows in many ways
        advice = "'apt-get install libmagic1'; without it old Office documents are told less well."
        return Check("libmagic", Health.WARNING, str(error), advice)
    return Check("libmagic", Health.OK, f"tells {found}")


def data_folder(path: Path) -> Check:
    """Look whether the data folder is there and ours."""
    if not path.is_dir():
        above = next(parent for parent in (path, *path.absolute().parents) if parent.exists())
        if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
            advice = f"Make it with the right to write for the server's user, below {above}."
            return Check("data folder", Health.FAILED, f"{path.absolute()} cannot be made", advice)
        advice = "'consigne serve' makes it, or name another with --data."
        return Check("data folder", Health.WARNING, f"{path.absolute()} does not exist", advice)
    try:
        with tempfile.NamedTemporaryFile(dir=path, prefix=".doctor-"):
            pass
    except OSError as error:
        advice = f"Give the server's user the right to write: 'chown -R USER {path.absolute()}'."
        return Check("data folder", Health.FAILED, f"{path.absolute()}: {error.strerror}", advice)
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & stat.S_IWOTH:
        advice = f"'chmod o-rwx {path.absolute()}'"
        return Check("data folder", Health.FAILED, "everybody may write to it", advice)
    return Check("data folder", Health.OK, str(path.absolute()))


def file_system(path: Path) -> Check:
    """Look on what kind of file system the data folder is."""
    kind, place = _mounted(path)
    detail = f"{kind or 'unknown'} at {place}"
    if kind in _REMOTE:
        advice = "Use a local disk: databases on a network file system lose data. To share, grow "
        return Check("file system", Health.FAILED, detail, advice + "onto PostgreSQL.")
    if kind in _VOLATILE:
        advice = "It is memory: everything is lost at a restart. Use a disk."
        return Check("file system", Health.WARNING, detail, advice)
    return Check("file system", Health.OK, detail)


def syncing(path: Path) -> Check:
    """Measure how long a small synced write takes."""
    times = []
    try:
        with tempfile.NamedTemporaryFile(dir=path, prefix=".doctor-") as file:
            for _ in range(_SYNCS):
                file.write(b"x" * 4096)
                file.flush()
                begun = time.perf_counter()
                os.fsync(file.fileno())
                times.append(time.perf_counter() - begun)
    except OSError as error:
        return Check("fsync", Health.FAILED, str(error), "Move the data folder to another disk.")
    typical = sorted(times)[len(times) // 2]
    detail = f"{typical * 1000:.2f} ms"
    if typical < _INSTANT and _mounted(path)[0] not in _VOLATILE:
        advice = "That is no disk's speed: check that syncs are not switched off below (eatmydata, "
        return Check("fsync", Health.WARNING, detail, advice + "nobarrier, unsafe caching).")
    if typical > _SLOW:
        advice = "Every upload waits for this: use an SSD, or one with power-loss protection."
        return Check("fsync", Health.WARNING, detail, advice)
    return Check("fsync", Health.OK, detail)


def renaming(path: Path) -> Check:
    """Try what the store relies on: rename and link inside the folder, and file locks."""
    try:
        with tempfile.TemporaryDirectory(dir=path, prefix=".doctor-") as folder:
            first, second = Path(folder, "first"), Path(folder, "second")
            first.write_bytes(b"x")
            os.link(first, second)
            first.rename(Path(folder, "third"))
            with second.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
    except OSError as error:
        advice = "The file system lacks what the store needs: use ext4, xfs, btrfs or zfs."
        return Check("links and locks", Health.FAILED, str(error), advice)
    apart = [
        name
        for name in ("objects", "staging")
        if (path / "blobs" / name).exists()
        and (path / "blobs" / name).stat().st_dev != path.stat().st_dev
    ]
    if apart:
        advice = "objects and staging must be on one file system: mount the whole data folder."
        return Check("links and locks", Health.FAILED, f"{apart[0]} is mounted apart", advice)
    return Check("links and locks", Health.OK, "rename, link, lock, sync of folders")


def room(path: Path) -> Check:
    """Look at free space and free inodes."""
    usage, inodes = shutil.disk_usage(path), os.statvfs(path)
    detail = f"{size_text(usage.free)} of {size_text(usage.total)} free"
    short = usage.free < max(GIB, _ROOM * usage.total)
    if inodes.f_files and inodes.f_favail < _ROOM * inodes.f_files:
        short, detail = True, f"{detail}, {inodes.f_favail:,} inodes"
    if short:
        advice = "Make room or set quotas: a full disk refuses every upload (507)."
        return Check("free space", Health.WARNING, detail, advice)
    return Check("free space", Health.OK, detail)


def schema(settings: Settings) -> Check:
    """Compare the catalog's schema with the one that this version needs."""
    url = app.catalog_url(settings)
    kind = url.partition(":")[0]
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists():
        return Check("catalog", Health.WARNING, "none yet", "'consigne serve' makes it.")
    try:
        present, wanted = migrate.current(url), migrate.newest()
    except ConsigneError as error:
        return Check("catalog", Health.FAILED, error.message, "Check CONSIGNE_CATALOG.")
    detail = f"{kind}, schema {present or 'none'}"
    if present is None:
        return Check("catalog", Health.WARNING, detail, "'consigne serve' makes the tables.")
    if present != wanted:
        advice = f"This version needs {wanted}: 'consigne serve' brings an older one up to date; "
        advice += "for a newer one install that version."
        return Check("catalog", Health.FAILED, detail, advice)
    return Check("catalog", Health.OK, detail)


def store(settings: Settings) -> Check:
    """Look at what the store of bytes promises, and try one that is not in the data folder."""
    advice = "Check CONSIGNE_BLOBS and CONSIGNE_S3_*."
    return _try_store(settings, "store", settings.blobs or "local", advice)


def mirror(settings: Settings) -> Iterator[Check]:
    """Look at the mirror, where there is one."""
    if settings.mirror:
        advice = "Check CONSIGNE_MIRROR, CONSIGNE_S3_* and CONSIGNE_SECOND_S3_*."
        yield _try_store(settings, "mirror", settings.mirror, advice)


def _try_store(settings: Settings, name: str, location: str, advice: str) -> Check:
    try:
        driver = app.open_driver(settings, location)
        taken = round_trip(driver) if driver.capabilities.shared else None
    except ConsigneError as error:
        return Check(name, Health.FAILED, error.message, advice)
    able = driver.capabilities
    detail = f"{location}, contents up to {size_text(able.small)} packed"
    if taken is not None:
        detail += f", a write {taken * 1000:.0f} ms"
    if not able.durable:
        return Check(name, Health.WARNING, detail, "It forgets everything: for tests only.")
    return Check(name, Health.OK, detail)


def master_key(settings: Settings) -> Check:
    """Look at who may read the key that seals secrets."""
    if settings.master_key:
        well = len(settings.master_key.strip()) == 64
        health = Health.OK if well else Health.FAILED
        advice = "" if well else "CONSIGNE_MASTER_KEY must be 64 hexadecimal digits."
        return Check("master key", health, "from the settings", advice)
    path = settings.data_path / "master.key"
    if not path.exists():
        return Check("master key", Health.WARNING, "none yet", "'consigne serve' makes it.")
    mode = stat.S_IMODE(path.stat().st_mode)
    detail = f"{path.absolute()}, mode {mode:04o}"
    if mode & 0o077:
        return Check("master key", Health.FAILED, detail, f"'chmod 600 {path.absolute()}'")
    return Check("master key", Health.OK, detail)


def reach(settings: Settings) -> Iterator[Check]:
    """Ask the server by the address that clients use, and compare clocks."""
    url = settings.base_url
    try:
        with httpx.Client(timeout=5, follow_redirects=False) as client:
            live = client.get(f"{url}/health/live")
            refusal = client.get(f"{url}/consigne/v1/me")
    except httpx.HTTPError as error:
        advice = "Nothing to do if no server runs; else correct CONSIGNE_PUBLIC_URL or the proxy."
        yield Check("public URL", Health.WARNING, f"{url}: {error}", advice)
        yield clock(None)
        return
    yield _answer(settings, live, refusal)
    yield clock(live.headers.get("date"))


def clock(date: str | None) -> Check:
    """Compare this machine's clock with the date of an answer, or with good sense."""
    now = datetime.now(UTC)
    shown = now.isoformat(" ", "seconds")
    if date is not None:
        try:
            skew = abs((now - parsedate_to_datetime(date)).total_seconds())
        except ValueError:
            skew = 0.0
        if skew > _SKEW:
            advice = "Synchronise both clocks (chrony, timesyncd): signed URLs depend on it."
            return Check("clock", Health.FAILED, f"{shown}, {skew:.0f} s apart", advice)
    if now.year < 2025:
        return Check("clock", Health.FAILED, shown, "Set the clock: ids and expiry go by it.")
    return Check("clock", Health.OK, shown)


def _answer(settings: Settings, live: httpx.Response, refusal: httpx.Response) -> Check:
    url = settings.base_url
    if live.status_code == 421:
        advice = "The server does not know this host: set its CONSIGNE_PUBLIC_URL or ALLOWED_HOSTS."
        return Check("public URL", Health.FAILED, f"{url} answers 421", advice)
    told = _problem_type(refusal)
    if live.status_code != 200 or told is None:
        advice = "Something else answers there: correct CONSIGNE_PUBLIC_URL or the proxy."
        return Check("public URL", Health.FAILED, f"{url} answers {live.status_code}", advice)
    if not told.startswith(f"{url}/"):
        advice = "Server and this command have different settings: give both the same public_url."
        detail = f"{url}, but the server calls itself {told.partition('/docs')[0]}"
        return Check("public URL", Health.FAILED, detail, advice)
    if url.startswith("http://") and live.url.host not in ("127.0.0.1", "localhost", "::1"):
        advice = "Keys and files travel in the clear: put a proxy with TLS in front."
        return Check("public URL", Health.WARNING, url, advice)
    return Check("public URL", Health.OK, f"{url} answers")


def _problem_type(response: httpx.Response) -> str | None:
    try:
        document: Any = msgspec.json.decode(response.content)
        return str(document["type"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return None


def _mounted(path: Path) -> tuple[str, str]:
    """Return type and mount point of the file system that a path is on (proc(5), mountinfo)."""
    target = str(path.resolve())
    best = ("", "/")
    try:
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
    except OSError:
        return best
    for line in lines:
        left, _, right = line.partition(" - ")
        place = left.split()[4].encode().decode("unicode_escape")
        inside = target == place or target.startswith(place.rstrip("/") + "/")
        if inside and len(place) >= len(best[1]):
            best = (right.split()[0], place)
    return best
