"""Posting lends nobody our place in the network (DY-58)."""

import ipaddress
import socket
from typing import Any

import pytest
from receiver import Receiver

from consigne.jobs.posting import Poster, is_public

PRIVATE = [
    "127.0.0.1",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "::1",
    "::",
    "fe80::1",
    "fc00::1",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "64:ff9b::a00:1",
    "2002:a00:1::",
    "224.0.0.1",
    "ff02::1",
    "255.255.255.255",
    "192.0.2.1",
    "2001:db8::1",
    "198.18.0.1",
    "240.0.0.1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_public_addresses(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


async def test_this_machine_is_refused_by_default(receiver: Receiver) -> None:
    """Private and loopback addresses are refused however they are spelled (DY-58)."""
    poster = Poster([])
    for host in ("127.0.0.1", "localhost", "[::1]", "127.1", "2130706433", "[::ffff:127.0.0.1]"):
        attempt, said = await poster.post(f"http://{host}:{receiver.port}/", {}, b"{}", 5)
        assert attempt.status is None, host
        assert "private address" in str(attempt.error), (host, attempt)
        assert said == b""
    assert receiver.got == []
    await poster.close()


async def test_what_is_allowed(receiver: Receiver) -> None:
    """By name, address or network, and nothing beside it."""
    for allowed in (["127.0.0.1"], ["127.0.0.0/8"], ["10.0.0.0/8", "127.0.0.1/32"], ["*"]):
        poster = Poster(allowed)
        attempt, _ = await poster.post(receiver.url, {}, b"{}", 5)
        assert attempt.status == 204, allowed
        await poster.close()
    poster = Poster(["localhost", "10.0.0.0/8"])
    attempt, _ = await poster.post(receiver.url, {}, b"{}", 5)
    assert attempt.status is None
    attempt, _ = await poster.post(receiver.url.replace("127.0.0.1", "localhost"), {}, b"{}", 5)
    assert attempt.status == 204
    await poster.close()


async def test_a_name_that_changes_its_mind_gains_nothing(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address that was checked is the one that is connected to (DNS rebinding)."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def rebinding(host: Any, port: Any, *args: Any, **options: Any) -> Any:
        if host != "rebind.example":
            return real(host, port, *args, **options)
        asked.append(host)
        address = "192.0.2.77" if len(asked) % 2 else "127.0.0.1"
        address = "127.0.0.1" if len(asked) > 1 else "93.184.216.34"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    connected: list[str] = []

    class Inner:
        async def connect_tcp(self, host: str, *_: Any, **__: Any) -> Any:
            connected.append(host)
            raise OSError("not from here")

    from consigne.jobs.posting import _Guard

    guard = _Guard([])
    monkeypatch.setattr(guard, "_inner", Inner())
    with pytest.raises(OSError, match="not from here"):
        await guard.connect_tcp("rebind.example", 80)
    assert (asked, connected) == (["rebind.example"], ["93.184.216.34"])
    with pytest.raises(Exception, match="private address"):
        await guard.connect_tcp("rebind.example", 80)
    assert connected == ["93.184.216.34"]
    assert receiver.got == []


async def test_answers_are_bounded_and_redirects_not_followed(receiver: Receiver) -> None:
    """A receiver can neither fill our memory nor send us elsewhere."""
    poster = Poster(["127.0.0.1"])
    receiver.answer = lambda got: (200, b"x" * 50_000_000)
    attempt, said = await poster.post(receiver.url, {}, b"{}", 20)
    assert (attempt.status, len(said)) == (200, 64 << 10)
    assert len(attempt.response or "") == 1000
    elsewhere = {"location": receiver.url.replace("/hook", "/elsewhere")}
    receiver.answer = lambda got: (307, b"", elsewhere)
    attempt, _ = await poster.post(receiver.url, {}, b"{}", 5)
    assert (attempt.status, attempt.error) == (307, "HTTP 307")
    assert {got.path for got in receiver.got} == {"/hook"}
    receiver.answer = lambda got: (503, b"", {"retry-after": "120"})
    attempt, _ = await poster.post(receiver.url, {}, b"{}", 5)
    assert attempt.retry_after == 120
    await poster.close()


async def test_nobody_there() -> None:
    """A closed port, an unknown host, silence: an error in words, in time."""
    poster = Poster(["*"])
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        closed = silent.getsockname()[1]
    attempt, _ = await poster.post(f"http://127.0.0.1:{closed}/", {}, b"{}", 5)
    assert attempt.status is None
    assert attempt.error
    attempt, _ = await poster.post("http://no-such-host.invalid/", {}, b"{}", 10)
    assert attempt.error
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        attempt, _ = await poster.post(url, {}, b"{}", 0.3)
        assert attempt.error == "No answer within 0.3 seconds."
    await poster.close()
