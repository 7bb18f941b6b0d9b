"""Identity: pure functions between a number and its spellings (C-30)."""

import threading
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consigne.model.identity import (
    MAX,
    Kind,
    from_decimal,
    from_letters,
    from_uuid,
    moment,
    new_id,
    to_letters,
    to_uuid,
)

numbers = st.integers(0, MAX)
kinds = st.sampled_from(Kind)


@given(kinds, numbers)
def test_a_number_survives_every_spelling(kind: Kind, number: int) -> None:
    """There and back, in any letter case (C-30)."""
    text = to_uuid(kind, number)
    assert from_uuid(kind, text) == number
    assert from_uuid(kind, text.upper()) == number
    assert uuid.UUID(text).version == 4
    assert str(uuid.UUID(text)) == text
    assert from_letters(to_letters(number)) == number
    assert from_decimal(str(number)) == number


@given(kinds, kinds, numbers)
def test_one_kind_is_never_taken_for_another(kind: Kind, other: Kind, number: int) -> None:
    """The checksum covers the kind (C-30)."""
    if kind is not other:
        assert from_uuid(other, to_uuid(kind, number)) is None


@given(kinds, numbers, st.integers(0, 35), st.sampled_from("0123456789abcdef-"))
def test_a_changed_character_is_noticed(kind: Kind, number: int, at: int, new: str) -> None:
    """A spelling that fails its checksum is unknown before any query (C-30)."""
    text = to_uuid(kind, number)
    changed = text[:at] + new + text[at + 1 :]
    if changed != text:
        assert from_uuid(kind, changed) is None


@given(st.text(max_size=40))
def test_any_text_is_a_number_or_none(text: str) -> None:
    """No spelling raises, whatever comes in."""
    for found in (from_uuid(Kind.FILE, text), from_letters(text), from_decimal(text)):
        assert found is None or 0 <= found <= MAX


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", " 1", "1 ", "1_0", "٣", str(MAX + 1), "9" * 20, "0x1", "1.0"]
)
def test_what_is_no_decimal(text: str) -> None:
    """ASCII digits in range and nothing else."""
    assert from_decimal(text) is None


@pytest.mark.parametrize("text", ["", "a" * 15, "a" * 17, "A" * 16, "z" * 16, "0" * 15 + "-"])
def test_what_is_no_letter_spelling(text: str) -> None:
    """16 characters of [0-9a-z] in range and nothing else."""
    assert from_letters(text) is None


@given(numbers, numbers)
def test_letters_do_not_show_what_is_near(one: int, other: int) -> None:
    """Different numbers have different spellings."""
    assert (to_letters(one) == to_letters(other)) == (one == other)


def test_ids_ascend() -> None:
    """What one process makes later has a larger number, in the same millisecond too."""
    made = [new_id() for _ in range(5000)]
    assert made == sorted(made)
    assert len(set(made)) == 5000
    fixed = moment(made[-1]) + 1000
    burst = [new_id(fixed) for _ in range(1000)]
    assert burst == sorted(set(burst))
    assert {moment(number) for number in burst} <= {fixed, fixed + 1}
    assert moment(new_id(12345)) == 12345
    new_id(2**41)
    after = [new_id() for _ in range(5000)]
    assert after == sorted(after)


def test_threads_never_make_the_same_id() -> None:
    """Ids of one process do not collide, however many threads make them."""
    made: list[int] = []

    def work() -> None:
        made.extend([new_id(2**41) for _ in range(2000)])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 8000
