"""Which types of content may have text that the search finds."""

MARKDOWN = "text/markdown"
PDF = "application/pdf"
HTML = frozenset({"text/html", "application/xhtml+xml", "application/xml", "text/xml",
                  "image/svg+xml"})  # fmt: skip
_OOXML = "application/vnd.openxmlformats-officedocument."
_ODF = "application/vnd.oasis.opendocument."
OFFICE = {
    f"{_OOXML}wordprocessingml.document": "docx",
    f"{_OOXML}spreadsheetml.sheet": "xlsx",
    f"{_OOXML}presentationml.presentation": "pptx",
    f"{_ODF}text": "odf",
    f"{_ODF}spreadsheet": "odf",
    f"{_ODF}presentation": "odf",
}
"""Types of office documents, and how each is read."""

PICTURES = frozenset(
    {"image/png", "image/jpeg", "image/tiff", "image/gif", "image/bmp", "image/webp"}
)
_FURTHER = frozenset({"application/json", "application/x-ndjson", "application/yaml",
                      "application/sql", "application/x-php"})  # fmt: skip


def may_have_text(media_type: str, *, pictures: bool = False) -> bool:
    """Tell whether a type may have text; with ``pictures`` also one that must be recognised.

    >>> may_have_text("text/csv"), may_have_text("image/png"), may_have_text("application/zip")
    (True, False, False)
    """
    return (
        is_plain(media_type)
        or media_type == PDF
        or media_type in HTML
        or media_type in OFFICE
        or (pictures and media_type in PICTURES)
    )


def is_plain(media_type: str) -> bool:
    """Tell whether the bytes of a type are text as they are."""
    return media_type in _FURTHER or (media_type.startswith("text/") and media_type not in HTML)
