"""Text of pages as Markdown, and pages as one document (AR-20)."""

import re
import unicodedata

SEPARATOR = "\n\n---\n\n"
# Lines that Markdown would take for a rule, a heading or a quotation, and what opens HTML.
_RULE = re.compile(r"^([-*_=])(?:\s*\1){2,}\s*$")
_MARK = re.compile(r"^(#{1,6}(?=\s)|>)")
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_HIDDEN = ("Cc", "Cs", "Co", "Cn")
_BLANKS = re.compile(r"[^\S\n]+")
_GAPS = re.compile(r"\n{3,}")


def to_markdown(text: str) -> str:
    """Return a page's text as Markdown that reads the same.

    Lines and paragraphs are kept, control characters go, and what Markdown would take for its own
    is escaped, so that only ``join_pages`` makes a rule.

    >>> to_markdown("Total\\r\\n----\\r\\n<b> 12 €")
    'Total\\n\\\\----\\n\\\\<b> 12 €'
    """
    normal = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n")
    spaced = normal.replace("\t", " ")
    visible = "".join(c for c in spaced if c == "\n" or unicodedata.category(c) not in _HIDDEN)
    lines = [_line(_BLANKS.sub(" ", line).strip()) for line in visible.split("\n")]
    return _GAPS.sub("\n\n", "\n".join(lines)).strip()


def join_pages(pages: list[str]) -> str:
    """Return pages as one document, a rule between two of them."""
    return SEPARATOR.join(pages)


def _line(line: str) -> str:
    if _RULE.match(line) or _MARK.match(line):
        line = "\\" + line
    return _TAG.sub(r"\\<", line)
