"""Quarantine: bytes that nobody gets, because a scan or an administrator says so (C-25).

It is the content that is confined, not a file: every file and version of the space with these bytes
answers ``Infected``, and the same bytes are refused when they come again.
"""

from consigne.catalog import contents, files
from consigne.catalog.engine import Catalog, Tx
from consigne.core.access import Seat, readable
from consigne.core.clock import now_ms
from consigne.core.history import record
from consigne.errors import NoContent, WrongState
from consigne.model.entities import Content, ContentState, File
from consigne.model.rights import Right


class Quarantine:
    """The verbs on the bytes of a file. All need ``admin`` and raise FileNotFound, NoContent."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def look(self, seat: Seat, file_id: int) -> ContentState:
        """Return whether the bytes are live, quarantined or corrupt."""
        seat.require(Right.ADMIN)
        return await self._catalog.look(lambda tx: _of(tx, seat, file_id)[1].state)

    async def confine(self, seat: Seat, file_id: int, reason: str) -> ContentState:
        """Stop serving the bytes; the reason goes into the history. Raises WrongState (corrupt)."""
        return await self._turn(seat, file_id, ContentState.QUARANTINED, reason)

    async def clear(self, seat: Seat, file_id: int) -> ContentState:
        """Serve the bytes again. Raises WrongState (corrupt)."""
        return await self._turn(seat, file_id, ContentState.LIVE, None)

    async def _turn(
        self, seat: Seat, file_id: int, wanted: ContentState, reason: str | None
    ) -> ContentState:
        seat.require(Right.ADMIN)

        def work(tx: Tx) -> ContentState:
            file, content = _of(tx, seat, file_id)
            if content.state is wanted:
                return wanted
            if content.state not in (ContentState.LIVE, ContentState.QUARANTINED):
                raise WrongState(f"The bytes are {content.state}.", state=content.state)
            contents.mark(tx, content.id, wanted)
            action = "content.cleared" if reason is None else "content.quarantined"
            record(
                tx, file.space_id, seat.principal_id, action, file.id,
                reason=reason, sha256=content.sha256.hex(),
            )  # fmt: skip
            return wanted

        return await self._catalog.write(work)


def _of(tx: Tx, seat: Seat, file_id: int) -> tuple[File, Content]:
    file = readable(tx, seat, files.by_id(tx, file_id), now_ms())
    content = contents.by_id(tx, file.content_id) if file.content_id is not None else None
    if content is None:
        raise NoContent
    return file, content
