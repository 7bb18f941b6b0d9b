"""Texts cut into passages: what is indexed, found and shown of a document.

A passage has at most 250 words, so that no database runs out of places for a word, and repeats the
last 16 words of the one before, so that up to 17 words that stand side by side do so in one
passage.
"""

import re
import unicodedata
from collections.abc import Iterator

import msgspec

from consigne.model.words import Token, stems_of, tokens

_WORDS = 250
_REPEATED = 16
_LONGEST = 4_000
# Characters that no text shows, nor can a database keep all of them.
_HIDDEN = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u200b-\u200f\u202a-\u202e"
                     "\u2060-\u2069\ud800-\udfff\ufeff\uffff]")  # fmt: skip
# A word that a line has cut in two.
_CUT = re.compile(r"(?<=[^\W\d_])(?:[-\u00ad\u2010]|\x02|\ufffe)[^\S\n]*\r?\n\s*(?=[^\W\d_])")
_LOST = re.compile("[\x02\ufffe]")
_BLANKS = re.compile(r"\s+")
_RUN = re.compile(r"\S{200,}")


class Passage(msgspec.Struct, frozen=True):
    """A piece of a text as people read it, its words in order, and their stems."""

    body: str
    words: list[str]
    stems: list[str]


def clean_text(text: str) -> str:
    """Return a text on one line, in NFC, without what cannot be seen; noise is cut short.

    >>> clean_text("Fac-\\ntures  de\\x00\\nl'été")
    "Factures de l'été"
    """
    joined = _LOST.sub(" ", _CUT.sub("", text))
    seen = _BLANKS.sub(" ", _HIDDEN.sub("", joined)).strip()
    return unicodedata.normalize("NFC", _RUN.sub(lambda run: run[0][:100] + "…", seen))


def passages_of(text: str) -> Iterator[Passage]:
    """Yield the passages of a clean text; none where it has no word."""
    held: list[Token] = []
    fresh = 0
    for token in tokens(text):
        if held and (len(held) >= _WORDS or token.end - held[0].start > _LONGEST):
            yield _passage(text, held)
            held, fresh = _tail(held, token), 0
        held.append(token)
        fresh += 1
    if fresh:
        yield _passage(text, held)


def _tail(held: list[Token], following: Token) -> list[Token]:
    """Return the words that the next passage repeats; not across a long gap."""
    near = following.end - _LONGEST // 2
    return [token for token in held[-_REPEATED:] if token.start > near]


def passage_of(body: str) -> Passage:
    """Return a passage by its text."""
    return _indexed(body, [token.word for token in tokens(body)])


def _passage(text: str, held: list[Token]) -> Passage:
    start, end = held[0].start, held[-1].end
    # With what is around the first and the last word, such as a quotation mark or a full stop.
    start = text.rfind(" ", max(0, start - 8), start) + 1 or start
    stop = text.find(" ", end, end + 8)
    if stop < 0:
        stop = len(text) if len(text) < end + 8 else end
    return _indexed(text[start:stop], [token.word for token in held])


def _indexed(body: str, words: list[str]) -> Passage:
    return Passage(body, words, list(dict.fromkeys(s for word in words for s in stems_of(word))))
