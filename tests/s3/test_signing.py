"""Signatures, against botocore's own: whatever it signs we accept, and nothing else."""

from typing import Any
from urllib.parse import quote, unquote, urlsplit

import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from consigne.core import signing
from consigne.errors import BadCredentials, Unauthenticated

SECRET, ACCESS = "a secret that signs", "csg-1-2-3"
BASE = "https://files.example.org/store"
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)
PARAMETERS = st.dictionaries(TEXT.filter(lambda t: not t.startswith("X-Amz-")), TEXT, max_size=4)
# A slash inside a key is a slash for every S3 client, never %2F.
SEGMENT = TEXT.map(lambda t: t.replace("/", "")).filter(lambda t: t not in ("", ".", ".."))
SEGMENTS = st.lists(SEGMENT, min_size=1, max_size=3)


def by_botocore(method: str, url: str, headers: dict[str, str] | None = None) -> str:
    """Return the URL that botocore signs; ``headers`` are signed too."""
    request = AWSRequest(method, url, headers=headers or {})
    signer = S3SigV4QueryAuth(Credentials(ACCESS, SECRET), "s3", "eu-west-3", expires=300)
    signer.add_auth(request)
    return str(request.url)


def check(
    url: str, method: str = "GET", headers: dict[str, str] | None = None, secret: str = SECRET
) -> None:
    """Verify a URL as a server would that sees it in a request line."""
    parts = urlsplit(url)
    claim = signing.parse(parts.query.encode())
    assert claim is not None
    places = [("other.example", parts.path), (parts.netloc, unquote(parts.path))]
    signing.verify(claim, secret, methods=[method], places=places, headers=headers or {})


@given(SEGMENTS, PARAMETERS)
def test_what_botocore_signs_is_accepted(segments: list[str], parameters: dict[str, str]) -> None:
    """AR-30, C-42: any path, any parameters, in botocore's canonical form."""
    path = "/".join(quote(part, safe="") for part in segments)
    query = "&".join(f"{quote(k, safe='')}={quote(v, safe='')}" for k, v in parameters.items())
    check(by_botocore("GET", f"https://files.example.org/s3/{path}?{query}"))


@given(SEGMENTS, PARAMETERS, st.sampled_from(["GET", "PUT", "DELETE"]))
def test_what_we_sign_is_what_botocore_signs(
    segments: list[str], parameters: dict[str, str], method: str
) -> None:
    """AR-30: the same signature for the same claims, by an implementation that is not ours."""
    path = "/s3/" + "/".join(segments)
    url = signing.presign(
        method, BASE, path, access_key=ACCESS, secret=SECRET, region="eu-west-3", expires=300,
        query=parameters, headers={"content-length": "5"},
    )  # fmt: skip
    check(url, method, {"content-length": "5"})
    parts = urlsplit(url)
    unsigned = url.partition("?")[0]
    kept = [p for p in parts.query.split("&") if not p.startswith("X-Amz-Signature")]
    request = AWSRequest(method, unsigned, headers={"content-length": "5"})
    signer = S3SigV4QueryAuth(Credentials(ACCESS, SECRET), "s3", "eu-west-3", expires=300)
    claim = signing.parse(parts.query.encode())
    assert claim is not None
    request.context["timestamp"] = claim.stamp
    request.url = f"{unsigned}?{'&'.join(sorted(kept))}"
    canonical = "\n".join(
        [
            method,
            urlsplit(unsigned).path,
            "&".join(sorted(kept, key=lambda p: p.partition("=")[::2])),
            "content-length:5\nhost:files.example.org\n",
            "content-length;host",
            "UNSIGNED-PAYLOAD",
        ]
    )
    wanted = signer.signature(signer.string_to_sign(request, canonical), request)
    assert url.endswith(f"&X-Amz-Signature={wanted}")


@given(st.randoms(use_true_random=False), PARAMETERS)
def test_order_and_encoding_do_not_matter(random: Any, parameters: dict[str, str]) -> None:
    """AR-30, C-42: another order of parameters, %7E for ~, lower-case hex: the same request."""
    url = signing.presign(
        "GET", BASE, "/s3/a~b/c", access_key=ACCESS, secret=SECRET, region="r", expires=9,
        query=parameters,
    )  # fmt: skip
    place, _, query = url.partition("?")
    pieces = query.split("&")
    random.shuffle(pieces)
    relaxed = []
    for piece in pieces:
        name, _, value = piece.partition("=")
        letters = [f"%{ord(c):02x}" if c.isascii() and random.random() < 0.3 else quote(c, safe="")
                   for c in unquote(value)]  # fmt: skip
        relaxed.append(f"{name}={''.join(letters)}")
    check(f"{place.replace('~', '%7E')}?{'&'.join(relaxed)}")


@given(st.sampled_from(["Content-Length", "CONTENT-LENGTH", "content-length"]), st.integers(0, 3))
def test_header_case_and_spaces(name: str, spaces: int) -> None:
    """AR-30: names in any case, values trimmed, runs of blanks as one (the server lowers names)."""
    value = "a" + " " * (spaces + 1) + "b"
    url = by_botocore("PUT", "https://files.example.org/s3/a/b", {"x-amz-meta-x": value})
    check(url, "PUT", {"x-amz-meta-x": f"{' ' * spaces}{value} ", name.lower(): "5"})


@given(st.data())
def test_any_change_is_refused(data: st.DataObject) -> None:
    """AR-35: no character of a signed URL can change, and nothing can be added."""
    url = signing.presign(
        "GET", BASE, "/s3/acme/key", access_key=ACCESS, secret=SECRET, region="r", expires=60,
        query={"versionId": "1"},
    )  # fmt: skip
    place, _, query = url.partition("?")
    pairs = signing.parse_query(query.encode())
    index = data.draw(st.integers(0, len(pairs) - 1))
    name, value = pairs[index]
    at = data.draw(st.integers(0, len(value) - 1))
    other = data.draw(st.sampled_from("0123456789abcdefXYZ").filter(lambda c: c != value[at]))
    pairs[index] = (name, value[:at] + other + value[at + 1 :])
    text = "&".join(f"{quote(n, safe='')}={quote(v, safe='')}" for n, v in pairs)
    with pytest.raises((BadCredentials, Unauthenticated)):
        check(f"{place}?{text}")
    with pytest.raises(BadCredentials):
        check(f"{url}&more=1")


@pytest.mark.parametrize(
    ("method", "path", "secret"),
    [("PUT", "/s3/a", SECRET), ("GET", "/s3/b", SECRET), ("GET", "/s3/a", "another secret")],
)
def test_other_method_path_or_key(method: str, path: str, secret: str) -> None:
    """AR-35, C-42: refused, as is a host that is not ours."""
    url = signing.presign(
        "GET", BASE, "/s3/a", access_key=ACCESS, secret=SECRET, region="r", expires=60
    )
    with pytest.raises(BadCredentials):
        check(url.replace("/s3/a?", f"{path}?"), method, secret=secret)
    with pytest.raises(BadCredentials):
        check(url.replace("files.example.org", "evil.example.org"))


def test_time() -> None:
    """AR-31, AR-32: from 15 minutes before its date until it has expired."""
    url = signing.presign(
        "GET", BASE, "/s3/a", access_key=ACCESS, secret=SECRET, region="r", expires=60, now=10_000
    )
    claim = signing.parse(urlsplit(url).query.encode())
    assert claim is not None
    for now in (10_000 - 900, 10_000, 10_060):
        claim.require_valid(now)
    for now in (10_000 - 901, 10_061):
        with pytest.raises(Unauthenticated):
            claim.require_valid(now)


GOOD = {
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": "k/20260203/us-east-1/s3/aws4_request",
    "X-Amz-Date": "20260203T081541Z",
    "X-Amz-Expires": "60",
    "X-Amz-SignedHeaders": "host",
    "X-Amz-Signature": "0",
}


@pytest.mark.parametrize(
    "changes",
    [
        *({name: None} for name in GOOD),
        {"X-Amz-Algorithm": "AWS4-ECDSA"},
        {"X-Amz-Credential": "k/20260203/us-east-1/ec2/aws4_request"},
        {"X-Amz-Credential": "k"},
        {"X-Amz-Date": "20260204T081541Z"},
        {"X-Amz-Date": "20261399T081541Z", "X-Amz-Credential": "k/20261399/r/s3/aws4_request"},
        {"X-Amz-Expires": "0"},
        {"X-Amz-Expires": "604801"},
        {"X-Amz-Expires": "-1"},
        {"X-Amz-Expires": "١"},
        {"X-Amz-Content-Sha256": "short"},
        {"x": "&X-Amz-Date=20260203T081541Z"},
    ],
)
def test_malformed_queries(changes: dict[str, str | None]) -> None:
    """AR-35: what is missing, repeated or out of range is refused before anything is computed."""
    fields = {name: value for name, value in (GOOD | changes).items() if value is not None}
    text = "&".join(f"{name}={value}" for name, value in fields.items())
    with pytest.raises(Unauthenticated):
        signing.parse(text.encode())


def test_unsigned_is_not_malformed() -> None:
    """AR-35: a query without a signature claims nothing."""
    assert signing.parse(b"") is None
    assert signing.parse(b"versionId=1&x=%FF") is None
    text = "&".join(f"{n}={v}" for n, v in (GOOD | {"X-Amz-SignedHeaders": "date"}).items())
    claim = signing.parse(text.encode())
    assert claim is not None
    with pytest.raises(BadCredentials):
        signing.verify(claim, "s", methods=["GET"], places=[("h", "/")], headers={"date": "x"})
