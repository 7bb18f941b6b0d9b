"""What a value of a setting must look like, where its type does not say it."""

import re
from ipaddress import ip_network
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def networks(values: list[str]) -> None:
    """Raise ValueError unless each is an address or a network such as 10.0.0.0/8."""
    for value in values:
        ip_network(value, strict=False)


def web_address(value: str) -> None:
    """Raise ValueError unless it is empty or an address such as https://files.example.org."""
    if value and not re.fullmatch(r"https?://[^/\s?#]+(/[^\s?#]*)?", value):
        raise ValueError(f"{value!r} is not an address such as https://files.example.org")


def field_name(value: str) -> None:
    """Raise ValueError unless it is empty or the name of a header (RFC 9110 §5.1)."""
    if value and not re.fullmatch(r"[A-Za-z0-9-]+", value):
        raise ValueError(f"{value!r} is not the name of a header such as X-Forwarded-Email")


def time_zone(value: str) -> None:
    """Raise ValueError unless the time zone is known."""
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, OSError) as error:
        raise ValueError(f"{value!r} is no time zone such as Europe/Paris") from error


def hexadecimal_key(value: str) -> None:
    """Raise ValueError unless it is empty or 32 bytes in hexadecimal."""
    if value and not re.fullmatch(r"[0-9a-fA-F]{64}", value.strip()):
        raise ValueError("it must be 64 hexadecimal digits")


def pair(value: str) -> None:
    """Raise ValueError unless it is empty or two parts with a colon between them."""
    if value and not all(value.partition(":")):
        raise ValueError("it must be two parts with a colon between them")


def database(value: str) -> None:
    """Raise ValueError unless it is empty or names a database that there is a catalog for."""
    if value and not value.startswith(("sqlite:///", "postgresql://", "postgres://")):
        raise ValueError(f"{value.split('://')[0]!r} is not known: sqlite:/// or postgresql://")


def store(value: str) -> None:
    """Raise ValueError unless it is empty or names a store that there is a driver for."""
    if value not in ("", "local", "memory") and not value.startswith(("s3:", "file:///")):
        raise ValueError(
            f"{value!r} is not known: local, file:///folder, s3://bucket/prefix, memory"
        )


def object_store(value: str) -> None:
    """Raise ValueError unless it is empty or a place in an object store."""
    if (value and not value.removeprefix("s3://").strip("/")) or (
        value and not value.startswith("s3://")
    ):
        raise ValueError(f"{value!r} is not of the form s3://bucket or s3://bucket/prefix")
