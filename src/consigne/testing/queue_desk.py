"""What the queue's conformance suite works at: an open catalog with a space, and its queue."""

from consigne.catalog import jobs, spaces
from consigne.catalog.engine import Catalog
from consigne.core import jobs as core
from consigne.core.access import Caller, Seat
from consigne.core.clock import now_ms
from consigne.jobs.queue import Queue
from consigne.model.entities import Job, Principal, Space
from consigne.model.identity import new_id
from consigne.model.rights import Role

LEASE = 30.0
CREDITS = 20


class Clock:
    """A clock that a test can put forward."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> int:
        return now_ms() + int(self.ahead * 1000)


class Desk:
    """An open catalog with a space in it, and its queue."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.clock = Clock()
        self.queue = Queue(catalog, LEASE, first_pause=10, clock=self.clock)
        self.seat: Seat

    async def furnish(self) -> None:
        space = Space(0, f"s{new_id():x}", "Space", None, 0, 0, 0, CREDITS, False, now_ms())
        made = await self.catalog.write(lambda tx: spaces.insert_space(tx, space))
        self.seat = self.member(1, Role.WRITER, made)

    def member(self, number: int, role: Role, space: Space | None = None) -> Seat:
        mail = f"user{number}@example.org"
        user = Principal(number, mail, mail, "", None, True, False, None, 0, now_ms())
        return Seat(Caller(user), space or self.seat.space, role)

    async def add(
        self,
        kind: str = "test",
        *,
        key: str | None = None,
        credits: int = 0,
        later: float = 0,
        attempts: int = 3,
    ) -> Job:
        job, _ = await self.catalog.write(
            lambda tx: core.enqueue(
                tx,
                self.seat,
                kind,
                {"a": 1},
                key=key,
                credits=credits,
                run_at=now_ms() + int(later * 1000),
                max_attempts=attempts,
            )
        )
        return job

    async def take(self, holder: str = "me", kind: str = "test") -> Job:
        job = await self.queue.claim([kind], holder)
        assert job is not None, "nothing to claim"
        return job

    async def now(self, job: Job) -> Job:
        found = await self.catalog.look(lambda tx: jobs.by_id(tx, job.id))
        assert found is not None
        return found

    async def credits(self) -> int:
        found = await self.catalog.look(lambda tx: spaces.by_id(tx, self.seat.space_id))
        assert found is not None
        return found.ocr_credits
