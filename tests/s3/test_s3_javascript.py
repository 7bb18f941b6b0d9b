"""The AWS SDK for JavaScript, unmodified, on both sides of a signature (AR-30, C-42)."""

import hashlib
from base64 import b64encode
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from arrhes_support import Year, good
from tests.parts.node_clients import aws_sdk
from tests.parts.server import RunningServer
from tests.s3.conftest import Issue

PLAIN = {"requestChecksumCalculation": "WHEN_REQUIRED"}


def in_base64(data: bytes) -> str:
    return b64encode(data).decode()


def test_replays_our_urls(year: Year) -> None:
    """AR-30: the SDK's HTTP handler sends our URLs and they hold: PUT, GET, HEAD, DELETE."""
    file = year.entry()["id"]
    url = year.upload_url(file, 5)
    put = {"method": "PUT", "url": url, "headers": {"content-length": "5"},
           "body": in_base64(b"hello")}  # fmt: skip
    assert [each.status for each in aws_sdk({"replay": [put]})] == [200]
    good(year.post(file, "finalize"))
    url = year.url(file, "download-url")
    got, head, part = aws_sdk({
        "replay": [
            {"method": "GET", "url": url},
            {"method": "HEAD", "url": url},
            {"method": "GET", "url": url, "headers": {"range": "bytes=1-2"}},
        ]
    })  # fmt: skip
    assert (got.status, got.body) == (200, b"hello")
    assert got.headers["etag"] == f'"{hashlib.sha256(b"hello").hexdigest()}"'
    assert (head.status, head.headers["content-length"], head.body) == (200, "5", b"")
    assert (part.status, part.body) == (206, b"el")
    gone = {"method": "DELETE", "url": year.url(file, "delete-url")}
    assert [each.status for each in aws_sdk({"replay": [gone]})] == [204]
    assert year.file(file)["size"] is None


def test_replays_only_what_was_signed(year: Year) -> None:
    """AR-35: another length, another method, and a changed query, as the SDK sends them."""
    file = year.entry()["id"]
    url = year.upload_url(file, 5)
    longer, get, changed = aws_sdk({
        "replay": [
            {"method": "PUT", "url": url, "headers": {"content-length": "6"},
             "body": in_base64(b"hello!")},
            {"method": "GET", "url": url},
            {"method": "PUT", "url": url.replace("X-Amz-Expires=60", "X-Amz-Expires=600"),
             "headers": {"content-length": "5"}, "body": in_base64(b"hello")},
        ]
    })  # fmt: skip
    for each in (longer, get, changed):
        assert each.status == 403
        assert b"<Code>SignatureDoesNotMatch</Code>" in each.body
    assert year.post(file, "finalize").status_code == 409


@pytest.mark.parametrize("config", [{}, PLAIN], ids=["with checksum", "without"])
def test_signs_with_an_issued_pair(
    server: RunningServer, year: Year, issue: Issue, config: dict[str, str]
) -> None:
    """C-42, AR-32: what the SDK signs with an issued pair is accepted for what it may touch."""
    organization = year.organization
    stored = year.store(b"content", "été.txt", "text/plain")
    file = year.entry()["id"]
    incoming = urlsplit(year.upload_url(file, 5)).path.removeprefix(f"/s3/{organization.short}/")
    whole = {"Bucket": organization.short, "Key": stored["storageKey"]}
    into = {"Bucket": organization.short, "Key": incoming}
    commands: list[dict[str, Any]] = [
        {"name": "GetObject", "input": whole},
        {"name": "HeadObject", "input": whole},
        {"name": "DeleteObject", "input": whole},
        {"name": "PutObject", "input": whole, "body": in_base64(b"other")},
        {"name": "GetObject", "input": into},
        {"name": "PutObject", "input": into, "body": in_base64(b"hello!")},
        {"name": "PutObject", "input": into, "body": in_base64(b"hello")},
    ]
    answers = aws_sdk({
        "endpoint": f"{server.url}/s3", "pair": issue(organization.short), "config": config,
        "commands": commands,
    })  # fmt: skip
    assert [each.status for each in answers] == [200, 200, 403, 403, 404, 403, 200]
    assert answers[0].body == b"content"
    assert answers[1].headers["content-length"] == "7"
    assert year.file(stored["id"]) == stored
    assert good(year.post(file, "finalize"))["size"] == 5
    signed = parse_qs(urlsplit(answers[-1].url).query)
    assert signed["X-Amz-SignedHeaders"] == ["host"]
    assert ("x-amz-checksum-crc32" in signed) == (not config)


def test_another_pair(server: RunningServer, year: Year, issue: Issue) -> None:
    """AR-35: a secret that is not that of the key signs nothing."""
    organization = year.organization
    stored = year.store(b"content")
    access, secret = issue(organization.short)
    request = {"endpoint": f"{server.url}/s3", "commands": [
        {"name": "GetObject", "input": {"Bucket": organization.short, "Key": stored["storageKey"]}}
    ]}  # fmt: skip
    (wrong,) = aws_sdk({**request, "pair": [access, secret + "x"]})
    assert (wrong.status, b"SignatureDoesNotMatch" in wrong.body) == (403, True)
    (right,) = aws_sdk({**request, "pair": [access, secret]})
    assert (right.status, right.body) == (200, b"content")
