"""The envelope as level 2 spells it (DY-71): keys of a message that say nothing are left out, and
what hooks say is a ``message``.
"""

from typing import Any

from consigne.dialects.dynacase import envelope
from consigne.dialects.dynacase.envelope import Message

_TYPES = {"userMessage": "message"}


class Envelopes(envelope.Envelopes):
    """Makes answers."""

    def _told(self, message: Message) -> dict[str, Any]:
        told = super()._told(message)
        told["type"] = _TYPES.get(message.type, message.type)
        return {name: value for name, value in told.items() if value not in (None, "")}
