"""What becomes of a content whose bytes are damaged, whoever found it (C-25).

It is marked, so that it is neither served nor shared; it is healed when the same bytes came in
again, when they can be made again, or when they are right after all.
"""

import structlog

from consigne.catalog import contents, previews, proof_contents
from consigne.catalog.engine import Tx
from consigne.core.clock import now_ms
from consigne.core.history import record
from consigne.model.entities import Content, ContentState

log = structlog.get_logger()


def shout(content: Content, problem: str | None, by: str) -> None:
    """Tell the log of damage; ``by`` says who has found it."""
    log.error("content_corrupt", key=content.key, content=str(content.id), problem=problem, by=by)


def mark(tx: Tx, content: Content, subject: int | None = None) -> bool:
    """Mark a content corrupt; False where it is already, or other bytes stand in for it."""
    if not contents.damage(tx, content.id, content.key):
        return False
    record(tx, content.space_id, None, "content.corrupt", subject, content=str(content.id))
    return True


def twin_of(tx: Tx, content: Content) -> Content | None:
    """Return the live content of the same bytes in the space, if it is another one."""
    found = contents.find(tx, content.space_id, content.sha256)
    return None if found is None or found.id == content.id else found


def heal(tx: Tx, content_id: int, *, sound: bool) -> bool:
    """Forget a preview; else let a live twin take over, or serve a ``sound`` content again.

    Return whether nothing is lost any more.
    """
    present = contents.by_id(tx, content_id)
    if present is None or present.state is ContentState.DOOMED:
        return True
    if previews.drop_picture(tx, content_id, now_ms()):
        return True
    twin = twin_of(tx, present)
    if twin is not None:
        proof_contents.move_references(tx, content_id, twin.id, now_ms())
    elif sound and present.state is ContentState.CORRUPT:
        contents.mark(tx, content_id, ContentState.LIVE)
    else:
        return present.references == 0
    record(tx, present.space_id, None, "content.healed", None, content=str(content_id))
    return True
