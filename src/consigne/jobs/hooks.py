"""Asking plug-ins and webhooks about saves: what stands behind ``core.records.hooks`` (C-53).

Plug-ins run in the children of a pool, webhooks are posted to. A hook that hangs, crashes or says
what nobody understands refuses the save; a webhook may be set to let it pass. Where neither is
there nothing is started, and a save costs no more than the look whether there are.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import msgspec
import structlog

from consigne.blobs.bucket import Bucket
from consigne.catalog import contents, jobs, webhooks
from consigne.catalog.engine import Catalog, Tx
from consigne.core import jobs as queue
from consigne.core.clock import ms, now_ms
from consigne.core.outbox import Outbox
from consigne.core.records.hooks import Answer, Check, Occasion, Point
from consigne.core.records.layout import Layout
from consigne.errors import ConsigneError, FileNotFound
from consigne.jobs.hook_order import Call, PluginFacts, Question, Reply, Telling
from consigne.jobs.hook_pool import Broken, Late, Pool, installed
from consigne.jobs.hook_telling import telling_of, told_outside, with_files
from consigne.jobs.hook_webhooks import Asker
from consigne.jobs.posting import Poster
from consigne.jobs.worker import Run
from consigne.model.entities import Content, File
from consigne.model.records import RecordType
from consigne.settings import Settings

log = structlog.get_logger()

KIND = "post_store"
# How long beyond its own limits a request may take before a worker takes its post_store over.
_MARGIN = 5.0


class Work(msgspec.Struct, frozen=True):
    """Payload of a job: what the save was, and which plug-ins are to know."""

    plugins: list[str]
    told: Telling


class HookDesk:
    """All who are asked about saves, of one process."""

    def __init__(
        self, catalog: Catalog, bucket: Bucket, outbox: Outbox, settings: Settings
    ) -> None:
        self._catalog = catalog
        self._bucket = bucket
        self._outbox = outbox
        self._settings = settings
        self._names = installed(settings.plugin_path)
        self._pool = Pool(
            settings.plugin_path, settings.plugin_env,
            size=settings.hook_processes, memory=settings.hook_memory,
        )  # fmt: skip
        self._poster = Poster(settings.webhook_allow_private)
        self._asker = Asker(outbox, self._poster, settings)
        self._facts: dict[str, PluginFacts] = {}
        self._after: set[asyncio.Task[list[Answer]]] = set()

    def concern(self, tx: Tx, type: RecordType, layout: Layout) -> bool:
        """Tell whether a plug-in, a constraint or a webhook may have a say."""
        if layout.has_constraints or self._chosen(type):
            return True
        return webhooks.speaks(tx, type.space_id)

    async def run(self, point: Point, occasion: Occasion) -> list[Answer]:
        """Ask all; at a point before the commit no further ones after a refusal."""
        if point is Point.CONSTRAINT:
            return await self._constraints(occasion)
        if point is Point.POST_STORE:
            # Not cut short by a client that does not wait for the answer.
            task = asyncio.create_task(self._post_store(occasion))
            self._after.add(task)
            task.add_done_callback(self._after.discard)
            return await asyncio.shield(task)
        told = telling_of(occasion)
        answers = await self._plugins(
            point, self._chosen(occasion.type), told, self._source(occasion, told)
        )
        if not any(each.text or each.failed for each in answers):
            answers += await self._asker.ask(point, occasion, told)
        return answers

    def book(self, tx: Tx, occasion: Occasion) -> None:
        """Note who is to be told after the commit, should this process not live to do it."""
        told = telling_of(occasion)
        self._outbox.book(tx, occasion.type, told_outside(told))
        chosen = self._at(Point.POST_STORE, self._chosen(occasion.type))
        if chosen:
            wait = _MARGIN + self._settings.hook_time * (len(chosen) + 1)
            queue.enqueue_quietly(
                tx, occasion.type.space_id, KIND, Work(chosen, told), _key(occasion),
                run_at=now_ms() + ms(wait),
            )  # fmt: skip

    async def redeliver(self, run: Run) -> None:
        """Tell plug-ins of a save whose process ended before it could; the job ends with it."""
        work = msgspec.json.decode(run.job.payload, type=Work)
        told = msgspec.structs.replace(work.told, redelivered=True)
        present = [name for name in work.plugins if name in self._names]
        for answer in await self._plugins(Point.POST_STORE, present, told, self._stored(told)):
            log.info("post_store_redelivered", said=answer.text, failed=answer.failed)

        def finish(tx: Tx) -> None:
            queue.require_lease(tx, run.job)
            jobs.remove(tx, run.job.id)

        await self._catalog.write(finish)

    async def close(self) -> None:
        """End the processes and connections; what is still to be told a worker takes over."""
        for task in list(self._after):
            task.cancel()
        await asyncio.gather(*self._after, return_exceptions=True)
        await self._pool.close()
        await self._poster.close()

    async def _post_store(self, occasion: Occasion) -> list[Answer]:
        chosen = self._at(Point.POST_STORE, self._chosen(occasion.type))
        if not chosen:
            return []
        told = telling_of(occasion)
        key = _key(occasion)

        def settle(tx: Tx) -> None:
            job = jobs.under_way(tx, key)
            if job is not None:
                jobs.remove(tx, job.id)

        try:
            answers = await self._plugins(Point.POST_STORE, chosen, told, self._stored(told))
            await self._catalog.write(settle)
        except ConsigneError as error:  # the save is done: what is booked a worker does
            log.warning("post_store_put_off", error=error.message)
            return [_failed(f"post_store is done later: {error.message}")]
        return answers

    async def _plugins(
        self, point: Point, names: Sequence[str], told: Telling, source: "_Source"
    ) -> list[Answer]:
        if not names:
            return []
        if problem := await self._learn():
            return [problem]
        answers: list[Answer] = []
        for name in self._at(point, names):
            answer = await self._one(point, name, told, source)
            if answer.text or answer.failed:
                answers.append(answer)
                if point is not Point.POST_STORE:
                    break
        return answers

    async def _one(self, point: Point, name: str, told: Telling, source: "_Source") -> Answer:
        facts = self._facts.get(name)
        if facts is None or facts.problem:
            return _failed(f"The plug-in {name!r} cannot be loaded.")
        try:
            replies = await self._pool.call(
                Call(point.value, told, name), source, self._settings.hook_time
            )
        except Late:
            log.error("hook_late", plugin=name, point=point.value)
            return _failed(f"The hook {name!r} took too long.")
        except Broken as error:
            log.error("hook_broken", plugin=name, point=point.value, error=str(error))
            return _failed(f"The hook {name!r} ended unexpectedly.")
        reply = replies[0] if replies else Reply(raised=True)
        if reply.raised:
            log.error("hook_raised", plugin=name, point=point.value)
            return Answer(None, failed=True)
        if reply.rubbish is not None:
            log.error("hook_rubbish", plugin=name, point=point.value, type=reply.rubbish)
            return _failed(f"The hook {name!r} answered with {reply.rubbish} in place of text.")
        return Answer(reply.text)

    async def _constraints(self, occasion: Occasion) -> list[Answer]:
        """Ask the functions that fields name; one that is not there fails: nobody has checked."""
        known: set[str] = set()
        if self._names:
            if problem := await self._learn():
                return [
                    msgspec.structs.replace(problem, check=n) for n in range(len(occasion.checks))
                ]
            known = {name for facts in self._facts.values() for name in facts.constraints}
        told = telling_of(occasion)
        places = {file.id: place for place, file in enumerate(occasion.files.values())}
        answers: list[Answer] = []
        asked: list[int] = []
        questions: list[Question] = []
        more: list[tuple[Check, File]] = []
        for number, check in enumerate(occasion.checks):
            if check.name not in known:
                text = f"There is no constraint function {check.name!r}."
                answers.append(Answer(text, failed=True, check=number))
                continue
            place = None
            if check.file is not None:
                place = places.get(check.file.id)
                if place is None:  # a file that stays where it is
                    place = len(told.files) + len(more)
                    more.append((check, check.file))
            asked.append(number)
            questions.append(
                Question(
                    check.name, check.field.id, check.field.kind.value, check.field.label,
                    check.index, check.value, place,
                )
            )  # fmt: skip
        if questions:
            told = with_files(told, more)
            answers += await self._judged(Call("constraint", told, "", questions), asked, occasion)
        return answers

    async def _judged(self, call: Call, asked: list[int], occasion: Occasion) -> list[Answer]:
        problem: str | None = None
        source = self._source(occasion, call.told)
        try:
            replies = await self._pool.call(call, source, self._settings.hook_time)
        except Late as late:
            replies, problem = late.args[0], "took too long"
        except Broken as broken:
            replies, problem = [], "ended unexpectedly"
            log.error("constraint_broken", error=str(broken))
        answers = []
        for reply in replies:
            assert reply.question is not None
            text, failed = reply.text, reply.raised or reply.rubbish is not None
            if reply.raised:
                text = "constraint error"
            elif reply.rubbish is not None:
                name = call.questions[reply.question].name
                text = f"The constraint {name!r} answered with {reply.rubbish}."
            answers.append(
                Answer(text, failed=failed, check=asked[reply.question], suggests=reply.suggests)
            )
        if problem is not None:
            number = min(len(replies), len(asked) - 1)
            name = call.questions[number].name
            log.error("constraint_failed", constraint=name, problem=problem)
            answers.append(
                Answer(f"The constraint {name!r} {problem}.", failed=True, check=asked[number])
            )
        return answers

    async def _learn(self) -> Answer | None:
        """Load the plug-ins, once; return what is said where that fails."""
        if not self._facts:
            try:
                self._facts = {each.name: each for each in await self._pool.facts()}
            except (Broken, OSError) as error:
                log.error("plugins_broken", error=str(error))
                return _failed("The plug-ins cannot be loaded.")
        return None

    def _chosen(self, type: RecordType) -> list[str]:
        """Return the plug-ins that a type uses."""
        if not self._names:
            return []
        wanted = type.hook_names
        return [name for name in self._names if not wanted or name in wanted]

    def _at(self, point: Point, names: Sequence[str]) -> list[str]:
        """Leave out those of whom it is known that they have nothing to say at a point."""
        return [
            name
            for name in names
            if name not in self._facts or point.value in self._facts[name].points
        ]

    def _source(self, occasion: Occasion, told: Telling) -> "_Source":
        """Return how a child gets the bytes of the files of an occasion."""
        drafts = [occasion.drafts.get(at) for at in occasion.files]
        stored = self._stored(told)

        async def opened(number: int) -> AsyncIterator[bytes]:
            draft = drafts[number] if number < len(drafts) else None
            return draft() if draft is not None else await stored(number)

        return opened

    def _stored(self, told: Telling) -> "_Source":
        async def opened(number: int) -> AsyncIterator[bytes]:
            if not 0 <= number < len(told.files):
                raise FileNotFound
            wanted = told.files[number].content_id

            def find(tx: Tx) -> Content | None:
                return contents.by_id(tx, wanted) if wanted is not None else None

            content = await self._catalog.look(find)
            if content is None:
                raise FileNotFound("The bytes are gone.")
            return self._bucket.read(
                content.key, content.size, content.block_size, content.blocks, 0, content.size
            )

        return opened


_Source = Callable[[int], Awaitable[AsyncIterator[bytes]]]


def _failed(text: str) -> Answer:
    return Answer(text, failed=True)


def _key(occasion: Occasion) -> str:
    """Return by what the booking of a save is found again."""
    assert occasion.record is not None
    tag = occasion.record.etag.strip('"')
    return f"{KIND}:{tag}:{occasion.action}"
