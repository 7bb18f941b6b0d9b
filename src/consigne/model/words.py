"""Words as they are indexed and looked for: one rule for text, names and questions (C-55).

Databases cut texts into words each in its own way. So that both give the same answers, all of that
is done here: a word is a run of letters and digits, without case and accents (``œ`` is ``oe``),
without an elided article before it (*l'*, *d'*, *qu'*) and a possessive *'s* behind it. Its stems
are the French and the English one, taken after folding, so that *général* and *general* agree.

A question is words, all of which must be found somewhere; ``"quoted words"`` stand side by side and
as they are; the last word may go on, so that it finds what one is about to type.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

import msgspec
import Stemmer

RULES = 1
"""Number of these rules; what was indexed under another one must be indexed again."""

MAX_NEEDLES = 16
_LONGEST_WORD = 64
_SHORTEST_STEMMED = 3
_SHORTEST_OPEN = 2
# A word of the text, and the same where it stands between marks of elision.
_WORD = re.compile(
    r"(?:(?<!\w)(?:[cdjlmnst]|qu|jusqu|lorsqu|puisqu|quoiqu)['’])?([^\W_]+)(?:['’]s(?!\w))?",
    re.IGNORECASE,
)
_LETTERS = str.maketrans({"œ": "oe", "æ": "ae", "ø": "o", "ł": "l", "đ": "d", "ħ": "h", "ı": "i"})
_QUOTED = re.compile(r'["“”«»]([^"“”«»]*)(["“”«»]?)|[^\s"“”«»]+')
# Words that nearly every text has: in a question they say nothing beside others.
_COMMON_WORDS = """
a au aux avec ce ces dans de des du elle en est et il je la le les leur ma mes ne nos notre nous on
ou par pas pour que qui sa sans se ses son sur un une vos votre vous
an and are as at be by for from in is it of or that the this to was with
"""
_COMMON = frozenset(_COMMON_WORDS.split())

_french, _english = Stemmer.Stemmer("french", 0), Stemmer.Stemmer("english", 0)


class Token(msgspec.Struct, frozen=True):
    """A word of a text: where it stands there, and its folded form."""

    start: int
    end: int
    word: str


class Needle(msgspec.Struct, frozen=True):
    """One part of a question. ``words`` side by side; ``is_exact``: not by their stems.

    ``is_open``: the last of the words may be the beginning of a longer one.
    """

    words: tuple[str, ...]
    is_exact: bool = False
    is_open: bool = False

    @property
    def stems(self) -> tuple[str, ...]:
        """The stems that will do as well; none where the words must be as they are."""
        return () if self.is_exact else stems_of(self.words[0])


def fold_word(word: str) -> str:
    """Return a word as it is indexed; empty where it has neither letter nor digit.

    >>> fold_word("Œuvré")
    'oeuvre'
    """
    if not word.isascii():
        spread = unicodedata.normalize("NFKD", word.casefold().translate(_LETTERS))
        word = "".join(c for c in spread if c.isalnum())
    return word[:_LONGEST_WORD].lower()


@lru_cache(maxsize=65_536)
def stems_of(word: str) -> tuple[str, ...]:
    """Return the stems of a folded word: French, English, once where they agree.

    >>> stems_of("factures"), stems_of("invoicing"), stems_of("2026")
    (('factur',), ('invoicing', 'invoic'), ('2026',))
    """
    if len(word) < _SHORTEST_STEMMED or not word.isascii() or not word.isalpha():
        return (word,)
    french, english = _french.stemWord(word), _english.stemWord(word)
    return (french,) if french == english else (french, english)


def tokens(text: str) -> Iterator[Token]:
    """Yield the words of a text that is in NFC."""
    for found in _WORD.finditer(text):
        word = fold_word(found[1])
        if word:
            yield Token(found.start(1), found.end(1), word)


def words_of(text: str) -> list[str]:
    """Return the folded words of any text.

    >>> words_of("L'Entreprise n° FA-2026/012 d’Éloïse")
    ['entreprise', 'n', 'fa', '2026', '012', 'eloise']
    """
    return [token.word for token in tokens(unicodedata.normalize("NFC", text))]


def needles_of(question: str) -> tuple[Needle, ...]:
    """Return what a question looks for; empty where it has no word. At most ``MAX_NEEDLES``.

    >>> [needle.words for needle in needles_of('facture de "Jean Dupont" 2026-0')]
    [('facture',), ('jean', 'dupont'), ('2026', '0')]
    """
    text = unicodedata.normalize("NFC", question)
    found: list[Needle] = []
    for part in _QUOTED.finditer(text):
        is_quoted, is_last = part[1] is not None, part.end() == len(text)
        words = tuple(words_of(part[1] if is_quoted else part[0]))
        if not words:
            continue
        is_telling = len(words) > 1 or len(words[0]) >= _SHORTEST_OPEN
        goes_on = is_last and not part[2] and is_telling
        needle = Needle(words, is_quoted or len(words) > 1, goes_on)
        if needle not in found:
            found.append(needle)
    telling = [n for n in found if n.is_exact or n.words[0] not in _COMMON]
    return tuple((telling or found)[:MAX_NEEDLES])


def marks(text: str, needles: tuple[Needle, ...]) -> list[tuple[int, int, int]]:
    """Return where needles stand in a text (NFC): start, end, number of the needle; in order."""
    found = list(tokens(text))
    hits: list[tuple[int, int, int]] = []
    for number, needle in enumerate(needles):
        stems, length = set(needle.stems), len(needle.words)
        for place, token in enumerate(found):
            side = found[place : place + length]
            if _agree(side, needle) or (stems and not stems.isdisjoint(stems_of(token.word))):
                hits.append((token.start, side[-1].end, number))
    return sorted(hits)


def _agree(side: list[Token], needle: Needle) -> bool:
    if len(side) < len(needle.words):
        return False
    *before, last = (token.word for token in side)
    if (*before,) != needle.words[:-1]:
        return False
    return last.startswith(needle.words[-1]) if needle.is_open else last == needle.words[-1]
