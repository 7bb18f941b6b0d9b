"""Words, stems, accents, phrases and prefixes: the same hits on both databases."""

from collections.abc import Awaitable, Callable

import pytest
from search_support import Finder, in_text, marked
from tests.parts.sites import Site

from consigne.errors import BadParameter
from consigne.model.query import Field, Op, Term

Reading = Callable[[], Awaitable[None]]

LETTERS = {
    "lettre.txt": "Veuillez trouver ci-joint la facture de l'entreprise Générale d'Électricité.",
    "letter.txt": "Please find enclosed two invoices for the electrical works in Orléans.",
    "devis.txt": "Devis n° 2026-118 pour Cœur & Fils : 1 234,56 € hors taxes, 12 mois.",
    "note.txt": "Rien d'utile ici, sinon la facturation des généraux.",
}


@pytest.fixture
async def letters(site: Site, reading: Reading) -> None:
    for name, text in LETTERS.items():
        await site.put(text.encode(), name)
    await reading()


@pytest.mark.usefixtures("letters")
@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("facture", ["note.txt", "lettre.txt"]),
        ("FACTURES", ["note.txt", "lettre.txt"]),
        ("facturé", ["note.txt", "lettre.txt"]),
        ("electricite", ["lettre.txt"]),
        ("ÉLECTRICITÉ generale", ["lettre.txt"]),
        ("entreprises", ["lettre.txt"]),
        ("invoice", ["letter.txt"]),
        ("invoicing ", ["letter.txt"]),
        ("work orleans", ["letter.txt"]),
        ("coeur", ["devis.txt"]),
        ("Cœur", ["devis.txt"]),
        ("2026-118", ["devis.txt"]),
        ("2026-1", ["devis.txt"]),
        ("118-2026", []),
        ("1234", []),
        ('"1 234,56"', ["devis.txt"]),
        ("fact", ["note.txt", "lettre.txt"]),
        ("fact ", []),
        ("elec", ["letter.txt", "lettre.txt"]),
        ('"la facture"', ["lettre.txt"]),
        ('"la factures"', []),
        ('"facture la"', []),
        ('"la fact', ["note.txt", "lettre.txt"]),
        ("« la facture »", ["lettre.txt"]),
        ("de la facture de l'entreprise", ["lettre.txt"]),
        ("lettre.txt", ["lettre.txt"]),
        ("devis", ["devis.txt"]),
        ("facture invoice", []),
        ("rien utile", ["note.txt"]),
        ("txt", ["note.txt", "devis.txt", "letter.txt", "lettre.txt"]),
        ("' \" OR 1=1 * AND NOT (", []),
        ("w1.facture", []),
        ("facture:* | <-> & !", ["note.txt", "lettre.txt"]),
    ],
)
async def test_questions(find: Finder, question: str, names: list[str]) -> None:
    """C-55: words without case and accents, French and English stems, phrases, and the last word
    as one types it; signs of either database's language mean nothing.
    """
    assert await find(question) == names


@pytest.mark.usefixtures("letters")
@pytest.mark.parametrize("question", ["", "  ", "!?", '""', "x" * 1001])
async def test_no_question(find: Finder, question: str) -> None:
    """A question without a word, or one that is too long, is said to be none."""
    with pytest.raises(BadParameter):
        await find(question)


async def test_names_fields_and_tags(site: Site, find: Finder) -> None:
    """Names, metadata and tags are found at once, also after a change, and rank in that order."""
    named = await site.put(b"\0a", "Contrat Dupont.bin")
    await site.put(b"\0b", "b.bin", fields={"client": "Société Dupont", "ville": "Lyon"})
    await site.put(b"\0c", "c.bin", tags=["dupont", "à payer"])
    assert await find("dupont") == ["Contrat Dupont.bin", "c.bin", "b.bin"]
    assert await find("payé") == ["c.bin"]
    assert await find('"dupont lyon"') == []
    assert await find("dupont lyon") == ["b.bin"]
    await site.depot.vault.change(site.writer, named.id, name="Marché Martin.bin", tags=["urgent"])
    assert await find("dupont") == ["c.bin", "b.bin"]
    assert await find("marches urgents") == ["Marché Martin.bin"]
    size = Term(Field.NAME, Op.EQUAL, "b.bin")
    assert await find("dupont", None, size) == ["b.bin"]


async def test_rank_and_pages(site: Site, find: Finder, reading: Reading) -> None:
    """Name before metadata before text, all words in one passage before others, newest first; a
    page goes on behind the last hit, whatever has come in between.
    """
    far = "acompte " + "mot " * 600 + "solde"
    for name, text in (("loin.txt", far), ("pres.txt", "acompte et solde"), ("x.txt", "solde")):
        await site.put(text.encode(), name)
    await site.put(b"acompte", "solde.txt")
    await reading()
    assert await find("acompte solde") == ["solde.txt", "pres.txt", "loin.txt"]
    first = await find.results("solde", limit=2)
    assert (first.total, [hit.file.name for hit in first.hits]) == (4, ["solde.txt", "x.txt"])
    await site.put(b"solde neuf", "neuf.txt")
    await reading()
    rest = await find.results("solde", limit=2, after=first.after)
    assert [hit.file.name for hit in rest.hits] == ["pres.txt", "loin.txt"]
    assert rest.after is None
    assert rest.total == 5


@pytest.mark.usefixtures("letters")
async def test_snippets(site: Site, find: Finder, reading: Reading) -> None:
    """A hit shows where it was found, with marks at the words as they are written there."""
    hit = (await find.results("factures entreprise")).hits[0]
    (snippet,) = in_text(hit)
    assert marked(snippet) == ["facture", "entreprise"]
    assert snippet.text == LETTERS["lettre.txt"]
    long = "Préambule. " * 200 + "La <b>clause</b> de résiliation & autres. " + "Suite. " * 200
    await site.put(long.encode(), "clause.txt", fields={"objet": "Clause pénale"}, tags=["clauses"])
    await reading()
    hit = (await find.results("clauses résilié")).hits[0]
    assert [(s.place, s.key, marked(s)) for s in hit.snippets if s.place != "text"] == [
        ("name", None, ["clause"]),
        ("meta", "objet", ["Clause"]),
        ("tag", None, ["clauses"]),
    ]
    assert marked(in_text(hit)[0]) == ["clause", "résiliation"]
    assert len(in_text(hit)[0].text) < 250
    assert "<b>" in in_text(hit)[0].text
    phrase = (await find.results('"autres suite suite"')).hits[0]
    assert marked(in_text(phrase)[0]) == ["autres. Suite. Suite"]


async def test_long_texts(site: Site, find: Finder, reading: Reading) -> None:
    """C-55: neither database runs out of places for a word: what stands far behind, or often, is
    found as what stands in front; what is beyond the setting is not.
    """
    often = "encore " * 9_000 + "fin du texte, " + "encore " * 6_000 + "jamais lu"
    await site.put(often.encode(), "long.txt")
    await reading()
    assert await find('"encore fin du texte"') == ["long.txt"]
    assert await find('"texte encore encore"') == ["long.txt"]
    assert await find("jamais") == []
