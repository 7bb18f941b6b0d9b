"""What all tables are made of."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Byte-wise comparison: SQLite's default, "C" on PostgreSQL.
STRING = Text().with_variant(Text(collation="C"), "postgresql")
# SQLite gives out numbers of its own only to a column of exactly this type.
SEQUENCE = BigInteger().with_variant(Integer(), "sqlite")


def number(name: str, *, null: bool = False, key: bool = False) -> Column[Any]:
    """Return a column of whole numbers."""
    return Column(name, BigInteger, nullable=null, primary_key=key, autoincrement=False)


def flag(name: str) -> Column[Any]:
    """Return a column of 0 or 1."""
    return Column(name, SmallInteger, nullable=False)


def string(name: str, *, null: bool = False, key: bool = False) -> Column[Any]:
    """Return a column of text."""
    return Column(name, STRING, nullable=null, primary_key=key)


def binary(name: str, *, null: bool = False, key: bool = False) -> Column[Any]:
    """Return a column of bytes."""
    return Column(name, LargeBinary, nullable=null, primary_key=key)


def serial(name: str) -> Column[Any]:
    """Return a key that the database gives out, from 1."""
    return Column(name, SEQUENCE, primary_key=True, autoincrement=True)
