"""A lease holder whose process has ended need not be waited for."""

import subprocess
import sys

import pytest

from consigne.core.holders import is_dead, new_holder

PRINT = "from consigne.core.holders import new_holder; print(new_holder())"


def test_a_live_process_is_not_dead() -> None:
    """C-23: names are fresh, and this process lives."""
    first, second = new_holder(), new_holder()
    assert first != second
    assert not is_dead(first)


def test_an_ended_process_is_dead() -> None:
    """C-23: seen at once by another process of the same machine."""
    done = subprocess.run([sys.executable, "-c", PRINT], capture_output=True, text=True, check=True)
    assert is_dead(done.stdout.strip())


def test_a_reused_process_number_is_another_process() -> None:
    """C-23: the start time tells them apart."""
    place, _, nonce = new_holder().rpartition("/")
    where, pid, started = place.rsplit(":", 2)
    assert is_dead(f"{where}:{pid}:{int(started) - 1}/{nonce}")


@pytest.mark.parametrize("holder", ["", "0123456789abcdef", "other-boot:1:2:3/ab", "x/y", ":::/"])
def test_what_cannot_be_seen_is_not_dead(holder: str) -> None:
    """C-23: names of other machines, and of older versions, are waited for."""
    assert not is_dead(holder)
