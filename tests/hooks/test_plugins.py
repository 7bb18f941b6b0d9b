"""Plug-ins at a save: when they are asked, what they are told, what they may do (DY-58, C-53)."""

import asyncio
import hashlib
import json
import os
from typing import Any

import pytest
from plugin_support import BROKEN, Hooked
from sqlalchemy import update
from tests.parts.children import until
from tests.parts.sites import chunks, large
from tests.records.record_support import PDF, PNG, change, held, make, new_type

from consigne.catalog import schema
from consigne.core.records.change import Full, Ref, Slot
from consigne.core.records.types import Typed
from consigne.errors import Busy, ConsigneError, ConstraintFailed, HookRefused
from consigne.jobs.hooks import KIND
from consigne.jobs.queue import Queue
from consigne.jobs.worker import Worker
from consigne.model.entities import State
from consigne.model.records import Field, FieldKind

POINTS = ("pre_store", "pre_insert")


async def titled(hooked: Hooked, typed: Typed, title: str, **more: Any) -> Full:
    return await make(hooked.site, typed, values={"ct_title": title}, **more)


async def test_the_points_in_their_order(hooked: Hooked) -> None:
    """pre_store, pre_insert where something comes in, post_store after the commit (DY-58)."""
    site = hooked.site
    typed = await new_type(site)
    file = await held(site)
    full = await titled(hooked, typed, "One", files={"ct_scan": Slot(file.id)})
    assert [note["point"] for note in hooked.notes()] == ["pre_store", "pre_insert", "post_store"]
    first, _, last = hooked.notes()
    assert (first["action"], first["space"], first["type"]) == ("create", "lobby", "CONTRACT")
    assert (first["who"], first["role"]) == ("writer@example.org", "writer")
    assert (first["changes"], first["record"]) == ({"ct_title": "One"}, None)
    assert first["files"] == [["ct_scan", None, "scan.pdf", "application/pdf", len(PDF)]]
    assert (last["record"], last["document"]) == (full.record.id, "One")
    assert not last["redelivered"]
    hooked.diary.unlink()
    await change(site, full, values={"ct_title": "Two"})
    assert [note["point"] for note in hooked.notes()] == ["pre_store", "post_store"]
    assert hooked.notes()[0]["document"] == "One"
    hooked.diary.unlink()
    await site.depot.records.trash(site.writer, Ref.number(full.record.id))
    await site.depot.records.delete(site.writer, Ref.number(full.record.id))
    told = [(note["point"], note["action"]) for note in hooked.notes()]
    assert told == [(point, action) for action in ("trash", "delete")
                    for point in ("pre_store", "post_store")]  # fmt: skip
    assert await hooked.jobs() == 0


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize(
    ("whim", "said"),
    [
        ("no, thank you", "no, thank you"),
        ("raise", "Hook error"),
        ("exit", "Hook error"),
        ("eat", "Hook error"),
        ("rubbish", "The hook 'whims' answered with int in place of text."),
        ("hang", "The hook 'whims' took too long."),
        ("die", "The hook 'whims' ended unexpectedly."),
        ("surrogate", "no ? way"),
    ],
)
async def test_a_veto_leaves_nothing(hooked: Hooked, point: str, whim: str, said: str) -> None:
    """Text, exception, crash, hang, rubbish: refused; the temporary file stays (DY-58, C-53)."""
    site = hooked.site
    typed = await new_type(site)
    file = await held(site)
    before = await site.books()
    with pytest.raises(HookRefused) as refusal:
        await titled(hooked, typed, f"{point} {whim}", files={"ct_scan": Slot(file.id)})
    assert (refusal.value.message, refusal.value.details["point"]) == (said, point)
    assert await site.rows("record") == await site.rows("link") == 0
    assert (await site.depot.vault.look(site.writer, file.id)).state is State.HELD
    assert await site.books() == before
    # The next save finds plug-ins that work.
    full = await titled(hooked, typed, "fine", files={"ct_scan": Slot(file.id)})
    assert full.placed("ct_scan") is not None


async def test_a_hook_that_hangs_is_gone_afterwards(hooked: Hooked) -> None:
    """Its process is killed, with nothing left of it (C-53)."""
    typed = await new_type(hooked.site)
    with pytest.raises(HookRefused):
        await titled(hooked, typed, "pre_store hang")
    (note,) = hooked.notes()
    assert until(lambda: not os.path.exists(f"/proc/{note['pid']}"), 0)


async def test_a_veto_drops_new_bytes(hooked: Hooked) -> None:
    """A new content of a linked file: hooks read it before it is stored; refused, it is gone and
    the quota as before (DY-58, DY-61, C-53)."""
    site = hooked.site
    typed = await new_type(site)
    file = await held(site)
    full = await titled(hooked, typed, "One", files={"ct_scan": Slot(file.id)})
    ref = Ref.number(full.record.id)
    before, contents = await site.books(), await site.rows("content")
    for body in (PNG, large(3)):
        await change(site, full, values={"ct_title": "x"})
        source = GATE.replace("__SHA__", hashlib.sha256(body).hexdigest())
        await hooked.rewrite(source)
        with pytest.raises(HookRefused, match="these bytes are refused"):
            await site.depot.records.replace_file(
                site.writer, ref, "ct_scan", None, chunks(body), length=len(body)
            )
        assert await site.books() == before
        assert await site.rows("content") == contents
        assert await site.get(file) == PDF
    await site.audit(tidy=True)


GATE = """
import hashlib
from consigne.plugins import hookimpl

@hookimpl
def consigne_pre_store(ctx):
    for file in ctx.files:
        found = hashlib.sha256(file.open().read()).hexdigest()
        if found == file.sha256 == "__SHA__":
            return "these bytes are refused"
"""


async def test_hooks_read_what_was_sent(hooked: Hooked) -> None:
    """open() gives the bytes of each file, checked, small and large (DY-58)."""
    site = hooked.site
    typed = await new_type(site)
    bodies = [PDF, large(1)]
    files = [await held(site, body, f"{n}.bin") for n, body in enumerate(bodies)]
    slots = [Slot(file.id) for file in files]
    with pytest.raises(HookRefused) as refusal:
        await titled(hooked, typed, "pre_store read", files={"ct_notes": slots})
    digests = [hashlib.sha256(body).hexdigest() for body in bodies]
    assert refusal.value.message == " ".join(digests)
    full = await titled(hooked, typed, "post_store read", files={"ct_notes": slots})
    assert full.messages == [" ".join(digests)]


@pytest.mark.parametrize(
    ("whim", "messages", "warnings"),
    [
        ("well done", ["well done"], []),
        ("raise", [], ["Hook error"]),
        ("hang", [], ["The hook 'whims' took too long."]),
        ("rubbish", [], ["The hook 'whims' answered with int in place of text."]),
        ("print", [], []),
    ],
)
async def test_post_store_cancels_nothing(
    hooked: Hooked, whim: str, messages: list[str], warnings: list[str]
) -> None:
    """Its text is a message, its failure a warning; it has run once either way (DY-58)."""
    typed = await new_type(hooked.site)
    full = await titled(hooked, typed, f"post_store {whim}")
    assert (full.messages, full.warnings) == (messages, warnings)
    again = await hooked.site.depot.records.get(hooked.site.writer, Ref.number(full.record.id))
    assert again.record.title == f"post_store {whim}"
    assert len(hooked.notes("post_store")) == 1
    assert await hooked.jobs() == 0


async def test_post_store_that_finds_no_process_is_done_later(
    hooked: Hooked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The save is done and says so; a worker tells the plug-in, as one that was told before."""
    typed = await new_type(hooked.site)
    await titled(hooked, typed, "first")
    call = hooked.desk._pool.call

    async def busy(order: Any, *more: Any) -> Any:
        if order.point == "post_store":
            raise Busy("All processes for plug-ins are busy.")
        return await call(order, *more)

    with monkeypatch.context() as patch:
        patch.setattr(hooked.desk._pool, "call", busy)
        full = await titled(hooked, typed, "second")
    assert full.warnings == ["post_store is done later: All processes for plug-ins are busy."]
    assert await hooked.jobs() == 1
    await hooked.site.run(lambda tx: tx.run(update(schema.job).values(run_at=0)))
    worker = Worker(Queue(hooked.site.depot.catalog, 5), {KIND: hooked.desk.redeliver}, poll=0.02)
    await worker.start()
    while await hooked.jobs():  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    await worker.stop()
    told = hooked.notes("post_store")
    assert [(note["document"], note["redelivered"]) for note in told] == [
        ("first", False),
        ("second", True),
    ]


async def test_children_are_warm_and_know_nothing(hooked: Hooked) -> None:
    """One process serves many saves; it has neither our sockets nor our settings (C-53, C-05)."""
    typed = await new_type(hooked.site)
    for number in range(5):
        await titled(hooked, typed, str(number))
    assert len({note["pid"] for note in hooked.notes()}) == 1
    with pytest.raises(HookRefused) as refusal:
        await titled(hooked, typed, "pre_store look")
    seen = json.loads(refusal.value.message)
    assert not [name for name in seen["environ"] if name.startswith("CONSIGNE")]
    data = str(hooked.site.settings.data_path)
    assert not [name for name in seen["handles"] if name.startswith(data)]
    (pid,) = {note["pid"] for note in hooked.notes()}
    await hooked.desk.close()
    assert until(lambda: not os.path.exists(f"/proc/{pid}"))


async def test_saves_at_once_share_the_processes(hooked: Hooked) -> None:
    """No more children than are allowed, and every save gets its turn (C-53)."""
    typed = await new_type(hooked.site)
    await asyncio.gather(*(titled(hooked, typed, str(number)) for number in range(20)))
    assert len(hooked.notes("post_store")) == 20
    assert len({note["pid"] for note in hooked.notes()}) <= hooked.site.settings.hook_processes


async def test_a_type_chooses_its_hooks(hooked: Hooked) -> None:
    """The types name the plug-ins that they use; none: all (DY-60)."""
    other = await new_type(hooked.site, "OTHER", hooks=["another"])
    await titled(hooked, other, "pre_store no")
    assert hooked.notes() == []
    mine = await new_type(hooked.site, "MINE", hooks=["whims"])
    with pytest.raises(HookRefused):
        await titled(hooked, mine, "pre_store no")


async def test_what_changes_meanwhile_is_asked_about_again(hooked: Hooked) -> None:
    """Hooks run outside any transaction; the commit checks again, and asks anew (C-53)."""
    site = hooked.site
    typed = await new_type(site)
    full = await titled(hooked, typed, "One")
    hooked.diary.unlink()
    await asyncio.gather(
        *(change(site, full, values={"ct_amount": float(n)}) for n in range(4)),
    )
    assert len(hooked.notes("post_store")) == 4
    assert len(hooked.notes("pre_store")) >= 4


async def test_a_plugin_that_cannot_be_loaded_refuses(hooked: Hooked) -> None:
    """Nobody has checked, so nothing passes; and the answer says which one it is (C-53)."""
    await hooked.rewrite(BROKEN)
    typed = await new_type(hooked.site)
    with pytest.raises(HookRefused, match="'whims' cannot be loaded"):
        await titled(hooked, typed, "One")
    assert await hooked.site.rows("record") == 0


async def test_constraints_of_plugins(hooked: Hooked) -> None:
    """All failures at once, in rows, with suggestions; files can be opened (DY-59)."""
    site = hooked.site
    fields = [
        Field("words", FieldKind.TEXT, "Words", multiple=True, constraints=["whimsical"]),
        Field("scans", FieldKind.FILE, "Scans", multiple=True, constraints=["is_pdf"]),
        Field("lost", FieldKind.TEXT, "Lost", constraints=["nowhere"]),
    ]
    typed = await new_type(site, fields=fields)
    good, bad = await held(site), await held(site, PNG, "picture.png")
    words = ["text", "fine", "false", "suggest", "raise", "rubbish", "true", "empty", None]
    with pytest.raises(ConstraintFailed) as refusal:
        await make(
            site, typed, values={"words": words, "lost": "x"},
            files={"scans": [Slot(good.id), Slot(bad.id)]},
        )  # fmt: skip
    found = {(f.field, f.index): (f.message, f.suggests) for f in refusal.value.details["failures"]}
    assert found == {
        ("words", 0): ("not like that", []),
        ("words", 2): ("constraint error", []),
        ("words", 3): ("no such colour", ["red", "blue"]),
        ("words", 4): ("constraint error", []),
        ("words", 5): ("The constraint 'whimsical' answered with int.", []),
        ("scans", 1): ("picture.png in row 1 is no PDF", []),
        ("lost", None): ("There is no constraint function 'nowhere'.", []),
    }
    assert {f.code for f in refusal.value.details["failures"]} == {"constraint"}
    for word, problem in (("hang", "took too long"), ("die", "ended unexpectedly")):
        with pytest.raises(ConstraintFailed, match=problem):
            await make(site, typed, values={"words": ["fine", word]})
    full = await make(site, typed, values={"words": ["fine"]}, files={"scans": [Slot(good.id)]})
    # A file that stays where it is can be asked about, too.
    await change(site, full, files={"scans": [Slot(good.id, "renamed.pdf")]})


async def test_without_plugins_nothing_is_started(hooked: Hooked, monkeypatch: Any) -> None:
    """The cost of hooks that nobody has is none: no process, no question (C-53)."""
    site = hooked.site
    monkeypatch.setattr(hooked.desk, "_names", [])
    monkeypatch.setattr(
        "consigne.jobs.hook_pool._Child.start", lambda *_: pytest.fail("a child was started")
    )
    typed = await new_type(site)
    full = await titled(hooked, typed, "pre_store no")
    await change(site, full, values={"ct_title": "pre_store no"})
    assert hooked.notes() == []
    # What no one can check any more is not taken to be right.
    checked = await new_type(
        site, "CHECKED", fields=[Field("word", FieldKind.TEXT, constraints=["whimsical"])]
    )
    with pytest.raises(ConstraintFailed, match="no constraint function 'whimsical'"):
        await make(site, checked, values={"word": "fine"})


async def test_busy_hooks_say_so(hooked: Hooked) -> None:
    """Where all processes hang, others are told to come back, and nothing is stored (C-53)."""
    typed = await new_type(hooked.site)
    results = await asyncio.gather(
        *(titled(hooked, typed, "pre_store hang") for _ in range(8)), return_exceptions=True
    )
    assert all(isinstance(each, ConsigneError) for each in results)
    assert await hooked.site.rows("record") == 0
    assert (await titled(hooked, typed, "fine")).record.title == "fine"
