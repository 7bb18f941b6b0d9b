"""Signed URLs as no client but a tester sends them, against a real server (AR-30, AR-35, C-42)."""

import json
import random
import socket
import string
import subprocess
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit
from xml.etree import ElementTree

import pytest
from arrhes_support import Year, found_organization, good
from boto3 import client as boto_client
from botocore.config import Config
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.parts.server import COMMAND, EMAIL, RunningServer

CONTENT = b"the content of a file"
FUZZ = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
RANDOMS = st.randoms(use_true_random=False)


class Target(NamedTuple):
    """A year with a stored file, and the URL that reads it."""

    server: RunningServer
    year: Year
    url: str


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


@pytest.fixture(scope="module")
def target(server: RunningServer) -> Target:
    year = found_organization(server).year()
    return Target(server, year, year.url(year.store(CONTENT)["id"], "download-url"))


def send(
    server: RunningServer,
    method: str,
    place: str,
    headers: list[tuple[str, str]] | None = None,
    body: bytes = b"",
) -> Answer:
    """Send a request line as it stands, with these headers (Host where there is none)."""
    lines = [f"{method} {place} HTTP/1.1"]
    given_headers = headers or []
    if not any(name.lower() == "host" for name, _ in given_headers):
        lines.append(f"Host: 127.0.0.1:{server.port}")
    lines += [f"{name}: {value}" for name, value in given_headers]
    lines.append("Connection: close")
    return _exchange(server.port, "\r\n".join(lines).encode() + b"\r\n\r\n" + body)


def _exchange(port: int, request: bytes) -> Answer:
    raw = b""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as link:
        link.sendall(request)
        while piece := link.recv(65536):
            raw += piece
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    headers = {n.lower(): v for n, _, v in (line.partition(": ") for line in rest)}
    return Answer(int(first.split()[1]), headers, body)


def refused(got: Answer) -> None:
    """Check that an answer is a refusal in S3's XML, not a failure."""
    assert 400 <= got.status < 500, got
    if got.headers.get("content-type") == "application/xml":
        assert ElementTree.fromstring(got.body).findtext("Code"), got.body
    else:
        # What is no HTTP request at all is refused before any dialect.
        assert got.status in (400, 414, 431), got


def relaxed(text: str, chance: random.Random) -> str:
    """Spell a decoded text in percent-encoding as strangely as RFC 3986 allows."""
    out = []
    for letter in text:
        plain = letter in string.ascii_letters + string.digits + "-._~"
        if plain and chance.random() < 0.7:
            out.append(letter)
        else:
            spelled = "".join(f"%{byte:02X}" for byte in letter.encode())
            out.append(spelled.lower() if chance.random() < 0.5 else spelled)
    return "".join(out)


def any_case(text: str, chance: random.Random) -> str:
    return "".join(chance.choice((c.lower(), c.upper())) for c in text)


def respelled(url: str, chance: random.Random) -> str:
    """Return path and query with the parameters in another order, everything respelled."""
    parts = urlsplit(url)
    path = "/".join(relaxed(unquote(piece), chance) for piece in parts.path.split("/"))
    pieces = [piece.partition("=") for piece in parts.query.split("&")]
    chance.shuffle(pieces)
    query = "&".join(
        f"{relaxed(unquote(name), chance)}={relaxed(unquote(value), chance)}"
        for name, _, value in pieces
    )
    return f"{path}?{query}"


@FUZZ
@given(RANDOMS)
def test_the_same_request_in_other_words(target: Target, chance: random.Random) -> None:
    """AR-30: order of parameters, percent-encoding, case of header names: all the same."""
    headers = [
        (any_case("Host", chance), f"127.0.0.1:{target.server.port}"),
        (any_case("Accept", chance), "*/*"),
        (any_case("Authorization", chance), "Bearer stray"),
    ]
    chance.shuffle(headers)
    got = send(target.server, "GET", respelled(target.url, chance), headers)
    assert (got.status, got.body) == (200, CONTENT)


@FUZZ
@given(RANDOMS)
def test_what_boto3_signs_in_other_words(
    target: Target, pair: tuple[str, str], chance: random.Random
) -> None:
    """C-42: the same for URLs that a client signs with an issued pair."""
    s3 = boto_client(
        "s3", endpoint_url=f"{target.server.url}/s3", aws_access_key_id=pair[0],
        aws_secret_access_key=pair[1], region_name=chance.choice(("us-east-1", "eu-west-3")),
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
    )  # fmt: skip
    bucket, _, key = urlsplit(target.url).path.removeprefix("/s3/").partition("/")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key})
    host = [(any_case("host", chance), f"127.0.0.1:{target.server.port}")]
    got = send(target.server, "GET", respelled(url, chance), host)
    assert (got.status, got.body) == (200, CONTENT)


@pytest.fixture(scope="module")
def pair(target: Target, server: RunningServer) -> tuple[str, str]:
    """A key pair issued for the target's space."""
    command = [*COMMAND, "key", "create", "--s3", "--user", EMAIL, "--json"]
    command += ["--data", str(server.data), "--space", target.year.organization.short]
    made = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)
    return made["access_key"], made["secret_key"]


def mutate(url: str, data: st.DataObject) -> str:
    """Change what a signed query says: a parameter dropped, doubled, renamed, altered or added."""
    parts = urlsplit(url)
    pieces = parts.query.split("&")
    at = data.draw(st.integers(0, len(pieces) - 1))
    name, _, value = pieces[at].partition("=")
    kind = data.draw(st.sampled_from(["drop", "double", "rename", "value", "add", "case", "path"]))
    match kind:
        case "drop":
            del pieces[at]
        case "double":
            pieces.insert(data.draw(st.integers(0, len(pieces))), pieces[at])
        case "rename":
            pieces[at] = f"{name}x={value}"
        case "case":
            pieces[at] = f"{name.swapcase()}={value}"
        case "add":
            pieces.append(data.draw(st.text("abcX-%=+;", min_size=1, max_size=9)) + "=1")
        case "path":
            where = data.draw(st.integers(4, len(parts.path) - 1))
            other = _other(parts.path[where], data)
            return f"{parts.path[:where]}{other}{parts.path[where + 1 :]}?{parts.query}"
        case "value":
            where = data.draw(st.integers(0, len(value) - 1))
            pieces[at] = f"{name}={value[:where]}{_other(value[where], data)}{value[where + 1 :]}"
    return f"{parts.path}?{'&'.join(pieces)}"


def _other(letter: str, data: st.DataObject) -> str:
    alphabet = string.ascii_letters + string.digits + "-_/%;"
    return data.draw(st.sampled_from([c for c in alphabet if c.lower() != letter.lower()]))


@settings(FUZZ, max_examples=150)
@given(st.data())
def test_another_request(target: Target, data: st.DataObject) -> None:
    """AR-35: whatever is changed, dropped, doubled or added is refused in S3's words."""
    refused(send(target.server, "GET", mutate(target.url, data)))


WILD = st.text(
    st.characters(codec="latin-1", exclude_characters=" \r\n\0#", exclude_categories=["Cc", "Zs"]),
    max_size=60,
)


@settings(FUZZ, max_examples=150)
@given(st.sampled_from(["GET", "PUT", "HEAD", "DELETE"]), WILD, WILD)
@example("GET", "%", "X-Amz-Signature=%")
@example("GET", "..%2f..%2fetc", "X-Amz-Signature=%ff%fe&X-Amz-Expires=%00")
@example("PUT", "%00", "X-Amz-Algorithm=AWS4-HMAC-SHA256&" * 50)
@example("GET", "a/b", "X-Amz-Date=20260203T081541Z&X-Amz-Date=20260203T081541Z")
def test_noise(target: Target, method: str, path: str, query: str) -> None:
    """AR-35: noise in path and query is refused, and never fails."""
    safe = "/%:@!$&'()*+,;=-._~"
    place = f"/s3/{quote(path, safe=safe)}?{quote(query, safe=safe + '?')}"
    got = send(target.server, method, place, [("Content-Length", "0")])
    assert 400 <= got.status < 500, (got, place)


@settings(FUZZ, max_examples=40)
@given(st.data(), RANDOMS)
def test_a_put_in_other_words(target: Target, data: st.DataObject, chance: random.Random) -> None:
    """AR-33: a PUT with its signed length holds in any spelling, with another length in none."""
    year = target.year
    body = data.draw(st.binary(min_size=1, max_size=64))
    file = year.entry()["id"]
    url = year.upload_url(file, len(body))
    wrong = data.draw(st.binary(max_size=80).filter(lambda other: len(other) != len(body)))
    place = respelled(url, chance)
    for sent, status in ((wrong, 403), (body, 200)):
        headers = [
            (any_case("Content-Length", chance), f"{len(sent)}"),
            (any_case("Content-Type", chance), data.draw(st.sampled_from(["text/html", "a/b"]))),
        ]
        chance.shuffle(headers)
        got = send(target.server, "PUT", place, headers, sent)
        assert got.status == status, got
    assert good(year.post(file, "finalize"))["size"] == len(body)
    assert year.fetch(file).content == body
