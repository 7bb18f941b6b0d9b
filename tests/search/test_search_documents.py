"""Documents of every kind, and those that are damaged, locked or bombs."""

import struct
import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
from search_support import Finder, docx, in_text, marked, odf, packed, pptx, xlsx
from tests.parts.papers import INVOICE, encoded, encrypted_pdf, paper, text_pdf
from tests.parts.sites import Site

from consigne.catalog import jobs, texts
from consigne.model.entities import ContentText, File

Reading = Callable[[], Awaitable[None]]

SENTENCE = "Le château de l'évêque coûte 12 000 €."
HTML = (
    "<!DOCTYPE html><html><head><title>Château</title><style>p {{ color: évêque }}</style>"
    "<script>var coute = 1;</script></head><body><p>l&rsquo;&eacute;v<b>&ecirc;</b>que "
    "co&ucirc;te</p><!-- commentaire --></body></html>"
)


async def known(site: Site, file: File) -> ContentText | None:
    assert file.content_id is not None
    number = file.content_id
    return await site.depot.catalog.look(lambda tx: texts.of(tx, number))


async def failed(site: Site) -> int:
    return await site.depot.catalog.read(lambda tx: jobs.count(tx, kind="text"))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("utf8.txt", SENTENCE.encode()),
        ("bom.txt", b"\xef\xbb\xbf" + SENTENCE.encode()),
        ("utf16.txt", SENTENCE.encode("utf-16")),
        ("utf16be.txt", b"\xfe\xff" + SENTENCE.encode("utf-16-be")),
        ("windows.txt", SENTENCE.encode("cp1252")),
        ("dos.txt", SENTENCE.replace("€", "EUR").encode("cp850")),
        ("mac.txt", SENTENCE.encode("mac_roman")),
        ("table.csv", "lieu;qui;verbe\nchâteau;évêque;coûte\n".encode()),
        ("notes.md", f"# Titre\n\n{SENTENCE}\n".encode()),
        ("page.html", HTML.encode()),
        ("old.html", HTML.replace("&eacute;", "é").replace("<head>",
         '<head><meta charset="iso-8859-1">').encode("latin-1")),
        ("data.json", '{"lieu": "château", "qui": "évêque", "verbe": "coûte"}'.encode()),
        ("data.xml", "<?xml version='1.0'?><a><b>château</b><b>évêque</b> coûte</a>".encode()),
        ("a.pdf", text_pdf(["Rien", SENTENCE])),
        ("a.docx", docx("Titre", "Le châ</w:t></w:r><w:r><w:t>teau de l'évêque", "coûte")),
        ("a.xlsx", xlsx(["château", "évêque coûte"], ["12000", "3.5"])),
        ("a.pptx", pptx("Rien", SENTENCE)),
        ("a.odt", odf("text", "Le château de l'<text:span>évêque</text:span>", "coûte")),
        ("a.ods", odf("spreadsheet", "château", "évêque", "coûte")),
        ("a.odp", odf("presentation", SENTENCE)),
    ],
)  # fmt: skip
async def test_kinds(site: Site, find: Finder, reading: Reading, name: str, data: bytes) -> None:
    """Plain text in its encodings, HTML without tags, PDF and office documents are found."""
    file = await site.put(data, name)
    await reading()
    assert await find("chateaux eveque coûté") == [name]
    assert await find("commentaire") == await find("color") == []
    text = await known(site, file)
    assert text is not None
    assert text.problem is None
    assert not text.is_cut
    assert await failed(site) == 0


async def test_pages(site: Site, find: Finder, reading: Reading) -> None:
    """A hit in a document with pages says on which one."""
    await site.put(text_pdf(["Sommaire", f"x\n{INVOICE}", "Annexe"]), "facture.pdf")
    await site.put(pptx("Un", "Deux", *["Trois"] * 8, "Onze annexes"), "a.pptx")
    await site.put(xlsx(["Total"], ["1234.56"]), "a.xlsx")
    await reading()
    hits = (await find.results("annexe")).hits
    assert [(hit.file.name, in_text(hit)[0].page) for hit in hits] == [
        ("a.pptx", 11),
        ("facture.pdf", 3),
    ]
    assert await find("total 1234.56") == ["a.xlsx"]


def bomb() -> bytes:
    """Return a document of some 150 KB that unpacks to 150 MB."""
    return docx("bombe</w:t></w:r></w:p>" + " " * (150 << 20) + "<w:p><w:r><w:t>bombe")


def laughing() -> bytes:
    """Return a document whose XML declares entities that grow (CVE-2003-1564)."""
    entities = '<!ENTITY a "rire rire rire">' + "".join(
        f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    return docx("&i; rire", head=f"<!DOCTYPE x [{entities}]>")


def locked() -> bytes:
    """Return a document whose members say that they are encrypted."""
    data = bytearray(docx("secret"))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = data.find(mark)
        while place >= 0:
            struct.pack_into("<H", data, place + offset, 1)
            place = data.find(mark, place + 4)
    return bytes(data)


def crowded() -> bytes:
    members = {f"word/{n}.xml": "" for n in range(10_001)}
    return packed({"word/document.xml": "<a/>", **members}, zipfile.ZIP_STORED)


WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
BAD: dict[str, tuple[str, Callable[[], bytes]]] = {
    "bomb": (WORD, bomb),
    "laughs": (WORD, laughing),
    "locked": (WORD, locked),
    "crowded": (WORD, crowded),
    "cut": (WORD, lambda: docx("coupé" * 1000)[:-40]),
    "no xml": (WORD, lambda: packed({"word/document.xml": b"\xff\0" * 99})),
    "no part": (WORD, lambda: packed({"word/other.xml": "<a>autre</a>"})),
    "broken XML": (WORD, lambda: docx("avant</w:t> <w:t")),
    "locked PDF": ("application/pdf", encrypted_pdf),
    "cut PDF": ("application/pdf", lambda: b"%PDF-1.7\nmot"),
    "PDF header": ("application/pdf", lambda: text_pdf(["mot"])[:200]),
    "zeros": ("text/plain", lambda: b"abc\0\0\0def" * 100),
    "nothing to read": ("text/plain", lambda: b"--- !!! ---"),
}


@pytest.mark.parametrize("name", BAD)
async def test_bad_documents(
    site: Site, find: Finder, reading: Reading, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """What is damaged, encrypted or a bomb has no text that is found, says why, and fails nothing:
    what came with it is found.
    """
    kind, make = BAD[name]
    monkeypatch.setattr("consigne.core.intake.detect", lambda *_: kind)
    bad = await site.put(make(), "document.bin")
    monkeypatch.undo()
    await site.put(b"bombe rire secret coupe avant mot autre abc", "sain.txt")
    await reading()
    for word in ("bombe", "rire", "secret", "coupe", "avant", "mot", "autre", "abc"):
        assert await find(word) == ["sain.txt"], word
    assert await find("document") == ["document.bin"]
    text = await known(site, bad)
    assert text is not None
    assert (text.problem is None) == (name == "nothing to read"), text
    assert await failed(site) == 0


async def test_limits(site: Site, find: Finder, reading: Reading) -> None:
    """Too large a file, and a type without text, are not even noticed."""
    site.depot.texts._settings = small = msgspec.structs.replace(site.settings, text_max_size=99)
    site.depot.intake._settings = small
    await site.put(b"enorme " * 100, "a.txt")
    await site.put(b"\x89PNG\r\n\x1a\n enorme", "b.png")
    await site.put(b"petit", "c.txt")
    assert (await site.depot.texts.waiting())[0] == 1
    await reading()
    assert await find("enorme") == []
    assert await find("petit") == ["c.txt"]


async def test_switched_off(site: Site) -> None:
    """CONSIGNE_TEXT_INDEX=0: nothing is enqueued."""
    site.depot.intake._settings = msgspec.structs.replace(site.settings, text_index=False)
    await site.put(b"bonjour", "a.txt")
    assert (await site.depot.texts.waiting())[0] == 0


async def test_scans(site: Site, find: Finder, reading: Reading, tmp_path: Path) -> None:
    """A scan is recognised for the search only where CONSIGNE_TEXT_OCR says so."""
    scan = encoded(paper("Facture du charpentier\nTotal 1 200,00", 150))
    await site.put(scan, "scan.png")
    await reading()
    assert await find("charpentier") == []
    changed = msgspec.structs.replace(site.settings, text_ocr=True)
    site.depot.intake._settings = site.store.settings = changed
    await site.put(scan + b"\0", "autre.png")
    await reading()
    assert await find("charpentiers") == ["autre.png"]
    assert marked(in_text((await find.results("charpentier")).hits[0])[0]) == ["charpentier"]
