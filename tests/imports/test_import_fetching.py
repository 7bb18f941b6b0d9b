"""Files by URL: allowed hosts, public addresses, redirects, limits (DX-43, acceptance 16)."""

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

import msgspec
import pytest
from import_support import all_of, codes, imported, new_form, report
from tests.daxium.daxium_support import PNG
from tests.parts.sites import Site

from consigne.core.imports.fetching import FetchFailed
from consigne.jobs.fetching import Address, Fetcher
from consigne.settings import Settings

HOST = "files.example"
ROW = "userEmail,title,photo\nwriter@example.org,t,"


@dataclass
class Web:
    """A web server of a test's own; ``answers`` by path, ``seen`` the connections."""

    port: int = 0
    answers: dict[str, bytes] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)

    def url(self, path: str, host: str = HOST) -> str:
        return f"http://{host}:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        path = head.split(b" ")[1].decode()
        self.seen.append(path)
        writer.write(self.answers.get(path, b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"))
        await writer.drain()
        writer.close()

    def fetcher(
        self,
        *,
        found: Callable[[str], Sequence[str]] = lambda host: ["127.0.0.1"],
        is_allowed: Callable[[Address], bool] | None = None,
        hosts: Sequence[str] = (),
    ) -> Fetcher:
        """Return a fetcher for this server; ``found`` is what names resolve to."""

        async def resolve(host: str, port: int) -> Sequence[str]:
            return found(host)

        listed = [*hosts] or [f"{HOST}:{self.port}"]
        settings = Settings(import_fetch_hosts=listed, import_fetch_time=5)
        return Fetcher(settings, resolve=resolve, is_allowed=is_allowed)


def answer(body: bytes, status: str = "200 OK", *fields: str) -> bytes:
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *fields, "", ""]
    return "\r\n".join(head).encode() + body


def redirect(to: str) -> bytes:
    return answer(b"", "302 Found", f"Location: {to}")


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    web = Web()
    server = await asyncio.start_server(web.serve, "127.0.0.1", 0)
    web.port = server.sockets[0].getsockname()[1]
    yield web
    server.close()


def _loopback(address: Address) -> bool:
    return address.is_loopback


async def read(fetcher: Fetcher, url: str) -> bytes:
    async with fetcher.open(url) as got:
        return b"".join([piece async for piece in got.body])


async def test_a_file_by_url(site: Site, web: Web) -> None:
    """DX-42, DX-43, C-56: fetched over a redirect, linked; it belongs to who started the import."""
    web.answers = {
        "/old": redirect("/fa%C3%A7ade.png"),
        "/fa%C3%A7ade.png": answer(PNG, "200 OK", "Content-Type: image/png"),
    }
    typed = await new_form(site)
    fetcher = web.fetcher(is_allowed=_loopback)
    shown = await imported(site, typed, f"{ROW}{web.url('/old')}\n", fetcher=fetcher)
    assert shown.run.succeeded == 1
    (full,) = await all_of(site, typed)
    (placed,) = full.links
    assert placed.file.name == "façade.png"
    assert placed.file.owner_id == site.manager.principal_id
    assert await site.get(placed.file) == PNG


async def test_what_was_fetched_for_a_refused_row(site: Site, web: Web) -> None:
    """DX-43: it stays held; a fault of the download is one of its cell."""
    web.answers = {"/a.png": answer(PNG), "/b.png": answer(b"", "500 Oh")}
    typed = await new_form(site)
    text = f"userEmail,title,photo\nwriter@example.org,,{web.url('/a.png')}|{web.url('/b.png')}\n"
    shown = await imported(site, typed, text, fetcher=web.fetcher(is_allowed=_loopback))
    (row,) = await report(site, shown)
    assert codes(row) == ["FILE_DOWNLOAD_FAILED", "REQUIRED"]
    assert (await site.books())[0] == len(PNG) + len(text.encode())


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "::1",
     "fd00::1", "fe80::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "224.0.0.1"],
)  # fmt: skip
async def test_private_addresses(web: Web, address: str) -> None:
    """DX-43, acceptance 16: no connection is made, however the address is written."""
    web.answers = {"/a": answer(b"secret")}
    with pytest.raises(FetchFailed, match="public"):
        await read(web.fetcher(found=lambda host: [address]), web.url("/a"))
    assert web.seen == []


async def test_one_private_address_among_public_ones(web: Web) -> None:
    """DX-43"""
    with pytest.raises(FetchFailed, match="public"):
        await read(web.fetcher(found=lambda host: ["93.184.216.34", "127.0.0.1"]), web.url("/a"))


async def test_a_name_that_changes_its_mind(web: Web) -> None:
    """DX-43: each hop is checked at its connection, and goes to what was checked."""
    web.answers = {"/a": redirect(web.url("/b")), "/b": answer(b"secret")}
    asked: list[str] = []

    def rebinding(host: str) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    fetcher = web.fetcher(
        found=rebinding, is_allowed=lambda address: address == ipaddress.ip_address("127.0.0.1")
    )
    with pytest.raises(FetchFailed, match="public"):
        await read(fetcher, web.url("/a"))
    assert web.seen == ["/a"]


async def test_hosts(web: Web) -> None:
    """DX-43: only listed hosts and ports, at every hop; none by default."""
    web.answers = {"/a": redirect("http://other.example/x"), "/b": answer(b"bytes")}
    fetcher = web.fetcher(is_allowed=_loopback)
    assert await read(fetcher, web.url("/b")) == b"bytes"
    for url in (
        web.url("/a"), web.url("/b", "other.example"), f"http://{HOST}/b", f"https://{HOST}/b",
        f"http://u:p@{HOST}:{web.port}/b", "ftp://files.example/b", "http:///b", "file:///etc/x",
        f"http://{HOST}:99999/b", f"http://{HOST}.:{web.port}/b",
    ):  # fmt: skip
        with pytest.raises(FetchFailed):
            await read(fetcher, url)
    with pytest.raises(FetchFailed, match="not fetched from"):
        await read(Fetcher(Settings()), web.url("/b"))


async def test_redirects_and_bad_answers(web: Web) -> None:
    """DX-43: three redirects; what is cut short, encoded or no answer is no file."""
    web.answers = {
        **{f"/{n}": redirect(f"/{n + 1}") for n in range(6)},
        "/4": answer(b"here"),
        "/cut": answer(b"abc").replace(b": 3", b": 9"),
        "/zip": answer(b"abc", "200 OK", "Content-Encoding: gzip"),
        "/junk": b"what?\r\n\r\n",
    }
    fetcher = web.fetcher(is_allowed=_loopback)
    assert await read(fetcher, web.url("/1")) == b"here"
    for path in ("/0", "/cut", "/zip", "/junk", "/none"):
        with pytest.raises(FetchFailed):
            await read(fetcher, web.url(path))


async def test_too_large(site: Site, web: Web) -> None:
    """DX-43, DX-47: announced or not, a download ends at the limit."""
    web.answers = {
        "/a": answer(b"x" * 5000),
        "/b": b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"x" * 5000,
    }
    fetching = site.depot.importing._fetching
    fetching._settings = msgspec.structs.replace(fetching._settings, import_fetch_max_size=4000)
    typed = await new_form(site)
    text = f"{ROW}{web.url('/a')}\nwriter@example.org,t,{web.url('/b')}\n"
    shown = await imported(site, typed, text, fetcher=web.fetcher(is_allowed=_loopback))
    assert [codes(row) for row in await report(site, shown)] == [["FILE_TOO_LARGE"]] * 2
