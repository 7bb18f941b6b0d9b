"""Pictures of images and of pages of PDFs: the verb ``picture``.

The order: who may, what it is, how large; then the picture that was made before, else a job, and
some seconds of waiting. Nothing is decoded here: a worker has a confined child do it. What cannot
be read is not tried again for a day.
"""

import msgspec

from consigne.catalog import jobs, previews
from consigne.catalog.engine import Catalog, Tx
from consigne.core import jobs as queue
from consigne.core.access import Seat
from consigne.core.clock import now_ms
from consigne.core.derived import Derivative, Derivatives
from consigne.core.reading import Reader, Reading
from consigne.core.sniff_tables import DECODED
from consigne.errors import (
    Busy,
    DocumentUnreadable,
    EngineMissing,
    TypeRefused,
)
from consigne.model.entities import Job
from consigne.model.names import MAX_CHARACTERS, shorten
from consigne.model.pictures import LARGEST_SIDE, Shape
from consigne.settings import Settings

KIND = "preview"
# What cannot be read in one shape cannot in another.
_FINAL = (DocumentUnreadable, TypeRefused)
_ATTEMPTS = 2
_FORGIVEN = 86_400_000


class Work(msgspec.Struct, frozen=True):
    """Payload of a job: which content, its detected type, and the shape."""

    content_id: int
    media_type: str
    shape: Shape


class Previews:
    """The verb ``picture``."""

    def __init__(
        self, catalog: Catalog, reader: Reader, derived: Derivatives, settings: Settings
    ) -> None:
        self._catalog = catalog
        self._reader = reader
        self._derived = derived
        self._settings = settings

    async def picture(
        self,
        seat: Seat,
        file_id: int,
        shape: Shape,
        *,
        version: int | None = None,
        wait: float | None = None,
    ) -> Derivative:
        """Return a picture of a file, of its first frame or of a page, opened for reading.

        ``wait`` is for how many seconds to wait where it must be made, by default the setting
        ``preview_wait``. Its tag is the SHA-256 of its bytes, as of every reading. Raises as
        ``Reader.open``, and TypeRefused, DocumentUnreadable, EngineMissing, and Busy where it is
        not there in time.
        """
        reading = await self._reader.open(seat, file_id, version)
        self._require_picturable(reading)
        shape = shape.bounded(LARGEST_SIDE)
        name = picture_name(reading.name, shape)
        found = await self._derived.find(reading, shape.key, name)
        if found is not None:
            return found
        job = await self._catalog.write(lambda tx: self._enqueue(tx, seat, reading, shape))
        content_id = reading.content.id
        made = await self._derived.wait(
            job,
            lambda tx: previews.find(tx, content_id, shape.key),
            self._settings.preview_wait if wait is None else wait,
        )
        if made is None:
            raise Busy("The picture had to give way to others at once.", retry_after=2)
        return Derivative(self._reader, reading.file, made, name)

    def _require_picturable(self, reading: Reading) -> None:
        if reading.detected_type not in DECODED:
            raise TypeRefused(
                f"Pictures are made of images and PDF, not of {reading.detected_type}.",
                type=reading.detected_type,
            )
        limit = self._settings.preview_max_size
        if reading.size > limit:
            raise DocumentUnreadable(
                f"The file has {reading.size} bytes; pictures are made of at most {limit}.",
                limit=limit,
                size=reading.size,
            )

    def _enqueue(self, tx: Tx, seat: Seat, reading: Reading, shape: Shape) -> Job:
        content, now = reading.content, now_ms()
        # A page that is not there says nothing of the others; a document that cannot be read does.
        prefixes = [f"{KIND}:{content.id}:"]
        if shape.page > 1:
            prefixes.append(f"{KIND}:{content.id}.{shape.page}:")
        for prefix in prefixes:
            for past in jobs.failed_below(tx, prefix):
                error = queue.error_of(past)
                if isinstance(error, _FINAL) and (past.ended_at or 0) > now - _FORGIVEN:
                    raise error
        key = prefixes[-1] + shape.key
        under_way = jobs.under_way(tx, key)
        if under_way is not None:
            return under_way
        require_served(tx, KIND)
        if jobs.waiting(tx, seat.space_id, KIND, self._settings.preview_queue) >= (
            self._settings.preview_queue
        ):
            raise Busy("Too many pictures of this space wait to be made.", retry_after=5)
        work = Work(content.id, reading.detected_type or "", shape)
        job, _ = queue.enqueue(
            tx, seat, KIND, work, subject=reading.file.id, key=key, max_attempts=_ATTEMPTS
        )
        return job


def require_served(tx: Tx, kind: str) -> None:
    """Raise EngineMissing where no live worker does this kind of job."""
    if not jobs.is_served(tx, kind, now_ms()):
        raise EngineMissing("No worker that does this is running.", retry_after=60)


def work_of(job: Job) -> Work:
    """Return what a job of this kind is to do."""
    return msgspec.json.decode(job.payload, type=Work)


def picture_name(name: str, shape: Shape) -> str:
    """Return the name of a picture: that of its file, with the extension of the format.

    >>> picture_name("facture.pdf", Shape(200, 200))
    'facture.png'
    """
    stem = name.rpartition(".")[0] if "." in name[:-1] else name
    extension = f".{shape.format.extension}"
    return shorten(stem or "picture", MAX_CHARACTERS - len(extension), 1000) + extension
