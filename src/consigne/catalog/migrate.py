"""Bring a database to the present schema (Alembic), before any server opens it."""

import asyncio
import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from consigne.errors import Unavailable

MIGRATIONS = Path(__file__).parent / "migrations"
_LOOK = 0.1  # seconds between two looks at whether it is free
_LOCK = 0x636F6E7369676E65  # "consigne": the advisory lock of whoever prepares a database


def sqlalchemy_url(url: str) -> str:
    """Return the URL with the driver that we use: psycopg for PostgreSQL."""
    for prefix in ("postgresql://", "postgres://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url


@contextmanager
def alone(url: str) -> Iterator[None]:
    """Let one process at a time prepare a database, whichever machine it runs on.

    On PostgreSQL an advisory lock of a connection of its own, on SQLite an ``flock`` beside the
    file. Raises Unavailable, OSError.
    """
    if url.startswith("sqlite"):
        with open(url.partition(":///")[2] + ".preparing", "a") as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)
            yield
        return
    engine = create_engine(sqlalchemy_url(url))
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            # Not by waiting in the database: an index that is built beside others waits for all who
            # are in the middle of a statement.
            while not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": _LOCK}):
                time.sleep(_LOOK)
            yield
    except DBAPIError as error:
        raise Unavailable(f"The catalog cannot be opened: {error.orig}") from error
    finally:
        engine.dispose()


def upgrade(url: str, revision: str = "head") -> None:
    """Run the migrations that are missing, up to a revision. Raises what the database raises.

    A database that a newer version has brought further is left as it is: migrations only add, so
    that this version serves until it is replaced, and starts again after a crash (decision 0020).
    """
    engine = create_engine(sqlalchemy_url(url))
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    try:
        with engine.connect() as connection:
            present = MigrationContext.configure(connection).get_current_revision() or ""
            if present.isdigit() and int(present) > int(newest()):
                return
            connection.rollback()  # so that migrations may begin and end transactions of their own
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
    finally:
        engine.dispose()


def newest() -> str:
    """Return the revision that this code needs."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    head = ScriptDirectory.from_config(config).get_current_head()
    assert head is not None
    return head


def revisions() -> list[str]:
    """Return all revisions that this code knows, the newest first."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]


def current(url: str) -> str | None:
    """Return the revision that a database has, None where it has no schema. Raises Unavailable."""
    engine = create_engine(sqlalchemy_url(url))
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    except DBAPIError as error:
        raise Unavailable(f"The catalog cannot be opened: {error.orig}") from error
    finally:
        engine.dispose()


async def upgrade_async(url: str) -> None:
    """Run ``upgrade`` in a thread."""
    await asyncio.to_thread(upgrade, url)
