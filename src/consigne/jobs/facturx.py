"""Factur-X and ZUGFeRD: the XML that a PDF carries, and what it says. Inside a child process.

The XML is a Cross Industry Invoice (UN/CEFACT D16B; EN 16931; ZUGFeRD 1 an earlier draft of it) as
an embedded file with one of a few names. What is read are the fields that nearly every profile has.
Elements are found by their local names, as the drafts differ in namespaces and prefixes.
"""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import BinaryIO
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

import pypdfium2

from consigne.jobs.child import Refused
from consigne.jobs.pdfs import open_pdf

NAMES = ("factur-x.xml", "zugferd-invoice.xml", "xrechnung.xml")
_MOST_ATTACHMENTS = 1000
_LONGEST_XML = 16 << 20
_LONGEST_VALUE = 256
_ROOTS = ("CrossIndustryInvoice", "CrossIndustryDocument")
_PROFILES = (
    # What is looked for in the guideline's URN, in this order, and the name of the profile.
    ("xrechnung", "xrechnung"),
    ("minimum", "minimum"),
    ("basicwl", "basicwl"),
    ("extended", "extended"),
    ("basic", "basic"),
    ("comfort", "en16931"),
    ("en16931", "en16931"),
)
_NEEDED = ("number", "date", "seller", "currency", "gross")


class Malformed(Exception):
    """The XML is not that of an invoice; the text says why."""


def embedded_xml(source: BinaryIO) -> bytes | None:
    """Return the XML of the invoice that a PDF carries, None where it has none. Raises Refused."""
    pdf = open_pdf(source)
    try:
        for number in range(min(pdf.count_attachments(), _MOST_ATTACHMENTS)):
            attachment = pdf.get_attachment(number)
            if attachment.get_name().lower() in NAMES:
                return _data(attachment)
    except pypdfium2.PdfiumError as error:
        raise Refused("The embedded files of the PDF are damaged.") from error
    return None


def _data(attachment: pypdfium2.PdfAttachment) -> bytes:
    """Return the bytes of an embedded file, none where they are damaged."""
    try:
        return bytes(attachment.get_data())[: _LONGEST_XML + 1]
    except pypdfium2.PdfiumError:
        return b""


def fields_of(xml: bytes) -> dict[str, str]:
    """Return what an invoice says; ``error`` says what is wrong with it, where something is.

    Amounts are decimal numbers as written, dates ``YYYY-MM-DD``.
    """
    try:
        root = parse(xml)
    except Malformed as error:
        return {"error": str(error)}
    fields = {name: value for name, value in _fields(root) if value}
    missing = [name for name in _NEEDED if name not in fields]
    if missing:
        fields["error"] = f"The invoice does not say its {', '.join(missing)}."
    elif not _adds_up(fields):
        fields["error"] = "Net and VAT do not add up to the gross amount."
    return fields


def parse(xml: bytes) -> Element:
    """Return the tree of an invoice with local names only. Raises Malformed."""
    if not xml:
        raise Malformed("The embedded XML is empty or damaged.")
    if len(xml) > _LONGEST_XML:
        raise Malformed(f"The XML is longer than {_LONGEST_XML} bytes.")
    builder = TreeBuilder()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True

    def start(name: str, attributes: dict[str, str]) -> None:
        builder.start(_local(name), {_local(key): value for key, value in attributes.items()})

    def refuse(*_: object) -> None:
        raise Malformed("The XML declares a document type, which no invoice has.")

    parser.StartElementHandler = start
    parser.EndElementHandler = lambda name: builder.end(_local(name))
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(xml, True)
    except expat.ExpatError as error:
        raise Malformed(f"The XML is not well-formed: {error}.") from error
    except (LookupError, ValueError) as error:
        raise Malformed("The XML has an encoding that is not known.") from error
    root = builder.close()
    if root.tag not in _ROOTS:
        raise Malformed(f"The XML is no invoice but {root.tag[:64]!r}.")
    return root


def _fields(root: Element) -> Iterator[tuple[str, str | None]]:
    guideline = _text(root, "GuidelineSpecifiedDocumentContextParameter", "ID")
    currency = _text(root, "InvoiceCurrencyCode")
    yield "profile", _profile(guideline or "")
    for document in ("ExchangedDocument", "HeaderExchangedDocument"):
        yield "number", _text(root, document, "ID")
        yield "type", _text(root, document, "TypeCode")
        yield "date", _date(_text(root, document, "IssueDateTime", "DateTimeString"))
    yield "seller", _text(root, "SellerTradeParty", "Name")
    yield "seller_vat", _vat_number(root, "SellerTradeParty")
    yield "buyer", _text(root, "BuyerTradeParty", "Name")
    yield "currency", currency
    terms = "SpecifiedTradePaymentTerms", "DueDateDateTime", "DateTimeString"
    yield "due_date", _date(_text(root, *terms))
    sums = _sums(root)
    if sums is not None:
        yield "net", _amount(sums, "TaxBasisTotalAmount", currency)
        yield "vat", _amount(sums, "TaxTotalAmount", currency)
        yield "gross", _amount(sums, "GrandTotalAmount", currency)
        yield "payable", _amount(sums, "DuePayableAmount", currency)


def _sums(root: Element) -> Element | None:
    for name in ("Header", ""):
        found = root.find(f".//SpecifiedTradeSettlement{name}MonetarySummation")
        if found is not None:
            return found
    return None


def _text(root: Element, first: str, *rest: str) -> str | None:
    """Return the text at the end of a path that begins anywhere below the root."""
    found = root.find("/".join([f".//{first}", *rest]))
    return None if found is None else _plain(found.text or "")


def _vat_number(root: Element, party: str) -> str | None:
    for each in root.iterfind(f".//{party}/SpecifiedTaxRegistration/ID"):
        if each.get("schemeID") == "VA":
            return _plain(each.text or "")
    return None


def _amount(sums: Element, name: str, currency: str | None) -> str | None:
    """Return an amount; of several, such as VAT in two currencies, that in the invoice's own."""
    found = sums.findall(name)
    own = [each for each in found if each.get("currencyID") in (None, currency)]
    for each in own or found:
        try:
            value = Decimal((each.text or "").strip())
        except InvalidOperation:
            continue
        if value.is_finite() and abs(value) < 10**18:
            return f"{value:f}"[:_LONGEST_VALUE]
    return None


def _date(text: str | None) -> str | None:
    """Return a date of format 102, ``YYYYMMDD``, as ISO 8601."""
    try:
        return datetime.strptime(text or "", "%Y%m%d").date().isoformat()
    except ValueError:
        return None


def _profile(guideline: str) -> str | None:
    lowered = guideline.lower()
    return next((name for mark, name in _PROFILES if mark in lowered), None)


def _adds_up(fields: dict[str, str]) -> bool:
    if "net" not in fields or "vat" not in fields:
        return True  # the lower profiles may leave one out
    net, vat, gross = (Decimal(fields[name]) for name in ("net", "vat", "gross"))
    return abs(net + vat - gross) <= Decimal("0.01")


def _plain(text: str) -> str:
    blank = " ".join(text.split())
    return "".join(c for c in blank if c.isprintable())[:_LONGEST_VALUE]


def _local(name: str) -> str:
    return name.rpartition(" ")[2]
