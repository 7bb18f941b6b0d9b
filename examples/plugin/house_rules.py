"""House rules for records: three hooks and a constraint. See docs/plugins.md."""

import sys
from collections.abc import Mapping
from typing import Any

from consigne.plugins import Constraint, Context, Field, Record, Verdict, hookimpl


@hookimpl
def consigne_pre_insert(ctx: Context) -> str | None:
    """Refuse the lock files that an office suite leaves beside an open document."""
    for file in ctx.files:
        if file.name.startswith("~$"):
            return f"{file.name} is a lock file: close the document and send the document itself."
    return None


@hookimpl
def consigne_pre_store(ctx: Context) -> str | None:
    """Refuse a PDF that cannot be opened without a password."""
    for file in ctx.files:
        if file.detected_type == "application/pdf":
            with file.open() as document:
                if b"/Encrypt" in document.read():
                    return f"{file.name} is encrypted."
    return None


@hookimpl
def consigne_post_store(ctx: Context) -> str | None:
    """Note what came in; the server's log shows what a plug-in prints."""
    if not ctx.files:
        return None
    again = " (told again)" if ctx.redelivered else ""
    print(f"{ctx.principal.email} filed {len(ctx.files)} in {ctx.type}{again}", file=sys.stderr)
    return f"{len(ctx.files)} filed"


def iban(field: Field, value: Any, record: Record | None, index: int | None) -> Verdict:
    """Check the digits of an IBAN (ISO 13616): the remainder by 97 is 1."""
    text = str(value).replace(" ", "").upper()
    moved = text[4:] + text[:4]
    if not moved.isalnum() or not moved.isascii() or len(moved) < 15:
        return "is not an IBAN", ["FR76 3000 6000 0112 3456 7890 189"]
    return int("".join(str(int(letter, 36)) for letter in moved)) % 97 == 1


@hookimpl
def consigne_constraints() -> Mapping[str, Constraint]:
    """Offer functions that fields may name in ``constraints``."""
    return {"iban": iban}
