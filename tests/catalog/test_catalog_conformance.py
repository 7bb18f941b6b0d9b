"""The catalogs that come with Consigne against the suite that any catalog can run (C-51, C-55)."""

from pathlib import Path

import pytest
from tests.parts.catalogs import sqlite_catalog

from consigne.catalog.engine import Catalog
from consigne.catalog.postgres import PostgresCatalog
from consigne.testing.catalog import CatalogSuite


class TestSqlite(CatalogSuite):
    @pytest.fixture(autouse=True)
    def _template(self, sqlite_template: Path) -> None:
        self.template = sqlite_template

    async def make(self, folder: Path) -> Catalog:
        return sqlite_catalog(self.template, folder)


class TestPostgres(CatalogSuite):
    @pytest.fixture(autouse=True)
    def _database(self, migrated_url: str) -> None:
        self.url = migrated_url

    async def make(self, folder: Path) -> Catalog:
        return PostgresCatalog(self.url, pool=4)
