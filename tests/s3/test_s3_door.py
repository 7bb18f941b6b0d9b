"""Objects under signed URLs against a real server: what is accepted, what is refused and how."""

import base64
import hashlib
import os
import re
import socket
import subprocess
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit
from xml.etree import ElementTree

import httpx
import pytest
from arrhes_support import Organization, Year, client, found_organization, good
from tests.parts.server import COMMAND, KEY, RunningServer, ServerStarter, others_forget

from consigne import errors
from consigne.dialects.s3.errors import TABLE

HTML = b"<!DOCTYPE html><html><script>alert(1)</script></html>"


def refused(got: httpx.Response, status: int, code: str) -> None:
    """Check that an answer is S3's XML for a refusal, and says nothing of the server's inside."""
    assert got.status_code == status, got.text
    assert got.headers["content-type"] == "application/xml"
    found = ElementTree.fromstring(got.text)
    assert [each.tag for each in found] == ["Code", "Message", "RequestId"]
    assert found.findtext("Code") == code, got.text
    assert found.findtext("RequestId") == got.headers["x-request-id"]
    assert "Traceback" not in got.text


def altered(url: str, name: str, value: str) -> str:
    return re.sub(rf"(?<=[?&]){name}=[^&]*", f"{name}={value}", url)


def raw(server: RunningServer, url: str, head: str, body: bytes = b"") -> bytes:
    """Send a request as it stands and return the start of the answer."""
    parts = urlsplit(url)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as link:
        line = f"{head.partition(' ')[0]} {parts.path}?{parts.query} HTTP/1.1\r\n"
        link.sendall((line + f"Host: {parts.netloc}\r\n" + head.partition(" ")[2]).encode() + body)
        return link.recv(65536)


def test_the_put_url(year: Year) -> None:
    """AR-30, AR-31: shape of the URL, signed headers, no checksum parameter."""
    organization, entry = year.organization, year.entry()
    url = year.upload_url(entry["id"], 5)
    parts = urlsplit(url)
    assert url.startswith(f"{organization.url}/s3/{organization.short}/organizations/")
    prefix = f"/s3/{organization.short}/organizations/{organization.id}/incoming/{entry['id']}/"
    assert parts.path.startswith(prefix)
    query = parse_qs(parts.query)
    assert list(query) == [
        "X-Amz-Algorithm", "X-Amz-Content-Sha256", "X-Amz-Credential", "X-Amz-Date",
        "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature",
    ]  # fmt: skip
    assert query["X-Amz-SignedHeaders"] == ["content-length;host"]
    assert query["X-Amz-Expires"] == ["60"]
    assert query["X-Amz-Credential"][0].endswith("/us-east-1/s3/aws4_request")
    stored = year.store(b"x")["id"]
    for verb, seconds in (("download-url", "3600"), ("delete-url", "60")):
        query = parse_qs(urlsplit(year.url(stored, verb)).query)
        assert query["X-Amz-Expires"] == [seconds]
        assert query["X-Amz-SignedHeaders"] == ["host"]
        assert not [name for name in query if "checksum" in name.lower()]


@pytest.mark.parametrize("change", [-1, 1])
def test_another_length(year: Year, change: int) -> None:
    """AR-33, AR-35: a byte short or long is not what was signed; nothing is stored."""
    file = year.entry()["id"]
    url = year.upload_url(file, 10)
    refused(httpx.put(url, content=b"x" * (10 + change)), 403, "SignatureDoesNotMatch")
    assert year.post(file, "finalize").status_code == 409
    assert year.organization.books() == (0, 10)


def test_no_length(server: RunningServer, year: Year) -> None:
    """AR-33, AR-35: a chunked body, and none at all: 411."""
    url = year.upload_url(year.entry()["id"], 10)
    refused(httpx.put(url, content=iter([b"x" * 10])), 411, "MissingContentLength")
    assert b" 411 " in raw(server, url, "PUT \r\n")


def test_md5_of_the_body(year: Year) -> None:
    """AR-33: Content-MD5 is verified; the Content-Type of the PUT is ignored."""
    file, data = year.entry()["id"], b"0123456789"
    url = year.upload_url(file, 10, "text/plain")
    right = base64.b64encode(hashlib.md5(data).digest()).decode()
    wrong = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    refused(httpx.put(url, content=data, headers={"Content-MD5": wrong}), 400, "BadDigest")
    assert year.post(file, "finalize").status_code == 409
    headers = {"Content-MD5": right, "Content-Type": "text/html"}
    assert httpx.put(url, content=data, headers=headers).status_code == 200
    assert good(year.post(file, "finalize"))["type"] == "text/plain"


def test_the_last_complete_put_counts(server: RunningServer, year: Year) -> None:
    """AR-33: a repeat replaces, an interrupted one leaves what was there."""
    file = year.entry()["id"]
    url = year.upload_url(file, 300_000)
    one, two = os.urandom(300_000), os.urandom(300_000)
    assert httpx.put(url, content=one).status_code == 200
    assert httpx.put(url, content=two).status_code == 200
    parts = urlsplit(url)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as link:
        head = f"PUT {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        link.sendall((head + "Content-Length: 300000\r\n\r\n").encode() + one[:200_000])
    time.sleep(0.3)
    assert good(year.post(file, "finalize"))["hash"] == hashlib.sha256(two).hexdigest()
    assert year.fetch(file).content == two


@pytest.mark.embedded("looks into the files of the embedded vault")
def test_an_interrupted_put_leaves_nothing(start_server: ServerStarter) -> None:
    """AR-33: no bytes, and finalize finds nothing."""
    server = start_server()
    year = found_organization(server).year()
    file = year.entry()["id"]
    parts = urlsplit(year.upload_url(file, 3_000_000))
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as link:
        head = f"PUT {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        link.sendall((head + "Content-Length: 3000000\r\n\r\n").encode() + os.urandom(2_500_000))
    deadline = time.monotonic() + 10
    while list((server.data / "blobs/staging").iterdir()):
        assert time.monotonic() < deadline, "staged bytes stayed behind"
        time.sleep(0.1)
    assert year.post(file, "finalize").status_code == 409


def test_expired(start_server: ServerStarter) -> None:
    """AR-31, AR-35: settings rule the validity; afterwards AccessDenied, nothing stored."""
    server = start_server(env={"CONSIGNE_S3_PUT_EXPIRY": "3", "CONSIGNE_S3_GET_EXPIRY": "3"})
    year = found_organization(server).year()
    stored, file = year.store(b"x")["id"], year.entry()["id"]
    put, get = year.upload_url(file, 3), year.url(stored, "download-url")
    time.sleep(4.1)
    refused(httpx.put(put, content=b"abc"), 403, "AccessDenied")
    refused(httpx.get(get), 403, "AccessDenied")
    assert year.post(file, "finalize").status_code == 409


def test_what_is_not_signed_is_refused(year: Year) -> None:
    """AR-35: each alteration in S3's own words."""
    stored = year.store(b"content")["id"]
    url = year.url(stored, "download-url")
    mismatch = "SignatureDoesNotMatch"
    refused(httpx.get(url.partition("?")[0]), 403, "AccessDenied")
    refused(httpx.get(altered(url, "versionId", "2")), 403, mismatch)
    refused(httpx.get(f"{url}&response-content-type=text/html"), 403, mismatch)
    refused(httpx.get(altered(url, "X-Amz-Signature", "0" * 64)), 403, mismatch)
    refused(httpx.get(altered(url, "X-Amz-Signature", "%C3%A9")), 403, mismatch)
    refused(httpx.get(altered(url, "X-Amz-Expires", "604800")), 403, mismatch)
    refused(httpx.get(altered(url, "X-Amz-Date", "20200101T000000Z")), 403, "AccessDenied")
    credential = quote("nobody/20260203/us-east-1/s3/aws4_request", safe="")
    day = parse_qs(urlsplit(url).query)["X-Amz-Date"][0][:8]
    unknown = altered(url, "X-Amz-Credential", credential.replace("20260203", day))
    refused(httpx.get(unknown), 403, mismatch)
    refused(httpx.get(url.replace("/storage/", "/incoming/")), 403, mismatch)
    refused(httpx.put(url, content=b"x"), 403, mismatch)
    refused(httpx.delete(url), 403, mismatch)
    refused(httpx.get(re.sub("X-Amz-Date=[^&]*&", "", url)), 403, "AccessDenied")
    got = httpx.post(url)
    refused(got, 405, "MethodNotAllowed")
    assert got.headers["allow"] == "DELETE, GET, HEAD, PUT"
    assert httpx.get(url).content == b"content"


def test_an_altered_host(year: Year) -> None:
    """AR-32, AR-35: our URLs hold for the public URL, whatever host a proxy passes on."""
    stored = year.store(b"content")["id"]
    url = year.url(stored, "download-url")
    assert httpx.get(url, headers={"Host": "localhost:1"}).content == b"content"
    assert httpx.get(url, headers={"Host": "unknown.example"}).status_code == 421


def test_behind_a_proxy(start_server: ServerStarter) -> None:
    """AR-32, C-42: host, port and path prefix of public_url are signed; the proxy strips them."""
    server = start_server(env={"CONSIGNE_PUBLIC_URL": "https://files.example.org/store"})
    year = found_organization(server).year()
    file = year.entry()["id"]
    public = year.upload_url(file, 5)
    assert public.startswith("https://files.example.org/store/s3/")
    passed = public.replace("https://files.example.org/store", server.url)
    assert httpx.put(passed, content=b"hello").status_code == 200
    good(year.post(file, "finalize"))
    passed = year.url(file, "download-url").replace("https://files.example.org/store", server.url)
    for host in ("127.0.0.1", "files.example.org", "files.example.org:8443"):
        assert httpx.get(passed, headers={"Host": host}).content == b"hello"


def test_a_stray_authorization_header(year: Year) -> None:
    """AR-35, C-42: the signature in the query wins over any header."""
    file = year.entry()["id"]
    url = year.upload_url(file, 5)
    for value in ("Bearer nobody", "Basic YTpi", "AWS4-HMAC-SHA256 Credential=x"):
        got = httpx.put(url, content=b"hello", headers={"Authorization": value})
        assert got.status_code == 200, got.text
    headers = {"Authorization": f"Bearer {year.organization.key}"}
    refused(
        httpx.put(url.partition("?")[0], content=b"hello", headers=headers), 403, "AccessDenied"
    )


def test_reading(year: Year) -> None:
    """AR-34: HEAD, ranges, conditions, names; HEAD passes under the signature of a GET (C-42)."""
    data = os.urandom(3000)
    stored = year.store(data, "reçu.pdf", "application/pdf")["id"]
    url = year.url(stored, "download-url")
    got = httpx.get(url)
    assert got.content == data
    tag = f'"{hashlib.sha256(data).hexdigest()}"'
    assert got.headers["etag"] == tag
    assert got.headers["content-type"] == "application/pdf"
    assert got.headers["x-content-type-options"] == "nosniff"
    assert "filename*=UTF-8''re%C3%A7u.pdf" in got.headers["content-disposition"]
    head = httpx.head(url)
    assert (head.status_code, head.headers["content-length"]) == (200, "3000")
    part = httpx.get(url, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, data[10:20])
    refused(httpx.get(url, headers={"Range": "bytes=3000-"}), 416, "InvalidRange")
    assert httpx.get(url, headers={"If-None-Match": tag}).status_code == 304
    refused(httpx.get(url, headers={"If-Match": '"x"'}), 412, "PreconditionFailed")


def test_active_content(year: Year) -> None:
    """AR-34: passive content is shown, active content is an attachment in a sandbox."""
    shown = year.fetch(year.store(b"plain", "a.txt", "text/plain")["id"])
    assert shown.headers["content-disposition"].startswith("inline")
    for kind in ("text/html", "text/plain"):
        got = year.fetch(year.store(HTML, "a.html", kind)["id"])
        assert got.headers["content-disposition"].startswith("attachment")
        assert got.headers["content-security-policy"].startswith("sandbox")


def test_gone(year: Year) -> None:
    """AR-32, AR-35: after the file's end its URL is NoSuchKey; a delete of it is 204."""
    stored = year.store(b"content")["id"]
    read, delete = year.url(stored, "download-url"), year.url(stored, "delete-url")
    good(year.http.delete(f"{year.path}/files/{stored}"))
    refused(httpx.get(read), 404, "NoSuchKey")
    assert httpx.head(read).status_code == 404
    assert httpx.delete(delete).status_code == 204


def test_who_lost_the_right_lost_the_url(year: Year) -> None:
    """C-42, AR-32: a revoked key, a lost membership: AccessDenied."""
    organization = year.organization
    stored = year.store(b"content")["id"]
    keys = f"/organizations/{organization.id}/api-keys"
    made = good(organization.http.post(keys, json={"name": "soon revoked"}))
    second = client(organization.url, made["rawKey"])
    path = f"{year.path}/files/{stored}/download-url"
    url = good(second.post(path))["url"]
    assert httpx.get(url).status_code == 200
    good(organization.http.delete(f"{keys}/{made['id']}"))
    others_forget()
    refused(httpx.get(url), 403, "AccessDenied")

    member = organization.member("writer")
    url = good(member.post(path))["url"]
    assert httpx.get(url).status_code == 200
    email = next(
        each["email"]
        for each in good(
            organization.http.get(f"/consigne/v1/spaces/{organization.short}/members")
        )["members"]
        if each["role"] == "writer"
    )
    place = f"/consigne/v1/spaces/{organization.short}/members/{email}"
    assert client(organization.url, KEY).delete(place).status_code == 204
    others_forget()
    refused(httpx.get(url), 403, "AccessDenied")


def test_a_quarantined_content(year: Year) -> None:
    """AR-60, C-25, C-41: 403 here, 422 at download-url; and every refusal has a row."""
    assert TABLE.missing() == []
    row = TABLE.row(errors.Infected())
    assert (row.status, row.code) == (403, "AccessDenied")
    for kind in errors.leaves():
        assert 400 <= TABLE.row(kind()).status <= 503


def test_curl(year: Year, tmp_path: Path) -> None:
    """AR-30: our URLs work as they are with curl: PUT, HEAD, range, DELETE."""

    def curl(*arguments: str) -> str:
        command = ["curl", "-sS", "--max-time", "20", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    body = tmp_path / "body"
    body.write_bytes(b"0123456789" * 1000)
    file = year.entry()["id"]
    code = ["-o", str(tmp_path / "answer"), "-w", "%{http_code}"]
    assert curl(*code, "-T", str(body), year.upload_url(file, 10_000)) == "200"
    good(year.post(file, "finalize"))
    url = year.url(file, "download-url")
    assert curl(url) == "0123456789" * 1000
    assert curl("-r", "10-14", url) == "01234"
    assert "content-length: 10000" in curl("-I", url).lower()
    assert curl(*code, "-X", "DELETE", year.url(file, "delete-url")) == "204"
    assert year.file(file)["size"] is None


def boto(server: RunningServer, pair: tuple[str, str], **options: Any) -> Any:
    import boto3
    from botocore.config import Config

    return boto3.client(
        "s3",
        endpoint_url=f"{server.url}/s3",
        aws_access_key_id=pair[0],
        aws_secret_access_key=pair[1],
        region_name="us-east-1",
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}, **options),
    )


def test_boto3_signs_with_an_issued_pair(server: RunningServer, year: Year, issue: Any) -> None:
    """C-42, AR-32: GET, HEAD of a storageKey and PUT to an open incoming key; nothing else."""
    organization = year.organization
    s3 = boto(server, issue(organization.short))
    stored = year.store(b"content", "été.txt", "text/plain")
    wanted = {"Bucket": organization.short, "Key": stored["storageKey"]}
    get = s3.generate_presigned_url("get_object", Params=wanted)
    assert httpx.get(get).content == b"content"
    head = s3.generate_presigned_url("head_object", Params=wanted)
    assert httpx.head(head).headers["content-length"] == "7"
    pinned = s3.generate_presigned_url("get_object", Params={**wanted, "VersionId": "9"})
    refused(httpx.get(pinned), 404, "NoSuchKey")
    delete = s3.generate_presigned_url("delete_object", Params=wanted)
    refused(httpx.delete(delete), 403, "AccessDenied")
    put = s3.generate_presigned_url("put_object", Params=wanted)
    refused(httpx.put(put, content=b"other"), 403, "AccessDenied")
    assert year.file(stored["id"]) == stored

    file = year.entry()["id"]
    incoming = urlsplit(year.upload_url(file, 5)).path.removeprefix(f"/s3/{organization.short}/")
    into = {"Bucket": organization.short, "Key": incoming}
    put = s3.generate_presigned_url("put_object", Params=into)
    refused(httpx.put(put, content=b"hello!"), 403, "SignatureDoesNotMatch")
    assert httpx.put(put, content=b"hello").status_code == 200
    refused(httpx.get(s3.generate_presigned_url("get_object", Params=into)), 404, "NoSuchKey")
    assert good(year.post(file, "finalize"))["size"] == 5
    refused(httpx.put(put, content=b"hello"), 403, "AccessDenied")


def test_a_pair_is_bound_to_its_space(
    server: RunningServer, year: Year, issue: Any, organization: Organization
) -> None:
    """C-01, C-42: another space's objects are not there; a revoked pair signs nothing."""
    other = found_organization(server).year()
    stored = other.store(b"content")
    access, secret = issue(organization.short)
    s3 = boto(server, (access, secret))
    url = s3.generate_presigned_url(
        "get_object", Params={"Bucket": other.organization.short, "Key": stored["storageKey"]}
    )
    refused(httpx.get(url), 403, "AccessDenied")
    key = {"Bucket": organization.short, "Key": stored["storageKey"]}
    refused(httpx.get(s3.generate_presigned_url("get_object", Params=key)), 404, "NoSuchKey")
    mine = year.store(b"mine")
    key = {"Bucket": organization.short, "Key": mine["storageKey"]}
    url = s3.generate_presigned_url("get_object", Params=key)
    assert httpx.get(url).content == b"mine"
    forged = boto(server, (access, secret + "x")).generate_presigned_url("get_object", Params=key)
    refused(httpx.get(forged), 403, "SignatureDoesNotMatch")
    command = [*COMMAND, "key", "revoke", access, "--data", str(server.data)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    refused(httpx.get(url), 403, "SignatureDoesNotMatch")


def test_boto3_replays_our_url(server: RunningServer, year: Year) -> None:
    """AR-30: the HTTP stack of boto3 sends our URLs unchanged and they hold."""
    from botocore.awsrequest import AWSRequest
    from botocore.httpsession import URLLib3Session

    session, file = URLLib3Session(), year.entry()["id"]
    url = year.upload_url(file, 5)
    put = AWSRequest("PUT", url, data=b"hello", headers={"Content-Length": "5"}).prepare()
    assert session.send(put).status_code == 200
    good(year.post(file, "finalize"))
    got = session.send(AWSRequest("GET", year.url(file, "download-url")).prepare())
    assert got.content == b"hello"
