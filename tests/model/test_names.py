"""The one name rule: whatever comes in, what is stored is a clean name or none (C-31)."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from consigne.errors import BadName
from consigne.model.names import clean_label, clean_name, extension_of, fold, require_label

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
texts = st.text(st.characters() | st.sampled_from(BIDI + "/\\.\0\r\n\u2028e\u0301"), max_size=600)


@given(texts)
@example("e\u202e\u0301")
@example("a/..\u202e")
@example("x" * 300 + ".pdf")
@example("漢" * 400 + ".pdf")
@example("\ud800")
def test_a_clean_name(text: str) -> None:
    """NFC, no path, nothing hidden, within the limits; cleaning twice changes nothing."""
    name = clean_name(text)
    assert clean_name(name) == name
    assert unicodedata.normalize("NFC", name) == name
    assert name not in (".", "..")
    assert not set(name) & set("/\\\0\r\n\u2028\u2029" + BIDI)
    assert not any(unicodedata.category(c) in ("Cc", "Cs") for c in name)
    assert name == name.strip()
    assert len(name) <= 256
    assert len(name.encode()) <= 1024


@given(texts)
@example("e\u202e\u0301")
def test_a_label(text: str) -> None:
    """As a name, but slashes are ordinary; refused where nothing is left or it is too long."""
    label = clean_label(text)
    assert clean_label(label) == label
    assert unicodedata.normalize("NFC", label) == label
    if label and len(label) <= 256 and len(label.encode()) <= 1024:
        assert require_label(text) == label
    else:
        with pytest.raises(BadName):
            require_label(text)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Windows\\CON", "CON"),
        ("a\r\nSet-Cookie: b.txt", "aSet-Cookie: b.txt"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ('say "hi";.txt', 'say "hi";.txt'),
        ("e\u0301te\u0301.pdf", "été.pdf"),
        ("😀.png", "😀.png"),
        ("  .hidden  ", ".hidden"),
        ("..", ""),
        ("a/", ""),
        ("\0", ""),
    ],
)
def test_names_that_clients_send(text: str, name: str) -> None:
    """Paths, headers, disguises, accents, emoji: data, never more than that (pain 4)."""
    assert clean_name(text) == name


@pytest.mark.parametrize("stem", ["x" * 400, "漢" * 400, "é" * 400, "😀" * 400])
def test_a_cut_name_keeps_its_extension(stem: str) -> None:
    """The extension tells what it is, so it stays (C-31)."""
    name = clean_name(stem + ".pdf")
    assert name.endswith(".pdf")
    assert stem.startswith(name.removesuffix(".pdf"))
    assert len(name) == 256 or len(name.encode()) > 1024 - 4


@given(texts)
def test_folding_is_stable(text: str) -> None:
    """Names that differ in case only are the same to a search."""
    assert fold(fold(text)) == fold(text)


def test_extensions() -> None:
    """Lower case, without the dot; a hidden file has none."""
    assert extension_of("a.B.PDF") == "pdf"
    assert extension_of(".profile") == ""
    assert extension_of("none") == ""
