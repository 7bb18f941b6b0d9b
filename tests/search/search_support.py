"""What the tests of the search share: asking, waiting, and documents of every kind."""

import asyncio
import io
import zipfile
from collections.abc import Mapping

from tests.parts.sites import Site

from consigne.core.access import Seat
from consigne.core.search import Hit, Results, Snippet
from consigne.model.query import Scope, Term

DEADLINE = 60
_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_S = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_A = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
_ODF = (
    'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"'
)


class Finder:
    """Asks a question as somebody, by default as the writer."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def results(
        self, question: str, seat: Seat | None = None, *terms: Term, **options: object
    ) -> Results:
        who = seat or self._site.writer
        return await self._site.depot.search.search(
            who, question, Scope(who.space_id), terms, **options
        )

    async def __call__(self, question: str, seat: Seat | None = None, *terms: Term) -> list[str]:
        """Return the names of all files that are found, best first."""
        found = await self.results(question, seat, *terms, limit=100)
        assert found.total == len(found.hits)
        return [hit.file.name for hit in found.hits]


async def idle(site: Site) -> None:
    """Wait until no text is still to be read."""
    async with asyncio.timeout(DEADLINE):
        while (await site.depot.texts.waiting())[0]:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def marked(snippet: Snippet) -> list[str]:
    """Return what a snippet marks."""
    return [snippet.text[start:end] for start, end in snippet.marks]


def in_text(hit: Hit) -> list[Snippet]:
    return [snippet for snippet in hit.snippets if snippet.place == "text"]


def packed(members: Mapping[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def _types(part: str, kind: str) -> dict[str, str]:
    return {
        "[Content_Types].xml": '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.'
        'org/package/2006/content-types"><Override PartName="/' + part + '" ContentType="'
        "application/vnd.openxmlformats-officedocument." + kind + '.main+xml"/></Types>',
        "_rels/.rels": '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.'
        'org/package/2006/relationships"/>',
    }


def docx(*paragraphs: str, head: str = "") -> bytes:
    body = "".join(f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>" for text in paragraphs)
    return packed(
        {
            **_types("word/document.xml", "wordprocessingml.document"),
            "word/document.xml": f'<?xml version="1.0"?>{head}'
            f"<w:document {_W}><w:body>{body}</w:body></w:document>",
        }
    )


def xlsx(shared: list[str], values: list[str]) -> bytes:
    table = "".join(f"<si><t>{text}</t></si>" for text in shared)
    cells = "".join(f'<c t="s"><v>{n}</v></c>' for n in range(len(shared)))
    cells += "".join(f"<c><v>{value}</v></c>" for value in values)
    return packed(
        {
            **_types("xl/workbook.xml", "spreadsheetml.sheet"),
            "xl/workbook.xml": f"<workbook {_S}/>",
            "xl/sharedStrings.xml": f"<sst {_S}>{table}</sst>",
            "xl/worksheets/sheet1.xml": f"<worksheet {_S}><sheetData><row>{cells}</row>"
            "</sheetData></worksheet>",
        }
    )


def pptx(*slides: str) -> bytes:
    members = {
        f"ppt/slides/slide{n}.xml": f"<p:sld xmlns:p='urn:p' {_A}><a:p><a:t>{text}</a:t></a:p>"
        "</p:sld>"
        for n, text in enumerate(slides, 1)
    }
    return packed(
        {
            **_types("ppt/presentation.xml", "presentationml.presentation"),
            "ppt/presentation.xml": "<p:presentation xmlns:p='urn:p'/>",
            **members,
        }
    )


def odf(kind: str, *paragraphs: str) -> bytes:
    body = "".join(f"<text:p>{text}</text:p>" for text in paragraphs)
    return packed(
        {
            "mimetype": f"application/vnd.oasis.opendocument.{kind}",
            "content.xml": f"<office:document-content {_ODF}><office:body>{body}</office:body>"
            "</office:document-content>",
        },
        zipfile.ZIP_STORED,
    )
