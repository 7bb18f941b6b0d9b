"""The list of events that webhooks can name is the list of what history records."""

import re
from pathlib import Path

import consigne
from consigne.core.outbox import signature
from consigne.core.telling import EVENTS
from consigne.model.entities import JobState

SOURCE = Path(consigne.__file__).parent
PAGE = Path(__file__).parents[2] / "docs/webhooks.md"
_CALL = re.compile(
    r"(?:\brecord|write_event|history\.record|\bEvent)\((?P<head>(?:[^()]|\([^()]*\)){0,300}?)"
    r"\"(?P<action>[a-z]+\.[a-z_]+)\""
)


def test_every_event_is_known_and_documented() -> None:
    """DY-58: an action that history records and no webhook could name fails here."""
    recorded = set()
    for path in (SOURCE / "core").rglob("*.py"):
        recorded |= {found["action"] for found in _CALL.finditer(path.read_text())}
    recorded |= {f"job.{state}" for state in JobState} - {"job.running"}
    assert recorded <= EVENTS, sorted(recorded - EVENTS)
    page = PAGE.read_text()
    assert [event for event in sorted(EVENTS) if f"`{event}`" not in page] == []


def test_a_signature_as_the_standard_has_it() -> None:
    """C-05: the same bytes as the library of others makes."""
    from datetime import UTC, datetime

    from standardwebhooks.webhooks import Webhook

    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    moment = datetime.fromtimestamp(1_614_265_330, UTC)
    theirs = Webhook(secret).sign("msg_p5jXN8AQM9LWM0D4loKWxJek", moment, '{"test": 2432232314}')
    import base64

    key = base64.b64decode(secret.removeprefix("whsec_"))
    ours = signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b'{"test": 2432232314}')
    assert ours == theirs == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
