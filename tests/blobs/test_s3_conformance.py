"""The driver for object stores against the suite, on SeaweedFS and on Ceph (C-20, C-23)."""

import hashlib
from pathlib import Path

import pytest
from s3_support import place
from tests.parts.seaweedfs import ObjectStore

from consigne.blobs.driver import Driver
from consigne.blobs.s3 import S3Driver
from consigne.testing.blobs import DriverSuite


class OnStore(DriverSuite):
    """A driver below a prefix that stands for the folder."""

    @pytest.fixture(autouse=True)
    def _store(self, object_store: ObjectStore) -> None:
        self.place = place(object_store)

    def prefix(self, folder: Path) -> str:
        return hashlib.md5(str(folder).encode()).hexdigest()[:12] + "/"


class TestS3(OnStore):
    async def make(self, folder: Path) -> Driver:
        return S3Driver(self.place, self.prefix(folder))


class TestS3WithoutSmall(OnStore):
    async def make(self, folder: Path) -> Driver:
        return S3Driver(self.place, self.prefix(folder), small_limit=0)


class TestS3WithShortParts(OnStore):
    """Every stage in parts that are too short to be copied, and in more than one level."""

    async def make(self, folder: Path) -> Driver:
        return S3Driver(
            self.place, self.prefix(folder), small_limit=0, part_size=100_000, most_pieces=2
        )


class TestCeph(OnStore):
    """The same with the same settings on another implementation."""

    @pytest.fixture(autouse=True)
    def _store(self, ceph_store: ObjectStore) -> None:
        self.place = place(ceph_store)

    async def make(self, folder: Path) -> Driver:
        return S3Driver(self.place, self.prefix(folder))
