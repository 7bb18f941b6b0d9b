"""Electronic invoices that tests make: the XML by hand, the PDF around it by the library factur-x.

The library checks each XML against the schema of its profile, so what we read is what others write.
"""

import io
import logging
from dataclasses import dataclass

from facturx import generate_from_binary
from pypdf import PdfReader, PdfWriter

from .papers import text_pdf

GUIDELINES = {
    "minimum": "urn:factur-x.eu:1p0:minimum",
    "basicwl": "urn:factur-x.eu:1p0:basicwl",
    "basic": "urn:cen.eu:en16931:2017#compliant#urn:factur-x.eu:1p0:basic",
    "en16931": "urn:cen.eu:en16931:2017",
    "extended": "urn:cen.eu:en16931:2017#conformant#urn:factur-x.eu:1p0:extended",
}
_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<rsm:CrossIndustryInvoice xmlns:qdt="urn:un:unece:uncefact:data:standard:QualifiedDataType:100"
 xmlns:ram="urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100"
 xmlns:rsm="urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"
 xmlns:udt="urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100">"""
_LINE = """<ram:IncludedSupplyChainTradeLineItem>
<ram:AssociatedDocumentLineDocument><ram:LineID>1</ram:LineID></ram:AssociatedDocumentLineDocument>
<ram:SpecifiedTradeProduct><ram:Name>Fauteuil</ram:Name></ram:SpecifiedTradeProduct>
<ram:SpecifiedLineTradeAgreement><ram:NetPriceProductTradePrice>
<ram:ChargeAmount>{net}</ram:ChargeAmount>
</ram:NetPriceProductTradePrice></ram:SpecifiedLineTradeAgreement>
<ram:SpecifiedLineTradeDelivery><ram:BilledQuantity unitCode="C62">1</ram:BilledQuantity>
</ram:SpecifiedLineTradeDelivery>
<ram:SpecifiedLineTradeSettlement>
<ram:ApplicableTradeTax><ram:TypeCode>VAT</ram:TypeCode><ram:CategoryCode>S</ram:CategoryCode>
<ram:RateApplicablePercent>20</ram:RateApplicablePercent></ram:ApplicableTradeTax>
<ram:SpecifiedTradeSettlementLineMonetarySummation><ram:LineTotalAmount>{net}</ram:LineTotalAmount>
</ram:SpecifiedTradeSettlementLineMonetarySummation>
</ram:SpecifiedLineTradeSettlement></ram:IncludedSupplyChainTradeLineItem>"""
_ADDRESS = """<ram:PostalTradeAddress><ram:CountryID>FR</ram:CountryID></ram:PostalTradeAddress>"""
_TAX = """<ram:ApplicableTradeTax><ram:CalculatedAmount>{vat}</ram:CalculatedAmount>
<ram:TypeCode>VAT</ram:TypeCode><ram:BasisAmount>{net}</ram:BasisAmount>
<ram:CategoryCode>S</ram:CategoryCode><ram:RateApplicablePercent>20</ram:RateApplicablePercent>
</ram:ApplicableTradeTax>
<ram:SpecifiedTradePaymentTerms><ram:DueDateDateTime>
<udt:DateTimeString format="102">{due}</udt:DateTimeString>
</ram:DueDateDateTime></ram:SpecifiedTradePaymentTerms>"""


@dataclass(frozen=True)
class Invoice:
    """What an invoice says. Dates as ``YYYYMMDD``, amounts as decimal numbers."""

    number: str = "FA-2026-0118"
    profile: str = "basic"
    date: str = "20260203"
    due: str = "20260305"
    seller: str = "SARL Dupont &amp; Fils"
    vat_number: str = "FR40303265045"
    buyer: str = "Société Générale d'Équipement"
    net: str = "451.30"
    vat: str = "90.26"
    gross: str = "541.56"
    currency: str = "EUR"

    @property
    def xml(self) -> bytes:
        """Return the XML of this invoice in its profile."""
        lines = self.profile not in ("minimum", "basicwl")
        more = self.profile != "minimum"
        line_total = f"<ram:LineTotalAmount>{self.net}</ram:LineTotalAmount>" if more else ""
        values = {"net": self.net, "vat": self.vat, "due": self.due}
        return f"""{_HEAD}
<rsm:ExchangedDocumentContext><ram:GuidelineSpecifiedDocumentContextParameter>
<ram:ID>{GUIDELINES[self.profile]}</ram:ID>
</ram:GuidelineSpecifiedDocumentContextParameter></rsm:ExchangedDocumentContext>
<rsm:ExchangedDocument><ram:ID>{self.number}</ram:ID><ram:TypeCode>380</ram:TypeCode>
<ram:IssueDateTime><udt:DateTimeString format="102">{self.date}</udt:DateTimeString>
</ram:IssueDateTime></rsm:ExchangedDocument>
<rsm:SupplyChainTradeTransaction>{_LINE.format(**values) if lines else ""}
<ram:ApplicableHeaderTradeAgreement>
<ram:SellerTradeParty><ram:Name>{self.seller}</ram:Name>{_ADDRESS}
<ram:SpecifiedTaxRegistration><ram:ID schemeID="VA">{self.vat_number}</ram:ID>
</ram:SpecifiedTaxRegistration></ram:SellerTradeParty>
<ram:BuyerTradeParty><ram:Name>{self.buyer}</ram:Name>{_ADDRESS if more else ""}
</ram:BuyerTradeParty>
</ram:ApplicableHeaderTradeAgreement>
<ram:ApplicableHeaderTradeDelivery/>
<ram:ApplicableHeaderTradeSettlement>
<ram:InvoiceCurrencyCode>{self.currency}</ram:InvoiceCurrencyCode>
{_TAX.format(**values) if more else ""}
<ram:SpecifiedTradeSettlementHeaderMonetarySummation>{line_total}
<ram:TaxBasisTotalAmount>{self.net}</ram:TaxBasisTotalAmount>
<ram:TaxTotalAmount currencyID="{self.currency}">{self.vat}</ram:TaxTotalAmount>
<ram:GrandTotalAmount>{self.gross}</ram:GrandTotalAmount>
<ram:DuePayableAmount>{self.gross}</ram:DuePayableAmount>
</ram:SpecifiedTradeSettlementHeaderMonetarySummation>
</ram:ApplicableHeaderTradeSettlement></rsm:SupplyChainTradeTransaction>
</rsm:CrossIndustryInvoice>""".encode()

    @property
    def pdf(self) -> bytes:
        """Return a Factur-X of it: PDF/A-3 with the XML inside, checked by the library."""
        logging.getLogger("factur-x").setLevel(logging.ERROR)
        made: bytes = generate_from_binary(
            text_pdf([f"FACTURE {self.number}"]), self.xml, lang="fr"
        )
        return made


def pdf_with(attachments: dict[str, bytes], password: str = "") -> bytes:
    """Return a PDF with any files embedded, which no library has checked."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(text_pdf(["a page"]))))
    for name, data in attachments.items():
        writer.add_attachment(name, data)
    if password:
        writer.encrypt(password)
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()
