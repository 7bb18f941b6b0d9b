"""``Idempotency-Key``: its spelling only. What a key means is the core's."""

import re

from consigne.errors import BadHeader

MAX_LENGTH = 255

_VISIBLE = re.compile(rf"[\x21-\x7e]{{1,{MAX_LENGTH}}}")
_STRING = re.compile(r'"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')


def idempotency_key(value: str | None) -> str | None:
    """Return the key, or None without the header. Raises BadHeader.

    1 to 255 visible ASCII characters, bare or as a structured-field string (RFC 9651 §3.3.3), which
    is what the draft of the header asks for.

    >>> idempotency_key('"a-1"'), idempotency_key("a-1")
    ('a-1', 'a-1')
    """
    if value is None:
        return None
    text = value.strip(" \t")
    quoted = _STRING.fullmatch(text)
    if quoted:
        text = re.sub(r"\\(.)", r"\1", quoted[1])
    if not _VISIBLE.fullmatch(text):
        raise BadHeader(
            f"Idempotency-Key must be 1 to {MAX_LENGTH} visible ASCII characters.",
            parameter="Idempotency-Key",
        )
    return text
