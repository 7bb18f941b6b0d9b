"""Sending what is in the outbox of webhooks, several deliveries at a time."""

import asyncio
from collections import Counter

import structlog

from consigne.core.clock import now_ms
from consigne.core.outbox import Outbox
from consigne.errors import ConsigneError, Internal
from consigne.jobs.posting import Poster
from consigne.model.webhooks import Attempt, Delivery
from consigne.settings import Settings

log = structlog.get_logger()

# A receiver that is slow holds up no others.
_AT_ONE = 3


class Sender:
    """``start`` and ``stop``."""

    def __init__(self, outbox: Outbox, poster: Poster, settings: Settings) -> None:
        self._outbox = outbox
        self._poster = poster
        self._settings = settings
        self._slots = asyncio.Semaphore(settings.webhook_slots)
        self._busy: Counter[int] = Counter()
        self._sending: set[asyncio.Task[None]] = set()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Let go of what is under way: it is due again when its claim is over."""
        tasks = [*self._sending, *([self._task] if self._task else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._poster.close()

    async def _run(self) -> None:
        while True:
            await self._slots.acquire()
            delivery = None
            try:
                delivery = await self._claim()
            except ConsigneError as error:
                log.warning("webhook_claim_failed", error=error.message)
            except Exception:  # whatever it is, the next delivery must not wait for ever
                log.exception("webhook_claim_failed")
            if delivery is None:
                self._slots.release()
                await asyncio.sleep(self._settings.job_poll)
                continue
            self._busy[delivery.webhook_id] += 1
            task = asyncio.create_task(self._send(delivery))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def _claim(self) -> Delivery | None:
        if not await self._outbox.is_due():
            return None
        return await self._outbox.claim([n for n, count in self._busy.items() if count >= _AT_ONE])

    async def _send(self, delivery: Delivery) -> None:
        try:
            target = await self._outbox.target(delivery)
            if target is None:
                return
            body = delivery.payload.encode()
            try:
                headers = self._outbox.headers(target, delivery.message, body, now_ms())
            except Internal as error:  # another master key: it does not pass by itself
                attempt = Attempt(None, error.message, None, 0)
            else:
                attempt, _ = await self._poster.post(
                    target.url, headers, body, self._settings.webhook_time
                )
            await self._outbox.settle(delivery, attempt)
            log.info(
                "webhook_sent", webhook=target.id, action=delivery.event, message=delivery.message,
                attempt=delivery.attempts, status=attempt.status, error=attempt.error,
            )  # fmt: skip
        except ConsigneError as error:
            log.warning("webhook_failed", webhook=delivery.webhook_id, error=error.message)
        except Exception:
            log.exception("webhook_failed", webhook=delivery.webhook_id)
        finally:
            self._busy[delivery.webhook_id] -= 1
            if not self._busy[delivery.webhook_id]:
                del self._busy[delivery.webhook_id]
            self._slots.release()
