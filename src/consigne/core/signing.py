"""Signed URLs: AWS Signature Version 4 in the query string, as S3 and its SDKs speak it.

Pure functions. The canonical request is that of the S3 flavour: the path is percent-encoded once
and not normalised, parameters are sorted by their encoded names, and the body counts as
``UNSIGNED-PAYLOAD`` unless the URL names its SHA-256. Sources: "Authenticating Requests: Using
Query Parameters (AWS Signature Version 4)" of the S3 API reference, botocore's
``S3SigV4QueryAuth``.
"""

import calendar
import hashlib
import hmac
import re
import time
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import quote, unquote_to_bytes

from consigne.errors import BadCredentials, Unauthenticated

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
SKEW = 15 * 60
LONGEST = 604_800

_SERVICE, _END = "s3", "aws4_request"
_STAMP = re.compile(r"\d{8}T\d{6}Z")
_HEX64 = re.compile(r"[0-9a-f]{64}")
_SPACES = re.compile(r" {2,}")
_NEEDED = (
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
)


class Presigned(NamedTuple):
    """The claims of a signed query. ``at``: seconds since 1970; ``expires``: seconds; ``payload``:
    the SHA-256 of the body in hex, or ``UNSIGNED-PAYLOAD``."""

    access_key: str
    day: str
    region: str
    stamp: str
    at: int
    expires: int
    signed_headers: tuple[str, ...]
    signature: str
    payload: str
    pairs: tuple[tuple[str, str], ...]

    @property
    def scope(self) -> str:
        return f"{self.day}/{self.region}/{_SERVICE}/{_END}"

    def require_valid(self, now: float) -> None:
        """Raise Unauthenticated where the URL has expired or is of the future."""
        if self.at > now + SKEW:
            raise Unauthenticated("Request is not valid yet")
        if now > self.at + self.expires:
            raise Unauthenticated("Request has expired")


def presign(
    method: str,
    base_url: str,
    path: str,
    *,
    access_key: str,
    secret: str,
    region: str,
    expires: int,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    now: float | None = None,
) -> str:
    """Return a signed URL. ``base_url`` may have a path, which is signed with the rest; ``headers``
    (lower-case names) must be sent exactly so, beside ``host``, which is signed always.
    """
    moment = time.gmtime(time.time() if now is None else now)
    stamp = time.strftime("%Y%m%dT%H%M%SZ", moment)
    origin, host, prefix = split_base(base_url)
    signed = {**(headers or {}), "host": host}
    scope = f"{stamp[:8]}/{region}/{_SERVICE}/{_END}"
    pairs = [
        *(query or {}).items(),
        ("X-Amz-Algorithm", ALGORITHM),
        ("X-Amz-Content-Sha256", UNSIGNED),
        ("X-Amz-Credential", f"{access_key}/{scope}"),
        ("X-Amz-Date", stamp),
        ("X-Amz-Expires", str(expires)),
        ("X-Amz-SignedHeaders", ";".join(sorted(signed))),
    ]
    canonical = _canonical_request(method, prefix + path, pairs, sorted(signed.items()), UNSIGNED)
    signature = _sign(secret, stamp, scope, canonical)
    uri = _encode_path(prefix + path)
    return f"{origin}{uri}?{_canonical_query(pairs)}&X-Amz-Signature={signature}"


def parse(query: bytes) -> Presigned | None:
    """Read a signed query string; None where nothing in it claims to be signed.

    Raises Unauthenticated where parameters are missing, repeated or malformed.
    """
    pairs = parse_query(query)
    ours = [name for name, _ in pairs if name.startswith("X-Amz-")]
    if not set(_NEEDED) & set(ours):
        return None
    found = dict(pairs)
    if len(ours) != len(set(ours)) or not all(name in found for name in _NEEDED):
        raise Unauthenticated("The signed query is incomplete")
    credential = found["X-Amz-Credential"].rsplit("/", 4)
    stamp, expires = found["X-Amz-Date"], found["X-Amz-Expires"]
    payload = found.get("X-Amz-Content-Sha256", UNSIGNED)
    if (
        found["X-Amz-Algorithm"] != ALGORITHM
        or len(credential) != 5
        or credential[3:] != [_SERVICE, _END]
        or not _STAMP.fullmatch(stamp)
        or credential[1] != stamp[:8]
        or not (expires.isascii() and expires.isdigit() and len(expires) <= 6)
        or not 1 <= int(expires) <= LONGEST
        or not (payload == UNSIGNED or _HEX64.fullmatch(payload))
    ):
        raise Unauthenticated("The signed query is malformed")
    return Presigned(
        access_key=credential[0],
        day=credential[1],
        region=credential[2],
        stamp=stamp,
        at=_seconds(stamp),
        expires=int(expires),
        signed_headers=tuple(found["X-Amz-SignedHeaders"].split(";")),
        signature=found["X-Amz-Signature"],
        payload=payload,
        pairs=tuple(pair for pair in pairs if pair[0] != "X-Amz-Signature"),
    )


def verify(
    claim: Presigned,
    secret: str,
    *,
    methods: Iterable[str],
    places: Iterable[tuple[str, str]],
    headers: Mapping[str, str],
) -> None:
    """Raise BadCredentials unless the signature fits one of the methods at one of the places.

    ``places`` are (host, decoded path) under which the client may have known us; ``headers`` the
    request's own by lower-case name. Compared in constant time.
    """
    names = claim.signed_headers
    if "host" not in names or len(set(names)) != len(names) or list(names) != sorted(names):
        raise BadCredentials("The request signature does not match")
    if any(name != "host" and name not in headers for name in names):
        raise BadCredentials("A signed header is missing")
    good = False
    for host, path in places:
        values = [(n, host if n == "host" else _trim(headers[n])) for n in names]
        for method in methods:
            canonical = _canonical_request(method, path, claim.pairs, values, claim.payload)
            wanted = _sign(secret, claim.stamp, claim.scope, canonical)
            good |= hmac.compare_digest(wanted.encode(), claim.signature.encode())
    if not good:
        raise BadCredentials("The request signature does not match")


def parse_query(query: bytes) -> list[tuple[str, str]]:
    """Return the parameters of a query string, decoded, in their order.

    >>> parse_query(b"a=1&b=x%20y&c")
    [('a', '1'), ('b', 'x y'), ('c', '')]
    """
    pairs = []
    for piece in query.split(b"&"):
        if piece:
            name, _, value = piece.replace(b"+", b"%20").partition(b"=")
            pairs.append(
                (
                    unquote_to_bytes(name).decode("utf-8", "surrogateescape"),
                    unquote_to_bytes(value).decode("utf-8", "surrogateescape"),
                )
            )
    return pairs


def split_base(base_url: str) -> tuple[str, str, str]:
    """Return (origin, Host header, path prefix) of a base URL; a default port is left out.

    >>> split_base("https://files.example.org:443/store")
    ('https://files.example.org', 'files.example.org', '/store')
    """
    scheme, _, rest = base_url.partition("://")
    host, slash, path = rest.partition("/")
    default = {"http": ":80", "https": ":443"}.get(scheme, "")
    if default and host.endswith(default):
        host = host.removesuffix(default)
    return f"{scheme}://{host}", host, (slash + path).rstrip("/")


def _canonical_request(
    method: str,
    path: str,
    pairs: Iterable[tuple[str, str]],
    headers: list[tuple[str, str]],
    payload: str,
) -> str:
    lines = [method, _encode_path(path), _canonical_query(pairs)]
    lines += [f"{name}:{value}" for name, value in headers]
    lines += ["", ";".join(name for name, _ in headers), payload]
    return "\n".join(lines)


def _canonical_query(pairs: Iterable[tuple[str, str]]) -> str:
    encoded = sorted((_encode(name), _encode(value)) for name, value in pairs)
    return "&".join(f"{name}={value}" for name, value in encoded)


def _encode(text: str) -> str:
    return quote(text.encode("utf-8", "surrogateescape"), safe="-_.~")


def _encode_path(path: str) -> str:
    return quote(path.encode("utf-8", "surrogateescape"), safe="/-_.~")


def _trim(value: str) -> str:
    return _SPACES.sub(" ", value.strip())


def _sign(secret: str, stamp: str, scope: str, canonical: str) -> str:
    digest = hashlib.sha256(canonical.encode("utf-8", "surrogateescape")).hexdigest()
    key = f"AWS4{secret}".encode()
    for piece in scope.split("/"):
        key = hmac.digest(key, piece.encode("utf-8", "surrogateescape"), "sha256")
    text = f"{ALGORITHM}\n{stamp}\n{scope}\n{digest}"
    return hmac.digest(key, text.encode("utf-8", "surrogateescape"), "sha256").hex()


def _seconds(stamp: str) -> int:
    try:
        return calendar.timegm(time.strptime(stamp, "%Y%m%dT%H%M%SZ"))
    except ValueError:
        raise Unauthenticated("The signed query is malformed") from None
