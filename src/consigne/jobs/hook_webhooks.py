"""Asking webhooks before a save: one POST each, answered within seconds.

A receiver lets a save pass with 2xx and an empty body or JSON in which ``allow`` is not false; it
refuses with ``{"allow": false, "message": …}`` or with 4xx and ``{"message": …}``. Everything else
is a failure, and the webhook's policy decides.
"""

from typing import Any

import msgspec
import structlog

from consigne.core.clock import now_ms
from consigne.core.outbox import Outbox, message_of
from consigne.core.records.hooks import Answer, Occasion, Point
from consigne.jobs.hook_order import Telling
from consigne.jobs.hook_telling import told_outside
from consigne.jobs.posting import Poster
from consigne.model.identity import Kind, new_id, to_uuid
from consigne.model.webhooks import Attempt, OnFailure, Webhook
from consigne.settings import Settings

log = structlog.get_logger()

_MOST_TEXT = 2000
_REFUSED = "The webhook refused the change."


class Verdict(msgspec.Struct, frozen=True):
    """What a receiver has said; ``problem``: why that is no answer."""

    text: str | None = None
    problem: str | None = None


class Asker:
    """Posts to the webhooks of a space that want to be asked."""

    def __init__(self, outbox: Outbox, poster: Poster, settings: Settings) -> None:
        self._outbox = outbox
        self._poster = poster
        self._settings = settings

    async def ask(self, point: Point, occasion: Occasion, told: Telling) -> list[Answer]:
        """Return the first refusal, if there is one."""
        asked = await self._outbox.asked(occasion.type, point.value)
        if not asked:
            return []
        now = now_ms()
        body = message_of(point.value, told_outside(told), now).encode()
        for target in asked:
            verdict = await self._one(target, point, body)
            if verdict.text is not None:
                return [Answer(verdict.text)]
            if verdict.problem is not None and target.on_failure is OnFailure.REFUSE:
                text = f"The webhook {target.name!r} gave no answer: {verdict.problem}"
                return [Answer(text, failed=True)]
        return []

    async def _one(self, target: Webhook, point: Point, body: bytes) -> Verdict:
        now = now_ms()
        message = f"msg_{to_uuid(Kind.EVENT, new_id(now))}"
        headers = self._outbox.headers(target, message, body, now)
        attempt, said = await self._poster.post(
            target.url, headers, body, self._settings.webhook_pre_time
        )
        verdict = verdict_of(attempt, said)
        if verdict.problem is not None:
            log.warning(
                "webhook_hook_failed", webhook=target.id, point=point.value, error=verdict.problem
            )
            noted = msgspec.structs.replace(attempt, error=verdict.problem)
            await self._outbox.note(target, point.value, body, noted)
        return verdict


def verdict_of(attempt: Attempt, said: bytes) -> Verdict:
    """Return what an answer means."""
    if attempt.status is None:
        return Verdict(problem=attempt.error)
    answer = _object(said)
    if attempt.is_success:
        if not said.strip():
            return Verdict()
        if answer is None or not isinstance(answer.get("allow", True), bool):
            return Verdict(problem="The answer is no JSON object with 'allow'.")
        return Verdict() if answer.get("allow", True) else Verdict(_message(answer) or _REFUSED)
    if 400 <= attempt.status < 500 and answer is not None and (text := _message(answer)):
        return Verdict(text)
    return Verdict(problem=f"HTTP {attempt.status}")


def _object(said: bytes) -> dict[str, Any] | None:
    try:
        found = msgspec.json.decode(said)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return found if isinstance(found, dict) else None


def _message(answer: dict[str, Any]) -> str | None:
    text = answer.get("message")
    return text.strip()[:_MOST_TEXT] or None if isinstance(text, str) else None
