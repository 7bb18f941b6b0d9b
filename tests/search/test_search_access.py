"""Who finds what, and what is found no more."""

from collections.abc import Awaitable, Callable

from search_support import Finder, idle, in_text
from sqlalchemy import func, select
from tests.parts.sites import Site, chunks

from consigne.catalog import contents, files, jobs, texts
from consigne.catalog.engine import Tx
from consigne.catalog.schema import content_text, passage
from consigne.catalog.terms import file_terms, passage_terms
from consigne.core.jobs import enqueue
from consigne.core.texts import KIND, expect, lend
from consigne.jobs.queue import Queue
from consigne.jobs.texts import TextHandler
from consigne.jobs.worker import Run, Worker
from consigne.model.entities import Access, TextOrigin
from consigne.model.rights import Role

Reading = Callable[[], Awaitable[None]]
TEXT = b"Le secret du chaudron"


async def left(site: Site) -> dict[str, int]:
    """Return how many rows the index has."""

    def count(tx: Tx) -> dict[str, int]:
        tables = (content_text, passage, passage_terms, file_terms)
        return {t.name: tx.value(select(func.count()).select_from(t)) for t in tables}

    return await site.depot.catalog.read(count)


async def test_another_space(site: Site, find: Finder, reading: Reading) -> None:
    """C-01, C-20: what one space has another does not find, not even the same bytes."""
    other = await site.other_space()
    await site.put(TEXT, "chaudron.txt", fields={"lieu": "chaudron"})
    await site.put(b"Rien", "rien.txt", other)
    await reading()
    assert await find("chaudron") == ["chaudron.txt"]
    assert await find("chaudron", other) == []
    assert await find(f"w{site.space.id}.chaudron", other) == []
    await site.put(TEXT, "autre.txt", other)
    await reading()
    assert await find("chaudron", other) == ["autre.txt"]
    assert await find("chaudron") == ["chaudron.txt"]


async def test_private_files(site: Site, find: Finder, reading: Reading) -> None:
    """C-03: another member's private file is not found, nor counted; its owner and managers do."""
    await site.put(TEXT, "chaudron.txt", access=Access.PRIVATE, tags=["chaudron"])
    await site.put(TEXT + b" ouvert", "ouvert.txt")
    await reading()
    member = await site.newcomer("curieux", Role.WRITER)
    for seat, names in (
        (member, ["ouvert.txt"]),
        (site.seat(Role.READER), ["ouvert.txt"]),
        (site.writer, ["chaudron.txt", "ouvert.txt"]),
        (site.manager, ["chaudron.txt", "ouvert.txt"]),
    ):
        assert await find("chaudron", seat) == names
        assert (await find.results("secret", seat)).total == len(names)


async def test_shared_bytes(site: Site, find: Finder, reading: Reading) -> None:
    """C-20: the same bytes are read once, and show in the files that the caller may see only."""
    await site.put(TEXT, "un.txt", access=Access.PRIVATE)
    await site.put(TEXT, "deux.txt")
    assert (await site.depot.texts.waiting())[0] == 1
    await reading()
    await site.put(TEXT, "trois.txt")
    assert (await site.depot.texts.waiting())[0] == 0
    assert await find("chaudron") == ["trois.txt", "deux.txt", "un.txt"]
    member = await site.newcomer("curieux", Role.WRITER)
    assert await find("chaudron", member) == ["trois.txt", "deux.txt"]
    assert (await left(site))["content_text"] == 1


async def test_files_of_records(site: Site, find: Finder, reading: Reading) -> None:
    """C-04: a file that its record hides is found by managers only, not by its owner."""
    file = await site.put(TEXT, "chaudron.txt")
    await reading()

    def hide(tx: Tx) -> None:
        found = files.lock(tx, file.id)
        assert found is not None
        files.change(tx, found, access=Access.RECORD)

    await site.depot.catalog.write(hide)
    assert await find("chaudron") == []
    assert await find("chaudron", site.manager) == ["chaudron.txt"]


async def test_trash_and_purge(site: Site, find: Finder, reading: Reading) -> None:
    """C-16, C-20: what is in the trash is not found; with its last reference a text is gone."""
    first = await site.put(TEXT, "un.txt")
    second = await site.put(TEXT, "deux.txt")
    await reading()
    await site.depot.vault.release(site.writer, first.id)
    assert await find("chaudron") == ["deux.txt"]
    await site.depot.vault.restore(site.writer, first.id)
    assert await find("chaudron") == ["deux.txt", "un.txt"]
    for file in (first, second):
        await site.depot.vault.release(site.writer, file.id)
    assert await find("chaudron") == []
    await site.sweep()
    await site.sweep()
    assert set((await left(site)).values()) == {0}


async def test_versions(site: Site, find: Finder, reading: Reading) -> None:
    """The text of a replaced version is not found, and found again when it is restored."""
    file = await site.put(TEXT, "a.txt")
    await reading()
    await site.depot.intake.replace(site.writer, file.id, chunks(b"Une marmite"))
    await reading()
    assert await find("chaudron") == []
    assert await find("marmites") == ["a.txt"]
    await site.depot.vault.restore_version(site.writer, file.id, 1)
    assert await find("chaudron") == ["a.txt"]


async def test_content_gone_before_it_was_read(site: Site, reading: Reading) -> None:
    """A job whose content is gone ends without a trace."""
    file = await site.put(TEXT, "a.txt")
    await site.depot.vault.release(site.writer, file.id)
    await site.sweep()
    await site.sweep()
    await reading()
    assert set((await left(site)).values()) == {0}
    assert await site.depot.catalog.read(lambda tx: jobs.count(tx)) == 0


async def test_recognised_text(site: Site, find: Finder, reading: Reading) -> None:
    """AR-20: the text of a recognition is found in the scan it is of, page by page; what the scan's
    own bytes say later does not take its place.
    """
    scan = await site.put(b"%PDF-1.4 a scan", "scan.pdf")
    text = await site.put(b"Une page\n\n---\n\nLe chaudron", "scan.md")
    assert scan.content_id is not None
    scanned, recognised = scan.content_id, text.content_id

    def attach(tx: Tx) -> None:
        content = contents.by_id(tx, recognised or 0)
        assert content is not None
        lend(tx, scanned, content, site.settings)

    await site.depot.catalog.write(attach)
    await reading()
    assert await find("chaudron") == ["scan.md", "scan.pdf"]
    hit = (await find.results("chaudron")).hits[1]
    assert in_text(hit)[0].page == 2

    def again(tx: Tx) -> None:
        content = contents.by_id(tx, scanned)
        assert content is not None
        assert expect(tx, content, site.settings)

    await site.depot.catalog.write(again)
    await reading()
    known = await site.depot.catalog.look(lambda tx: texts.of(tx, scanned))
    assert known is not None
    assert known.origin is TextOrigin.OCR
    assert await find("chaudron") == ["scan.md", "scan.pdf"]

    def forget(tx: Tx) -> None:
        tx.run(passage_terms.delete())
        tx.run(content_text.update().values(rules=0))

    await site.depot.catalog.write(forget)
    assert (await site.depot.texts.note_page(0, 10, everything=False))[:2] == (2, 1)
    assert await find("chaudron") == ["scan.pdf"]
    await reading()
    assert await find('"une page"') == ["scan.md", "scan.pdf"]
    assert (await site.depot.texts.note_page(0, 10, everything=False))[:2] == (2, 0)


async def test_jobs_are_quiet(site: Site, reading: Reading) -> None:
    """C-50: reading texts fills neither the list of jobs nor the audit trail."""
    for number in range(5):
        await site.put(TEXT + b"%d" % number, f"{number}.txt")
    await reading()
    assert await site.depot.jobs.page(site.manager) == []
    await site.depot.history.seal()
    events = await site.depot.history.page(site.space.id, 0)
    assert {event.action.partition(".")[0] for event in events} == {"space", "member", "file"}


async def test_texts_give_way(site: Site) -> None:
    """C-54: texts that wait do not make others wait, even where there is one slot."""
    for number in range(3):
        await site.put(TEXT + b"%d" % number, f"{number}.txt")
    await site.depot.catalog.write(lambda tx: enqueue(tx, site.writer, "other", {}))
    waited: list[int] = []

    async def other(run: Run) -> None:
        waited.append((await site.depot.texts.waiting())[0])

    handlers = {KIND: TextHandler(site.depot.texts, site.settings), "other": other}
    worker = Worker(Queue(site.depot.catalog, 5), handlers, poll=0.02, patient=(KIND,))
    await worker.start()
    await idle(site)
    await worker.stop()
    assert waited == [3]


async def test_reindex(site: Site, find: Finder, reading: Reading) -> None:
    """Rows that are missing, of another version of the rules, or of nothing are put right."""
    await site.put(TEXT, "Vieux.txt")
    await site.put(b"Une marmite", "b.txt")
    await reading()
    await site.depot.texts.catch_up()

    def damage(tx: Tx) -> None:
        tx.run(content_text.delete())
        tx.run(passage_terms.delete())
        tx.run(file_terms.delete())
        tx.run(passage.insert().values(content_id=7, body="perdu"))

    await site.depot.catalog.write(damage)
    assert await find("chaudron") == await find("vieux") == []
    assert await site.depot.texts.remove_strays() == 1
    assert (await site.depot.texts.note_page(0, 10, everything=False))[:2] == (2, 2)
    assert (await site.depot.texts.note_labels(0, 10))[0] == 2
    assert await site.depot.texts.catch_up() == 2
    await reading()
    assert await find("chaudron") == await find("vieux") == ["Vieux.txt"]
    assert (await site.depot.texts.note_page(0, 10, everything=False))[:2] == (2, 0)
    assert await left(site) == {
        "content_text": 2, "passage": 2, "passage_terms": 2, "file_terms": 2
    }  # fmt: skip
