"""Large files whose parts go to the object store by URLs of the native API (C-21, C-42)."""

import hashlib
import os
from typing import Any

import httpx
import pytest
from arrhes_support import Year, found_organization, good
from direct_support import Site
from tests.parts.server import KEY, RunningServer

MIB = 1 << 20
UPLOADS = "/consigne/v1/uploads"


@pytest.fixture
def http(year: Year) -> httpx.Client:
    """A client of an admin of a space of the test's own."""
    return year.http


def opened(http: httpx.Client, length: int, part_size: int | None = 6 * MIB) -> str:
    """Announce a file; return the path of its upload."""
    order = {"name": "large.bin", "length": length, "part_size": part_size}
    answer = http.post(UPLOADS, json=order)
    assert answer.status_code == 201, answer.text
    return f"{UPLOADS}/{answer.json()['id']}"


def urls(http: httpx.Client, path: str, *numbers: int) -> dict[int, dict[str, Any]]:
    """Ask for URLs of parts."""
    answer = good(http.post(f"{path}/urls", json={"parts": [{"number": n} for n in numbers]}))
    assert [each["number"] for each in answer["urls"]] == list(numbers)
    return {each["number"]: each for each in answer["urls"]}


def send(url: dict[str, Any], data: bytes, status: int = 200) -> None:
    """PUT a part as the answer says."""
    answer = httpx.put(url["url"], content=data, headers=url["headers"], timeout=60)
    assert answer.status_code == status, answer.text


def test_a_large_file(site: Site, http: httpx.Client, year: Year) -> None:
    """C-21, C-23, C-42: parts in any order, one of them twice and one through the server; what is
    missing is said; finish gives the file, once, and nothing incoming stays."""
    parts = [os.urandom(6 * MIB), os.urandom(6 * MIB), os.urandom(6 * MIB), os.urandom(1000)]
    whole = b"".join(parts)
    path = opened(http, len(whole))
    found = urls(http, path, 4, 1, 2)
    assert found[4]["headers"] == {"Content-Length": "1000"}
    assert found[4]["url"].startswith(site.store.endpoint)
    send(found[4], parts[3])
    send(found[1], bytes(6 * MIB))
    send(found[1], parts[0])
    seen = good(http.get(path))
    assert (seen["received"], seen["parts"], year.organization.books()) == (0, [], (0, len(whole)))
    missing = http.post(f"{path}/finish")
    assert (missing.status_code, missing.json()["code"]) == (409, "upload_incomplete")
    seen = good(http.get(path))
    assert [each["number"] for each in seen["parts"]] == [1, 4]
    assert seen["parts"][0]["sha256"] == hashlib.sha256(parts[0]).hexdigest()
    send(found[1], bytes(6 * MIB))  # late: part 1 is taken
    send(found[2], parts[1])
    good(http.put(f"{path}/parts/3", content=parts[2]))
    wrong = http.post(f"{path}/finish", json={"sha256": "00" * 32})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "digest_mismatch")
    done = http.post(f"{path}/finish", json={"sha256": hashlib.sha256(whole).hexdigest()})
    assert done.status_code == 201, done.text
    assert http.post(f"{path}/finish").json()["id"] == done.json()["id"]
    file = f"/consigne/v1/files/{done.json()['id']}/content"
    assert http.get(file, follow_redirects=True).content == whole
    assert http.get(file, headers={"Range": "bytes=6291450-6291461"}, follow_redirects=True
                    ).content == whole[6291450:6291462]  # fmt: skip
    assert year.organization.books() == (len(whole), 0)
    name = httpx.URL(found[1]["url"]).path.rpartition("/")[2]
    assert not [key for key in site.keys("incoming/") if name[:16] in key]


def test_wrong_bytes_are_refused_by_the_store(site: Site, http: httpx.Client) -> None:
    """C-42: another length, and other bytes than those that were named, are not stored."""
    data = os.urandom(1000)
    path = opened(http, 1000)
    md5 = hashlib.md5(data).hexdigest()
    (url,) = good(http.post(f"{path}/urls", json={"parts": [{"number": 1, "md5": md5}]}))["urls"]
    assert set(url["headers"]) == {"Content-Length", "Content-MD5"}
    for body, status in ((bytes(1000), 400), (data + b"x", 403), (data, 200)):
        headers = {"Content-MD5": url["headers"]["Content-MD5"]}
        answer = httpx.put(url["url"], content=body, headers=headers)
        assert answer.status_code == status, answer.text
    assert httpx.put(url["url"], content=data).status_code == 403  # a signed header is missing
    assert http.post(f"{path}/finish").json()["md5"] == md5


def test_a_store_that_let_a_wrong_length_in(site: Site, http: httpx.Client, year: Year) -> None:
    """C-21: finish looks at the size itself; the part can be sent again."""
    path = opened(http, 1000)
    url = urls(http, path, 1)[1]
    key = httpx.URL(url["url"]).path.removeprefix(f"/{site.store.bucket}/")
    site.store.client().put_object(Bucket=site.store.bucket, Key=key, Body=bytes(1001))
    refused = http.post(f"{path}/finish")
    assert (refused.status_code, refused.json()["code"]) == (400, "size_mismatch")
    assert key not in site.keys("incoming/")
    send(url, bytes(1000))
    assert http.post(f"{path}/finish").status_code == 201
    assert year.organization.books() == (1000, 0)


def test_what_is_refused(site: Site, http: httpx.Client) -> None:
    """Bad numbers and bodies, uploads without a part size or of somebody else, ended ones."""
    path = opened(http, 12 * MIB)

    def told(to: str, body: Any, by: httpx.Client = http) -> tuple[int, str]:
        answer = by.post(f"{to}/urls", json=body)
        return answer.status_code, answer.json()["code"]

    one = {"parts": [{"number": 1}]}
    for body in ({}, {"parts": []}, {"parts": [1]}, {"parts": [{"number": 0}]}, [], None,
                 {"parts": [{"number": 1, "md5": "zz"}]}, {"parts": [{"number": 1}] * 1001},
                 {"parts": [{"number": 1, "other": 1}]}):  # fmt: skip
        assert told(path, body) == (400, "bad_body"), body
    assert told(path, {"parts": [{"number": 3}]}) == (400, "bad_parameter")
    assert told(opened(http, 5 << 30, 5 << 30), one) == (400, "bad_parameter")
    unsized = http.post(UPLOADS, json={"name": "a"}).json()["id"]
    assert told(f"{UPLOADS}/{unsized}", one) == (400, "bad_parameter")
    assert told(f"{UPLOADS}/11111111-1111-4111-8111-111111111111", one)[0] == 404
    stranger = found_organization(site.server).http
    assert told(path, one, stranger) == (404, "upload_not_found")
    assert http.delete(path).status_code == 204
    assert told(path, one) == (404, "upload_not_found")
    short = opened(http, 0)
    assert http.post(f"{short}/finish").status_code == 201
    assert told(short, one) == (409, "upload_complete")


def test_an_upload_that_is_given_up(site: Site, http: httpx.Client, year: Year) -> None:
    """C-14: nothing is charged; what had arrived is nobody's, and cannot come back to life."""
    path = opened(http, 1000)
    url = urls(http, path, 1)[1]
    send(url, bytes(1000))
    assert http.delete(path).status_code == 204
    send(url, bytes(1000))
    assert http.post(f"{path}/finish").status_code == 404
    assert year.organization.books() == (0, 0)


def test_through_the_server_by_default(server: RunningServer) -> None:
    """C-22: without the setting there are no such URLs, and the refusal says what to do."""
    http = httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {KEY}"})
    path = opened(http, 10)
    refused = http.post(f"{path}/urls", json={"parts": [{"number": 1}]})
    assert (refused.status_code, refused.json()["code"]) == (409, "wrong_state")
    assert "PUT the parts" in refused.json()["hint"]
    assert http.delete(path).status_code == 204
