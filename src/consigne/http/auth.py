"""Credentials as headers carry them (RFC 9110 §11, RFC 6750, RFC 7617). Nothing is checked here.

A header of another scheme is not ours to judge (None); one that claims our scheme and is malformed
is ``Unauthenticated``, as is more than one ``Authorization``.
"""

import base64
import binascii
import re
from typing import NamedTuple

from starlette.datastructures import Headers

from consigne.errors import Unauthenticated

_TOKEN68 = re.compile(r"[A-Za-z0-9\-._~+/]+=*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class BasicCredentials(NamedTuple):
    """User name (may be empty) and password of the Basic scheme."""

    username: str
    password: str


def authorization(headers: Headers) -> tuple[str, str] | None:
    """Return the scheme in lower case and its credentials, or None without the header.

    Raises Unauthenticated where the header occurs more than once.
    """
    values = headers.getlist("authorization")
    if not values:
        return None
    if len(values) > 1:
        raise Unauthenticated("More than one Authorization header.")
    scheme, _, credentials = values[0].strip().partition(" ")
    return scheme.lower(), credentials.strip()


def bearer(headers: Headers) -> str | None:
    """Return the bearer token, or None where there is none. Raises Unauthenticated."""
    found = authorization(headers)
    if found is None or found[0] != "bearer":
        return None
    if not _TOKEN68.fullmatch(found[1]):
        raise Unauthenticated("The bearer token is malformed.")
    return found[1]


def basic(headers: Headers) -> BasicCredentials | None:
    """Return user name and password, or None where there are none. Raises Unauthenticated.

    The text is UTF-8, else Latin-1 (RFC 7617 §2.1 leaves it open for old clients).
    """
    found = authorization(headers)
    if found is None or found[0] != "basic":
        return None
    try:
        raw = base64.b64decode(found[1], validate=True)
    except (binascii.Error, ValueError):
        raise Unauthenticated("The Basic credentials are not base64.") from None
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    username, colon, password = text.partition(":")
    if not colon or _CONTROL.search(text):
        raise Unauthenticated("The Basic credentials are malformed.")
    return BasicCredentials(username, password)
