"""The end of users and of spaces (C-56).

A user who is deleted is locked out at once; of him only the number stays, which the audit trail
names. His files become their spaces' own, by a job in each: those who manage a space manage them.

A space that is deleted is closed at once: nobody has a seat in it, no route knows its name. A job
that waits for the time of grace then removes what is in it, file by file through the life-cycle
table. Until that has begun it can be opened again as it was. Events and tombstones stay.
"""

from collections.abc import Callable

import msgspec

from consigne.blobs.bucket import Bucket
from consigne.catalog import (
    departures,
    files,
    jobs,
    principals,
    record_types,
    records,
    reports,
    spaces,
    uploads,
)
from consigne.catalog.engine import Catalog, Tx
from consigne.core import jobs as queue
from consigne.core import keeping
from consigne.core.accounts import Accounts, require_another_operator
from consigne.core.clock import ms, now_ms
from consigne.core.history import record
from consigne.core.records.ending import delete_in
from consigne.core.seat import Caller
from consigne.core.sessions import end
from consigne.errors import Protected, SpaceNotFound, UserNotFound, WrongState
from consigne.model.entities import Guard, Job, JobState, Space, State, UploadState
from consigne.model.records import RecordState
from consigne.settings import Settings

HAND_OVER = "hand_over"
CLEAR_SPACE = "clear_space"
_BATCH = 200
_ATTEMPTS = 100  # a space must not stay half cleared because a store was away for an hour


class Inheritance(msgspec.Struct, frozen=True):
    """Payload of a job ``hand_over``: whose files become the space's."""

    user: int


class Outcome(msgspec.Struct, frozen=True):
    """Result of either job: how many files."""

    files: int


class Departures:
    """The verbs; who may use them is checked by the caller, as for all of an installation."""

    def __init__(self, catalog: Catalog, accounts: Accounts, settings: Settings) -> None:
        self._catalog = catalog
        self._accounts = accounts
        self._settings = settings

    async def delete_user(self, actor: Caller, number: int) -> list[Job]:
        """Delete a user; return the jobs that hand his files over.

        Raises UserNotFound, and WrongState for the last who looks after the installation.
        """

        def work(tx: Tx) -> list[Job]:
            user = principals.by_id(tx, number)
            if user is None or user.deleted_at is not None:
                raise UserNotFound
            require_another_operator(tx, number, "delete")
            now = now_ms()
            for space_id in departures.memberships(tx, number):
                record_types.leave_groups(tx, space_id, number)
                record(tx, space_id, actor.id, "member.dropped", number)
            departures.bury_principal(tx, number, now)
            return [
                queue.enqueue_for(
                    tx, space_id, actor.id, HAND_OVER, Inheritance(number),
                    key=f"{HAND_OVER}:{space_id}:{number}", total=count, max_attempts=_ATTEMPTS,
                )[0]
                for space_id, count in departures.inheriting(tx, number)
            ]  # fmt: skip

        made = await self._catalog.write(work)
        self._accounts.forget()
        return made

    async def delete_space(
        self, actor: Caller, short: str, *, grace: float | None = None
    ) -> tuple[Space, Job]:
        """Close a space; return it, and the job that clears it after ``grace`` seconds.

        Without ``grace`` the setting ``space_grace`` counts. Of a space that is closed already the
        time is set anew. Raises SpaceNotFound, Protected (a retention or legal hold stands on a
        file), WrongState (the only space, or its clearing has begun).
        """
        seconds = self._settings.space_grace if grace is None else grace

        def work(tx: Tx) -> tuple[Space, Job]:
            found = spaces.by_short(tx, short) or spaces.closed_by_short(tx, short)
            if found is None:
                raise SpaceNotFound(f"There is no space {short!r}.")
            space, now = spaces.lock(tx, found.id), now_ms()
            if space.deleted_at is None:
                _require_closable(tx, space, now)
                spaces.close(tx, space.id, now)
                record(tx, space.id, actor.id, "space.deleted", space.id, short=space.short)
            else:
                _stop_clearing(tx, space, actor.id, "delete")
            job, _ = queue.enqueue_for(
                tx, space.id, actor.id, CLEAR_SPACE, None, key=_key(space),
                total=departures.files_of(tx, space.id), run_at=now + ms(seconds),
                max_attempts=_ATTEMPTS,
            )  # fmt: skip
            return spaces.lock(tx, space.id), job

        made = await self._catalog.write(work)
        self._accounts.forget()
        return made

    async def restore_space(self, actor: Caller, short: str) -> Space:
        """Open a closed space again. Raises SpaceNotFound, WrongState (clearing has begun)."""

        def work(tx: Tx) -> Space:
            found = spaces.closed_by_short(tx, short)
            if found is None:
                raise SpaceNotFound(f"There is no deleted space {short!r}.")
            space = spaces.lock(tx, found.id)
            _stop_clearing(tx, space, actor.id, "restore")
            spaces.close(tx, space.id, None)
            record(tx, space.id, actor.id, "space.restored", space.id, short=space.short)
            return spaces.lock(tx, space.id)

        opened = await self._catalog.write(work)
        self._accounts.forget()
        return opened

    async def closed(self, after: int = 0, limit: int = 100) -> list[tuple[Space, Job | None]]:
        """Return closed spaces by number, and what is left of deleted ones, each with its job."""

        def work(tx: Tx) -> list[tuple[Space, Job | None]]:
            found = spaces.closed(tx, after, limit)
            return [(space, jobs.under_way(tx, _key(space))) for space in found]

        return await self._catalog.read(work)


class Clearing:
    """What a worker does with the jobs of both kinds; every page is a transaction of its own."""

    def __init__(self, catalog: Catalog, bucket: Bucket, settings: Settings) -> None:
        self._catalog = catalog
        self._bucket = bucket
        self._settings = settings

    async def hand_over(self, job: Job) -> None:
        """Make a deleted user's files the space's own. Raises WrongState (the lease is lost)."""
        user = msgspec.json.decode(job.payload, type=Inheritance).user

        def page(tx: Tx) -> int:
            present = queue.require_lease(tx, job)
            spaces.lock(tx, job.space_id)
            count = departures.hand_over(tx, job.space_id, user, _BATCH)
            if count:
                jobs.progress(tx, job.id, job.holder or "", present.done + count, None)
                return count
            record(tx, job.space_id, job.created_by, "files.inherited", user, count=present.done)
            queue.finish(tx, job, Outcome(present.done))
            return 0

        while await self._catalog.write(page):
            pass

    async def clear(self, job: Job) -> None:
        """Remove everything in a closed space. Raises WrongState (the lease is lost)."""
        stages: list[str] = []

        def page(step: Callable[[Tx, Job], int]) -> Callable[[Tx], int]:
            def work(tx: Tx) -> int:
                present = queue.require_lease(tx, job)
                if spaces.lock(tx, job.space_id).deleted_at is None:
                    raise WrongState("The space is open again.", state="open", verb="clear")
                count = step(tx, present)
                if step == self._files and count:
                    jobs.progress(tx, job.id, job.holder or "", present.done + count, None)
                return count

            return work

        def sessions(tx: Tx, present: Job) -> int:
            ended = _end_sessions(tx, present.space_id)
            stages.extend(stage for stage in ended if stage)
            return len(ended)

        for step in (_stop_jobs, sessions, self._records, self._files):
            while await self._catalog.write(page(step)):
                while stages:
                    await self._bucket.drop_stage(stages.pop())
        await self._catalog.write(page(_conclude))

    def _records(self, tx: Tx, job: Job) -> int:
        found = departures.some_records(tx, job.space_id, _BATCH)
        now = now_ms()
        for number in found:
            present = records.lock(tx, number)
            # A frozen revision may have gone with its record a moment ago.
            if present is not None and present.state is not RecordState.FROZEN:
                delete_in(tx, job.created_by, present, now)
        for number in found:
            stray = records.lock(tx, number)
            if stray is not None:
                delete_in(tx, job.created_by, stray, now)
        return len(found)

    def _files(self, tx: Tx, job: Job) -> int:
        found = departures.some_files(tx, job.space_id, _BATCH)
        now = now_ms()
        until = now + ms(self._settings.tombstones)
        for number in found:
            file = files.lock(tx, number)
            if file is None:
                continue
            if file.state is State.EXPECTED:
                keeping.bury(tx, file, "deleted", now, until)
                continue
            if file.state is not State.RELEASED:
                file = keeping.release(tx, file, job.created_by, now, "space")
            keeping.purge(tx, file, job.created_by, now, until)
        return len(found)


def _require_closable(tx: Tx, space: Space, now: int) -> None:
    if len(spaces.page(tx, 0, 2)) < 2:
        raise WrongState(
            "This is the only space.", hint="Make another one first.", state="only", verb="delete"
        )
    guarded = departures.guarded(tx, space.id, now)
    if guarded:
        raise Protected(
            f"A retention or a legal hold stands on {guarded} files of the space.",
            hint="Wait until their time is over, or lift the holds.",
            guards=(Guard.RETENTION | Guard.HOLD).names(),
        )


def _stop_clearing(tx: Tx, space: Space, actor: int, verb: str) -> None:
    """Cancel the job that is to clear a space. Raises WrongState where it has begun."""
    found = jobs.under_way(tx, _key(space))
    job = jobs.lock(tx, found.id) if found is not None else None
    if job is None or job.attempts or job.state is not JobState.QUEUED:
        raise WrongState(
            f"What was in the space {space.short!r} is being removed.", state="cleared", verb=verb
        )
    queue.end(tx, job, JobState.CANCELLED, actor=actor)


def _stop_jobs(tx: Tx, job: Job) -> int:
    found = departures.other_jobs(tx, job.space_id, job.id, _BATCH)
    for number in found:
        present = jobs.lock(tx, number)
        if present is not None:
            queue.end(tx, present, JobState.CANCELLED, actor=job.created_by)
    return len(found)


def _end_sessions(tx: Tx, space_id: int) -> list[str]:
    """End upload sessions; return their stages."""
    now, ended = now_ms(), []
    for number in departures.some_uploads(tx, space_id, _BATCH):
        present = uploads.lock(tx, number)
        if present is None:
            continue
        if present.state in (UploadState.DONE, UploadState.ABORTED, UploadState.EXPIRED):
            uploads.remove(tx, present.id)
        else:
            end(tx, present, "abort", now, 0)
        ended.append(present.stage)
    return ended


def _conclude(tx: Tx, job: Job) -> int:
    now = now_ms()
    for number in departures.reports_of(tx, job.space_id):
        reports.drop(tx, number, now)
    departures.clear(tx, job.space_id)
    spaces.bury(tx, job.space_id)
    record(tx, job.space_id, job.created_by, "space.cleared", job.space_id, files=job.done)
    queue.finish(tx, job, Outcome(job.done))
    return 0


def _key(space: Space) -> str:
    return f"{CLEAR_SPACE}:{space.id}"
