"""Whether the store is the one that the catalog tells of, before anything is called lost."""

from consigne.blobs.bucket import Bucket
from consigne.catalog import proof_contents
from consigne.catalog.engine import Catalog
from consigne.errors import Unavailable
from consigne.model.entities import ContentState

_SAMPLE = 100
_ENOUGH = 10
_UNSURE = (ContentState.DOOMED, ContentState.CORRUPT)


async def require_store(catalog: Catalog, bucket: Bucket) -> None:
    """Raise Unavailable where none of the oldest contents has its bytes in the store.

    A disk that is not mounted must not look like the loss of everything.
    """
    page = await catalog.read(lambda tx: proof_contents.contents_page(tx, 0, _SAMPLE))
    wanted = [each for each in page if each.state not in _UNSURE]
    if len(wanted) < _ENOUGH:
        return
    for each in wanted:
        if await bucket.holds(each.key):
            return
    raise Unavailable(
        f"None of {len(wanted)} contents has its bytes in the store.",
        hint="Is a disk not mounted, or another data folder meant?",
    )
