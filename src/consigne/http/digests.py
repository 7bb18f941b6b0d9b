"""Digest fields: RFC 9530 (``Content-Digest``, ``Repr-Digest``), RFC 1864, RFC 3230.

Digests are ``dict[algorithm, bytes]`` with the names of RFC 9530: ``sha-256``, ``sha-512``, and the
legacy ``md5`` and ``sha`` (SHA-1), which are verified where a client sends them and not otherwise
trusted. Unknown algorithms are ignored; a malformed field and two fields that contradict each other
are ``BadHeader``.

A *content* digest covers the bytes of this request, a *representation* digest the file as a whole;
they are the same where the request's body is the file.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from consigne.errors import BadHeader
from consigne.http.fields import split_outside_quotes

if TYPE_CHECKING:
    from hashlib import _Hash

ALGORITHMS = {"sha-256": "sha256", "sha-512": "sha512", "md5": "md5", "sha": "sha1"}
LENGTHS = {"sha-256": 32, "sha-512": 64, "md5": 16, "sha": 20}

FIELDS = frozenset({b"content-digest", b"repr-digest", b"content-md5", b"digest"})

# RFC 9651: a dictionary of items; only the shape of values that are not byte sequences matters.
_ITEM = r'(:[A-Za-z0-9+/=]*:|"(?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"|\([^()]*\)|[^\s",;:()=]+)'
_PARAMETERS = rf"(?:;[ ]*[a-z*][a-z0-9_\-.*]*(?:={_ITEM})?)*"
_MEMBER = re.compile(rf"([a-z*][a-z0-9_\-.*]*)(?:={_ITEM})?{_PARAMETERS}")
_COMMA = re.compile(r"[ \t]*,[ \t]*")

Digests = dict[str, bytes]


def hasher(algorithm: str) -> "_Hash":
    """Return a fresh hash object for one of ``ALGORITHMS``."""
    return hashlib.new(ALGORITHMS[algorithm], usedforsecurity=False)


def content_digests(fields: Mapping[str, str]) -> Digests:
    """Return what ``Content-Digest`` and ``Content-MD5`` announce for the request's content.

    ``fields`` by lower-case name, repeated ones joined by commas. Raises BadHeader.
    """
    found: Digests = {}
    if "content-digest" in fields:
        _merge(found, _dictionary(fields["content-digest"], "Content-Digest"), "Content-Digest")
    if "content-md5" in fields:
        value = _decoded(fields["content-md5"].strip(), "md5", "Content-MD5")
        _merge(found, {"md5": value}, "Content-MD5")
    return found


def representation_digests(fields: Mapping[str, str]) -> Digests:
    """Return what ``Repr-Digest`` and the old ``Digest`` announce for the whole file.

    Raises BadHeader.
    """
    found: Digests = {}
    if "repr-digest" in fields:
        _merge(found, _dictionary(fields["repr-digest"], "Repr-Digest"), "Repr-Digest")
    if "digest" in fields:
        _merge(found, _legacy(fields["digest"]), "Digest")
    return found


def body_digests(fields: Mapping[str, str]) -> Digests:
    """Return all digests announced for a request whose content is the whole file.

    Raises BadHeader, also where two fields contradict each other.
    """
    found = content_digests(fields)
    _merge(found, representation_digests(fields), "Repr-Digest")
    return found


def render_digests(digests: Mapping[str, bytes]) -> str:
    """Return the value of ``Repr-Digest`` or ``Content-Digest``.

    >>> render_digests({"md5": bytes(16)})
    'md5=:AAAAAAAAAAAAAAAAAAAAAA==:'
    """
    return ", ".join(
        f"{name}=:{base64.b64encode(value).decode('ascii')}:" for name, value in digests.items()
    )


def wanted_digests(value: str | None) -> list[str]:
    """Return the algorithms of ``Want-Repr-Digest`` that we know, most wanted first.

    A weight of 0 means unwanted; a malformed field counts as absent (RFC 9530 §4).

    >>> wanted_digests("md5=1, sha-256=10, sha-512=0")
    ['sha-256', 'md5']
    """
    weights: dict[str, int] = {}
    for member in _COMMA.split(value.strip()) if value else ():
        name, _, weight = member.partition("=")
        if not weight.isascii() or not weight.isdigit() or len(weight) > 2 or int(weight) > 10:
            return []
        weights[name] = int(weight)
    known = [name for name, weight in weights.items() if weight and name in ALGORITHMS]
    return sorted(known, key=lambda name: -weights[name])


def _merge(into: Digests, more: Mapping[str, bytes], field: str) -> None:
    for name, value in more.items():
        if into.setdefault(name, value) != value:
            raise BadHeader(f"{field} contradicts another {name} digest.", parameter=field)


def _dictionary(text: str, field: str) -> Digests:
    found: Digests = {}
    for member in split_outside_quotes(text, ","):
        shape = _MEMBER.fullmatch(member)
        if shape is None:
            raise BadHeader(f"{field} is not a dictionary of digests.", parameter=field)
        name, value = shape[1], shape[2]
        if name not in ALGORITHMS:
            continue
        if value is None or not value.startswith(":"):
            raise BadHeader(f"{field}: {name} is not a byte sequence.", parameter=field)
        _merge(found, {name: _decoded(value[1:-1], name, field)}, field)
    return found


def _legacy(text: str) -> Digests:
    found: Digests = {}
    for member in _COMMA.split(text.strip()):
        name, equals, value = member.partition("=")
        if not equals:
            raise BadHeader("Digest is not a list of digests.", parameter="Digest")
        algorithm = name.strip().lower()
        if algorithm in ALGORITHMS:
            _merge(found, {algorithm: _decoded(value.strip(), algorithm, "Digest")}, "Digest")
    return found


def _decoded(text: str, algorithm: str, field: str) -> bytes:
    try:
        value = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        value = b""
    if len(value) != LENGTHS[algorithm]:
        raise BadHeader(f"{field}: not a {algorithm} digest in base64.", parameter=field)
    return value
