"""How a driver's errors look above the bucket."""

from collections.abc import Iterator
from contextlib import contextmanager

from consigne.blobs.driver import NoSpace
from consigne.errors import StorageFull


@contextmanager
def telling_storage_full() -> Iterator[None]:
    """Turn NoSpace into StorageFull."""
    try:
        yield
    except NoSpace as error:
        raise StorageFull() from error
