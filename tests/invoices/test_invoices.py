"""Electronic invoices over both catalogs: noticed, read, attached, found, handed out."""

import asyncio
from typing import Any

import msgspec
import pytest
from tests.parts.einvoices import GUIDELINES, Invoice, pdf_with
from tests.parts.papers import INVOICE, encrypted_pdf, text_pdf
from tests.parts.sites import Site, chunks
from tests.parts.working import worker_of

from consigne.catalog import files, jobs
from consigne.core.entry import MAX_FIELDS
from consigne.core.proof import Proof
from consigne.core.proof.report import Options
from consigne.errors import DocumentUnreadable, EngineMissing, FieldNotFound, FileNotFound
from consigne.jobs.invoices import InvoiceFollower
from consigne.jobs.worker import Run
from consigne.model.entities import Access, File, JobState
from consigne.model.query import Op, Query, Scope, Term
from consigne.model.rights import Role

ONE = Invoice()
KNOWN = {
    "invoice.profile": "basic",
    "invoice.number": "FA-2026-0118",
    "invoice.type": "380",
    "invoice.date": "2026-02-03",
    "invoice.due_date": "2026-03-05",
    "invoice.seller": "SARL Dupont & Fils",
    "invoice.seller_vat": "FR40303265045",
    "invoice.buyer": "Société Générale d'Équipement",
    "invoice.currency": "EUR",
    "invoice.net": "451.30",
    "invoice.vat": "90.26",
    "invoice.gross": "541.56",
    "invoice.payable": "541.56",
}


async def noticed(site: Site) -> int:
    """Seal what happened and let the follower look at it; return how many jobs that made."""
    await site.depot.history.seal()
    return await InvoiceFollower(site.depot.catalog, site.depot.invoices).look()


async def ended(site: Site) -> None:
    """Wait until no job of this kind is under way."""

    async def under_way() -> int:
        states = (JobState.QUEUED.value, JobState.RUNNING.value)
        return sum([
            await site.depot.catalog.read(lambda tx: jobs.count(tx, kind="invoice", state=state))  # noqa: B023
            for state in states
        ])  # fmt: skip

    async with asyncio.timeout(60):
        while await under_way():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def read(site: Site) -> None:
    """Have everything read that came in so far."""
    await noticed(site)
    async with worker_of(site):
        await ended(site)


async def job_count(site: Site) -> int:
    return await site.depot.catalog.read(lambda tx: jobs.count(tx, kind="invoice"))


async def known(site: Site, file: File) -> dict[str, str]:
    return files.annotations(await site.depot.vault.look(site.manager, file.id)).known


async def found(site: Site, name: str, value: str, op: Op = Op.EQUAL) -> list[int]:
    """Return the files that a filter on a metadata field finds."""
    query = Query(scope=Scope(site.space.id), terms=(Term(None, op, value, key=name),))
    return [each.id for each in (await site.depot.finding.find(site.manager, query)).files]


async def xml_of(site: Site, file: File, **more: Any) -> bytes:
    made = await site.depot.invoices.xml(site.manager, file.id, **more)
    return b"".join([piece async for piece in made.stream(0, made.size)])


@pytest.mark.parametrize("profile", GUIDELINES)
async def test_every_profile(site: Site, profile: str) -> None:
    """What the library factur-x makes is read in every profile; it becomes metadata."""
    one = Invoice(profile=profile)
    file = await site.put(one.pdf, "facture.pdf")
    await read(site)
    wanted = KNOWN | {"invoice.profile": profile}
    if profile == "minimum":
        del wanted["invoice.due_date"]  # that profile has none
    assert await known(site, file) == wanted
    assert await xml_of(site, file) == one.xml


async def test_found(site: Site) -> None:
    """C-55: what an invoice says is found by the filters on metadata, and only there."""
    file = await site.put(ONE.pdf, "facture.pdf")
    await site.put(Invoice(number="FA-2", gross="541.57", vat="90.27").pdf, "autre.pdf")
    await site.put(text_pdf([INVOICE]), "sans.pdf")
    await read(site)
    assert await found(site, "invoice.number", "FA-2026-0118") == [file.id]
    assert await found(site, "invoice.buyer", "générale", Op.CONTAINS) == sorted(
        await found(site, "invoice.seller", "SARL Dupont & Fils")
    )
    assert len(await found(site, "invoice.date", "2026-02-01", Op.FROM)) == 2
    assert await found(site, "invoice.gross", "541.56") == [file.id]


async def test_history(site: Site) -> None:
    """C-50: that it was recognised stands in the file's history, by nobody in particular."""
    file = await site.put(ONE.pdf)
    await read(site)
    told = [e for e in await site.depot.history.of(site.space.id, file.id)
            if e.action == "file.recognised"]  # fmt: skip
    assert len(told) == 1
    assert told[0].actor_id is None
    assert msgspec.json.decode(told[0].data or "") == {
        "kind": "invoice", "profile": "basic", "number": "FA-2026-0118",
    } | {k: None for k in msgspec.json.decode(told[0].data or "") if k == "error"}  # fmt: skip
    assert await site.depot.history.verify(site.space.id) is None


async def test_no_invoice(site: Site) -> None:
    """A PDF without one stays as it is; nobody looks twice; other types are not looked at."""
    plain = await site.put(text_pdf([INVOICE]))
    other = await site.put(pdf_with({"notes.xml": ONE.xml}))
    image = await site.put(b"no PDF")
    assert await noticed(site) == 2
    async with worker_of(site):
        await ended(site)
        for file in (plain, other, image):
            assert await known(site, file) == {}
            with pytest.raises(FieldNotFound):
                await xml_of(site, file)
    assert await noticed(site) == 0
    assert await job_count(site) == 2
    assert await site.rows("preview") == 0


DAMAGED = {
    "empty": b"",
    "no xml": b"facture",
    "cut short": ONE.xml[: len(ONE.xml) // 2],
    "another root": b"<Order/>",
    "doctype": b'<!DOCTYPE a [<!ENTITY b "c">]>' + ONE.xml.partition(b"?>\n")[2],
    "laughs": b'<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;">]>'
    b"<CrossIndustryInvoice>&c;</CrossIndustryInvoice>",
    "outside": b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><CrossIndustryInvoice/>',
    "encoding": ONE.xml.replace(b"UTF-8", b"UTF-99"),
    "nothing said": b"<CrossIndustryInvoice/>",
    "wrong date": ONE.xml.replace(b">20260203<", b">20269999<"),
    "wrong amount": ONE.xml.replace(b"541.56", b"NaN"),
    "wrong sum": ONE.xml.replace(b"541.56", b"541.00"),
    "deep": b"<a>" * 100_000,
}


@pytest.mark.parametrize("name", DAMAGED)
async def test_damaged_xml(site: Site, name: str) -> None:
    """What is wrong with an invoice is said, in its metadata and its history; it is not lost."""
    file = await site.put(pdf_with({"factur-x.xml": DAMAGED[name]}), "facture.pdf")
    await read(site)
    fields = await known(site, file)
    assert fields["invoice.error"].endswith(".")
    assert await found(site, "invoice.error", fields["invoice.error"]) == [file.id]
    actions = [e.action for e in await site.depot.history.of(site.space.id, file.id)]
    assert actions.count("file.recognised") == 1
    if DAMAGED[name]:
        assert await xml_of(site, file) == DAMAGED[name]
    assert "root:" not in str(fields)


async def test_names(site: Site) -> None:
    """ZUGFeRD's names of the XML are known, in any case, whatever else is embedded."""
    for name in ("zugferd-invoice.xml", "ZUGFeRD-invoice.xml", "xrechnung.xml"):
        file = await site.put(pdf_with({"a.xml": b"<a/>", name: ONE.xml}), name)
        await read(site)
        assert (await known(site, file))["invoice.number"] == ONE.number


ZUGFERD_1 = b"""<?xml version="1.0" encoding="UTF-8"?>
<rsm:CrossIndustryDocument xmlns:rsm="urn:ferd:CrossIndustryDocument:invoice:1p0"
 xmlns:ram="urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:12"
 xmlns:udt="urn:un:unece:uncefact:data:standard:UnqualifiedDataType:15">
<rsm:SpecifiedExchangedDocumentContext><ram:GuidelineSpecifiedDocumentContextParameter>
<ram:ID>urn:ferd:CrossIndustryDocument:invoice:1p0:comfort</ram:ID>
</ram:GuidelineSpecifiedDocumentContextParameter></rsm:SpecifiedExchangedDocumentContext>
<rsm:HeaderExchangedDocument><ram:ID>RE-7</ram:ID><ram:TypeCode>380</ram:TypeCode>
<ram:IssueDateTime><udt:DateTimeString format="102">20150304</udt:DateTimeString>
</ram:IssueDateTime>
</rsm:HeaderExchangedDocument>
<rsm:SpecifiedSupplyChainTradeTransaction><ram:ApplicableSupplyChainTradeAgreement>
<ram:SellerTradeParty><ram:Name>Lieferant GmbH</ram:Name></ram:SellerTradeParty>
<ram:BuyerTradeParty><ram:Name>Kunde AG</ram:Name></ram:BuyerTradeParty>
</ram:ApplicableSupplyChainTradeAgreement><ram:ApplicableSupplyChainTradeSettlement>
<ram:InvoiceCurrencyCode>EUR</ram:InvoiceCurrencyCode>
<ram:SpecifiedTradeSettlementMonetarySummation>
<ram:TaxBasisTotalAmount currencyID="EUR">100.00</ram:TaxBasisTotalAmount>
<ram:TaxTotalAmount currencyID="EUR">19.00</ram:TaxTotalAmount>
<ram:GrandTotalAmount currencyID="EUR">119.00</ram:GrandTotalAmount>
</ram:SpecifiedTradeSettlementMonetarySummation></ram:ApplicableSupplyChainTradeSettlement>
</rsm:SpecifiedSupplyChainTradeTransaction></rsm:CrossIndustryDocument>"""


async def test_zugferd_1(site: Site) -> None:
    """The earlier draft, with other names of elements, is read too."""
    file = await site.put(pdf_with({"ZUGFeRD-invoice.xml": ZUGFERD_1}))
    await read(site)
    fields = await known(site, file)
    wanted = {"profile": "en16931", "number": "RE-7", "date": "2015-03-04", "gross": "119.00",
              "seller": "Lieferant GmbH", "buyer": "Kunde AG", "vat": "19.00"}  # fmt: skip
    assert {k: fields[f"invoice.{k}"] for k in wanted} == wanted
    assert "invoice.error" not in fields


async def test_other_peoples_fields(site: Site) -> None:
    """People's fields and their limits stay as they are; what they set themselves wins."""
    own = {f"k{n}": "v" for n in range(MAX_FIELDS - 1)} | {"invoice.number": "mine"}
    file = await site.put(ONE.pdf, fields=own)
    await read(site)
    assert await known(site, file) == KNOWN | own
    assert await found(site, "invoice.number", "mine") == [file.id]
    assert await found(site, "invoice.number", ONE.number) == []
    # Who writes back what he was shown is within his limit, and makes nothing his own.
    shown = await known(site, file)
    await site.depot.vault.change(site.writer, file.id, fields=shown)
    notes = files.annotations(await site.depot.vault.look(site.writer, file.id))
    assert (notes.fields, len(notes.found)) == (own, len(KNOWN))
    await site.depot.vault.change(site.writer, file.id, fields={})
    assert await known(site, file) == KNOWN
    assert await found(site, "invoice.number", ONE.number) == [file.id]


async def test_goes_with_its_version(site: Site) -> None:
    """What was found in bytes goes with them, and is read again when they come back."""
    file = await site.put(ONE.pdf, fields={"mine": "1"})
    await read(site)
    await site.depot.intake.replace(site.writer, file.id, chunks(Invoice(number="FA-2").pdf))
    assert await known(site, file) == {"mine": "1"}
    assert await found(site, "invoice.number", ONE.number) == []
    await read(site)
    assert (await known(site, file))["invoice.number"] == "FA-2"
    await site.depot.intake.replace(site.writer, file.id, chunks(b"no PDF"))
    await read(site)
    assert await known(site, file) == {"mine": "1"}
    await site.depot.vault.restore_version(site.writer, file.id, 1)
    await read(site)
    assert (await known(site, file))["invoice.number"] == ONE.number
    async with worker_of(site):
        assert await xml_of(site, file, version=2) == Invoice(number="FA-2").xml


async def test_replaced_while_read(site: Site) -> None:
    """A reading that comes late says nothing about the version that has come since."""
    file = await site.put(ONE.pdf)
    await noticed(site)
    derived = site.depot.derived
    store = derived.store

    async def late(*all: Any) -> None:
        await site.depot.intake.replace(site.writer, file.id, chunks(b"no PDF"))
        await store(*all)

    derived.store = late  # type: ignore[method-assign]
    async with worker_of(site):
        await ended(site)
    assert await known(site, file) == {}


async def test_copies(site: Site) -> None:
    """A copy has what was found in its source; one made before that is read itself."""
    file = await site.put(ONE.pdf)
    early = await site.depot.vault.copy(site.writer, file.id)
    await read(site)
    late = await site.depot.vault.copy(site.writer, file.id)
    assert await known(site, early) == await known(site, late) == KNOWN
    assert await noticed(site) == 0


async def test_held_and_guarded(site: Site) -> None:
    """C-12: what is found is no change: a legal hold does not stand in its way."""
    file = await site.put(ONE.pdf)
    await site.depot.vault.guard(site.admin, file.id, hold_reason="audit")
    held = await site.put(Invoice(number="FA-2").pdf, hold=True)
    await read(site)
    assert await known(site, file) == KNOWN
    assert (await known(site, held))["invoice.number"] == "FA-2"


async def test_follower(site: Site) -> None:
    """C-50: each event is seen once by one of several followers, in every space."""
    other = await site.other_space()
    for number in range(7):
        await site.put(Invoice(number=str(number)).pdf, seat=other if number % 2 else None)
    again = await site.again()
    await site.depot.history.seal()
    looks = [InvoiceFollower(s.depot.catalog, s.depot.invoices).look() for s in (site, again)]
    assert sum(await asyncio.gather(*looks)) == 7
    assert await noticed(site) == 0
    assert await job_count(site) == 7
    await again.depot.close()
    async with worker_of(site):
        await ended(site)


async def test_unreadable(site: Site) -> None:
    """C-54: an encrypted or damaged PDF fails its job, and that is all."""
    sources = (encrypted_pdf(), pdf_with({"factur-x.xml": ONE.xml}, password="x"),
               ONE.pdf[:700], b"%PDF-1.7\n" + bytes(999))  # fmt: skip
    placed = [await site.put(data, "a.pdf") for data in sources]
    await noticed(site)
    async with worker_of(site):
        await ended(site)
        for file in placed:
            assert "invoice.number" not in await known(site, file)
            with pytest.raises((DocumentUnreadable, FieldNotFound)):
                await xml_of(site, file)
    assert await site.rows("preview") == 0
    assert await job_count(site) == 4


async def test_asked_for_before_it_was_noticed(site: Site) -> None:
    """The XML can be asked for at once; it is read then, and attached too."""
    file = await site.put(ONE.pdf, "facture.pdf")
    with pytest.raises(EngineMissing):
        await xml_of(site, file)
    async with worker_of(site):
        made = await site.depot.invoices.xml(site.writer, file.id)
        assert (made.name, made.media_type) == ("facture.xml", "application/xml")
    assert await known(site, file) == KNOWN
    assert await noticed(site) == 0


async def test_who_may(site: Site) -> None:
    """C-03: the XML is as visible as its file."""
    file = await site.put(ONE.pdf, access=Access.PRIVATE)
    await read(site)
    stranger = await site.newcomer("stranger", Role.WRITER)
    for seat in (stranger, await site.other_space()):
        with pytest.raises(FileNotFound):
            await site.depot.invoices.xml(seat, file.id)


async def test_made_again(site: Site) -> None:
    """C-24: XML that had to give way to other things is taken from the PDF again."""
    file = await site.put(ONE.pdf)
    await read(site)
    await site.run(lambda tx: tx.execute("DELETE FROM preview", {}))
    proof = Proof(site.depot.catalog, site.depot.bucket, 0)
    await proof.check(Options(age=0, repair=True))
    async with worker_of(site):
        assert await xml_of(site, file) == ONE.xml
    assert await known(site, file) == KNOWN


async def test_proof(site: Site) -> None:
    """C-20: fsck agrees with what is found and indexed, and the end leaves nothing."""
    file = await site.put(ONE.pdf)
    await read(site)
    report = await Proof(site.depot.catalog, site.depot.bucket, 0).check(
        Options(age=0, rehash=True)
    )
    assert report.clean, report.findings
    await site.depot.vault.release(site.writer, file.id)
    await site.depot.vault.purge(site.manager, file.id)
    for _ in range(2):
        await site.sweep(purge_guard=-1)
    for table in ("preview", "content", "file_field"):
        assert await site.rows(table) == 0, table


async def test_worker_lost(site: Site) -> None:
    """C-54: a worker that is lost in the middle leaves nothing; the next one reads it."""
    file = await site.put(ONE.pdf)
    await noticed(site)
    begun = asyncio.Event()

    async def stuck(run: Run) -> None:
        begun.set()
        await asyncio.Event().wait()

    async with worker_of(site, {"invoice": stuck}):
        await begun.wait()
    async with worker_of(site):
        await ended(site)
    assert await known(site, file) == KNOWN
