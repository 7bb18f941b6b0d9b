"""Credentials, envelope, methods and routes: what stands before every verb (DY-01..09, DY-31)."""

import html
import json
import socket

import httpx
import pytest
from dynacase_support import (
    PDF,
    Person,
    Space,
    client,
    file_of,
    found_space,
    good,
    refused,
    token_of,
)
from tests.parts.server import RunningServer, ServerStarter


def anonymous(space: Space) -> httpx.Client:
    return client(space.url, None)


class TestCredentials:
    """DY-04 to DY-06."""

    def test_every_kind(self, space: Space, ana: Person) -> None:
        """DY-04: access_token, token, Bearer, Basic with a password or a key."""
        path = f"/api/file/{token_of(ana.temporary())}"
        made = client(space.url, ana.token).post("/consigne/v1/keys", json={"name": "k"})
        key = made.json()["key"]
        http = anonymous(space)
        for headers in (
            {"Authorization": f"token {key}"},
            {"Authorization": f"Token {key}"},
            {"Authorization": f"Bearer {key}"},
            {"Authorization": f"Bearer {ana.token}"},
        ):
            file_of(http.get(path, headers=headers))
        for login in ((ana.email, ana.password), (ana.email, key), ("", key)):
            file_of(http.get(path, auth=login))
        file_of(http.get(f"{path}?access_token={key}"))
        file_of(http.get(f"{path}?access_token={key}", headers={"Authorization": "Bearer bad"}))

    def test_first_present_wins(self, space: Space, ana: Person) -> None:
        """DY-04: a bad access_token is not made good by a header."""
        got = ana.http.get("/api/file/x?access_token=bad")
        refused(got, 401, "CSG0401", "User must be authenticated")

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"Authorization": "Bearer"},
            {"Authorization": "token"},
            {"Authorization": "Bearer nonsense"},
            {"Authorization": "Basic !!!"},
            {"Authorization": "Basic bm9ib2R5Ondyb25n"},
            {"Authorization": "Digest x"},
        ],
    )
    def test_none_or_bad(self, space: Space, headers: dict[str, str]) -> None:
        """DY-04, DY-07, acceptance 25: 401 in the envelope, whatever the path."""
        for path in ("/api/file/x", "/api/nothing", "/file/1/2/-1/a/b", "/api/documents/1"):
            got = anonymous(space).get(path, headers=headers)
            refused(got, 401, "CSG0401", "User must be authenticated")
            assert got.headers["www-authenticate"] == 'Basic realm="Consigne"'

    def test_a_key_of_another(self, space: Space, ana: Person, ben: Person) -> None:
        """DY-04: a key as a password goes with its owner's name only."""
        made = client(space.url, ben.token).post("/consigne/v1/keys", json={"name": "k"})
        got = anonymous(space).get("/api/file/x", auth=(ana.email, made.json()["key"]))
        refused(got, 401, "CSG0401")

    def test_access_token_in_no_log(self, start_server: ServerStarter) -> None:
        """DY-04: the token of a query never reaches the log."""
        server = start_server(env={"CONSIGNE_ACCESS_LOG": "true"})
        space = found_space(server)
        http = anonymous(space)
        path = f"/api/file?access_token={space.key}"
        file_of(http.post(path, content=b"x"), 201)
        refused(http.get(f"/api/file/zz?access_token={space.key}"), 404, "CRUD0617")
        refused(http.get(f"/api/no/route?access_token={space.key}"), 404, "API0004")
        assert "/api/file" in server.log
        assert space.key not in server.log

    def test_foreign_origin(self, start_server: ServerStarter) -> None:
        """DY-04: a write with Basic from a page of a foreign origin is refused; reads are not."""
        server = start_server(
            env={
                "CONSIGNE_PUBLIC_URL": "https://files.example.org",
                "CONSIGNE_CORS_ORIGINS": "https://app.example.org",
            }
        )
        space = found_space(server)
        ana = space.member()
        http, login = anonymous(space), (ana.email, ana.password)
        place = f"/api/file?space={space.short}"
        for origin in ("https://evil.example.org", "null", "http://files.example.org"):
            headers = {"Origin": origin}
            got = http.post(place, content=b"x", auth=login, headers=headers)
            refused(got, 403, "CSG0403", "Request refused")
            override = headers | {"X-HTTP-Method-Override": "PUT"}
            got = http.post("/api/file/x", content=b"x", auth=login, headers=override)
            refused(got, 403, "CSG0403")
            refused(http.get("/api/file/x", auth=login, headers=headers), 404, "CRUD0617")
            token = headers | {"Authorization": f"Bearer {space.key}"}
            file_of(http.post("/api/file", content=b"x", headers=token), 201)
        for origin in ("https://files.example.org", "https://APP.example.org"):
            got = http.post(place, content=b"x", auth=login, headers={"Origin": origin})
            assert file_of(got, 201)["uri"].startswith("https://files.example.org/api/files/")

    def test_limited_key(self, space: Space) -> None:
        """DY-06: a key that lacks the method: 403 CRUD0105, override or not; HEAD goes with GET."""
        made = space.native(
            "POST", "/keys", 201, json={"name": "r", "space": space.short, "methods": ["GET"]}
        )
        http = client(space.url, made["key"])
        text = "Method not allowed for this key"
        for method in ("POST", "PUT", "DELETE"):
            refused(http.request(method, "/api/file/x"), 403, "CRUD0105", text)
        refused(http.get("/api/file/x"), 404, "CRUD0617")
        assert http.head("/api/file/x").status_code == 404
        only_post = space.native(
            "POST", "/keys", 201, json={"name": "p", "space": space.short, "methods": ["POST"]}
        )
        http = client(space.url, only_post["key"])
        headers = {"X-HTTP-Method-Override": "DELETE"}
        refused(http.post("/api/file/x", headers=headers), 403, "CRUD0105")

    def test_failed_log_ins_are_limited(self, start_server: ServerStarter) -> None:
        """DY-04, C-06: failures of one account end in 429 CSG0429 with Retry-After."""
        server = start_server(env={"CONSIGNE_LOGIN_FAILURES": "3"})
        http = httpx.Client(base_url=server.url)
        codes = []
        for _ in range(5):
            got = http.get("/api/file/x", auth=("admin@example.org", "wrong password"))
            codes.append(got.json()["messages"][0]["code"])
        assert codes == ["CSG0401"] * 3 + ["CSG0429"] * 2
        assert int(got.headers["retry-after"]) > 0


class TestEnvelope:
    """DY-07 and DY-08."""

    def test_code_uri_base(self, start_server: ServerStarter) -> None:
        """DY-07: the address of a code has a configured base."""
        server = start_server(env={"CONSIGNE_DYNACASE_CODE_URI": "https://doc.example.org/c/"})
        got = httpx.get(f"{server.url}/api/file/x").json()
        assert got["messages"][0]["uri"] == "https://doc.example.org/c/CSG0401.html"

    def test_api_version(self, space: Space) -> None:
        """DY-08: this version is told and asked for; another is 400."""
        good_one = space.http.get("/api/file/x", headers={"X-DCP-Api-Version": "1"})
        refused(good_one, 404, "CRUD0617")
        got = space.http.post("/api/file", content=b"x", headers={"X-DCP-Api-Version": "2"})
        refused(got, 400, "CSG0400", "Unknown API version")
        assert space.files() == []

    def test_html(self, space: Space) -> None:
        """DY-64, acceptance 27: `?alt=html` is the same JSON, escaped in a textarea."""
        name = "%3C%2Ftextarea%3E%3Cscript%3Ea.txt"
        got = space.http.post(f"/api/file?alt=html&filename={name}", content=b"x")
        assert got.status_code == 201
        assert got.headers["content-type"] == "text/html; charset=utf-8"
        start, end = "<html><body><textarea>", "</textarea></body></html>"
        assert got.text.startswith(start)
        assert got.text.endswith(end)
        inner = got.text[len(start) : -len(end)]
        assert "<" not in inner
        name = json.loads(html.unescape(inner))["data"]["file"]["fileName"]
        assert name == "textarea><script>a.txt"
        refusal = space.http.get("/api/file/x?alt=html")
        assert refusal.status_code == 404
        assert "CRUD0617" in refusal.text
        assert "<textarea>" in refusal.text

    def test_accept_never_refuses(self, space: Space) -> None:
        """DY-01: `Accept` never refuses."""
        got = space.http.get("/api/file/x", headers={"Accept": "image/png"})
        refused(got, 404, "CRUD0617")


class TestMethods:
    """DY-09 and DY-31."""

    def test_override(self, space: Space) -> None:
        """DY-09, acceptance 27: a POST stands for PUT or DELETE."""
        path = f"/api/file/{token_of(file_of(space.http.post('/api/file', content=PDF), 201))}"
        headers = {"X-HTTP-Method-Override": "put"}
        assert file_of(space.http.post(path, content=b"new", headers=headers))["size"] == 3
        headers = {"X-HTTP-Method-Override": "DELETE"}
        assert good(space.http.post(path, headers=headers)) is None
        for word in ("PATCH", "GET", "x"):
            got = space.http.post(path, headers={"X-HTTP-Method-Override": word})
            refused(got, 400, "API0008", "Unknown override")
        refused(space.http.get(path, headers=headers), 404, "CRUD0617")

    @pytest.mark.parametrize(
        ("method", "path", "allowed"),
        [
            ("GET", "/api/files", "POST"),
            ("PUT", "/api/files", "POST"),
            ("DELETE", "/api/file", "POST"),
            ("POST", "/api/files/aaaaaaaaaaaaaa", "DELETE, GET, HEAD, PUT"),
            ("PATCH", "/api/documents/1/file/a", "DELETE, GET, HEAD, POST, PUT"),
            ("PATCH", "/api/documents/1/file/a/0", "DELETE, GET, HEAD, POST, PUT"),
            ("POST", "/api/documents/1", "DELETE, GET, HEAD, PUT"),
            ("POST", "/api/families/F/1", "DELETE, GET, HEAD, PUT"),
            ("POST", "/api/families/F/documents/1", "DELETE, GET, HEAD, PUT"),
            ("GET", "/api/families/F", "POST"),
            ("GET", "/api/documents", ""),
            ("POST", "/api/documents/", ""),
            ("GET", "/api/families.json", ""),
            ("DELETE", "/api/trash", ""),
            ("PUT", "/api/trash/12", ""),
            ("POST", "/api", "GET, HEAD"),
            ("PUT", "/file/1/2/-1/a/b.pdf", "GET, HEAD"),
        ],
    )
    def test_501(self, space: Space, method: str, path: str, allowed: str) -> None:
        """DY-09, DY-31, DY-66, acceptance 25: a method that a path lacks is 501, with Allow."""
        got = space.http.request(method, path)
        refused(got, 501, "CRUD0103", "Method not available")
        assert got.headers["allow"] == allowed

    @pytest.mark.parametrize(
        ("path", "status", "code"),
        [
            ("/api/files/x.xml", 400, "API0005"),
            ("/api/documents/1/file/a.png", 400, "API0005"),
            ("/api/files/x.json.xml", 400, "API0005"),
            ("/api/nothing", 404, "API0004"),
            ("/api/nothing.xml", 404, "API0004"),
            ("/api/v2/temporaryFiles/", 404, "API0004"),
            ("/api/v11/documents/1.json", 404, "API0004"),
            ("/api/documents/1/file/a/0/1", 404, "API0004"),
            ("/api/documents//file/a", 404, "API0004"),
            ("/api/documents/1/enumerates/x", 404, "API0004"),
            ("/file", 404, "API0004"),
            ("/file/1/2", 404, "API0004"),
        ],
    )
    def test_unknown_routes(self, space: Space, path: str, status: int, code: str) -> None:
        """DY-01, DY-66, acceptance 25: unknown suffix, unknown route; what lies beside level 2."""
        refused(space.http.get(path), status, code)

    def test_home(self, space: Space) -> None:
        """DY-31: a page about the resources, for anybody."""
        for path in ("/api", "/api/"):
            got = anonymous(space).get(path)
            assert got.status_code == 200
            assert got.headers["content-type"] == "text/html; charset=utf-8"
            assert "/api/file" in got.text
        assert anonymous(space).head("/api/").content == b""

    def test_reserved_segments(self, server: RunningServer) -> None:
        """DY-05: `api` and `file` are no names of spaces."""
        with server.client() as http:
            for short in ("api", "file"):
                got = http.post("/consigne/v1/spaces", json={"short": short})
                assert got.status_code == 400

    @pytest.mark.embedded("nginx answers 100 by itself")
    def test_expect_continue(self, space: Space) -> None:
        """DY-62: who waits for 100 Continue is refused without sending a byte."""
        head = (
            "POST /api/documents/1/file/a HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Bearer {space.key}\r\nContent-Length: 5000000\r\n"
            "Expect: 100-continue\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", space.port), timeout=10) as connection:
            connection.sendall(head.encode())
            assert connection.recv(32).startswith(b"HTTP/1.1 404")
