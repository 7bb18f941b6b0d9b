"""Conformance suite for catalogs: subclass, say how a catalog is made, run pytest.

::

    class TestMine(CatalogSuite):
        async def make(self, folder: Path) -> Catalog:
            return MyCatalog(folder)

A second ``make`` on the same ``folder`` must give a catalog on the same rows: it stands for another
process of the service. Each test stands for a sentence of ``consigne.catalog.engine`` or of a
module of statements; both engines must pass all of them with the same results (C-55).
"""

from consigne.testing.catalog.contents import ContentTests
from consigne.testing.catalog.events import EventTests
from consigne.testing.catalog.files import FileTests
from consigne.testing.catalog.filters import FilterTests
from consigne.testing.catalog.folders import FolderTests
from consigne.testing.catalog.pages import PageTests
from consigne.testing.catalog.people import PeopleTests
from consigne.testing.catalog.records import RecordTests
from consigne.testing.catalog.spaces import SpaceTests
from consigne.testing.catalog.transactions import TransactionTests
from consigne.testing.catalog.uploads import UploadTests
from consigne.testing.catalog.work import WorkTests

__all__ = ["CatalogSuite"]


class CatalogSuite(
    TransactionTests,
    SpaceTests,
    PeopleTests,
    ContentTests,
    FileTests,
    UploadTests,
    FolderTests,
    EventTests,
    WorkTests,
    FilterTests,
    PageTests,
    RecordTests,
):
    """What every catalog must do; ``make`` is the one thing to write."""
