"""The queue on both catalogs, against the suite that any catalog can run (C-54, C-56, AR-22)."""

import shutil
from pathlib import Path

import pytest

from consigne.testing.queue import QueueSuite


class TestSqlite(QueueSuite):
    @pytest.fixture
    def url(self, sqlite_template: Path, tmp_path: Path) -> str:
        path = tmp_path / "catalog.db"
        shutil.copy(sqlite_template, path)
        return f"sqlite:///{path}"


class TestPostgres(QueueSuite):
    @pytest.fixture
    def url(self, migrated_url: str) -> str:
        return migrated_url
