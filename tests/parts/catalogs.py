"""Empty catalogs with the migrated schema, copied from one template per engine."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from consigne.catalog import migrate
from consigne.catalog.sqlite import SqliteCatalog

from .postgres import Cluster


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a migrated, empty SQLite file to copy."""
    path = tmp_path_factory.mktemp("catalog") / "template.db"
    migrate.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres_cluster: Cluster) -> Iterator[str]:
    """Give the name of a migrated, empty database to copy."""
    database = postgres_cluster.create()
    migrate.upgrade(postgres_cluster.url(database))
    yield database
    postgres_cluster.drop(database)


@pytest.fixture
def migrated_url(postgres_cluster: Cluster, postgres_template: str) -> Iterator[str]:
    """Give the address of a PostgreSQL database with the schema and no rows."""
    database = postgres_cluster.create(postgres_template)
    yield postgres_cluster.url(database)
    postgres_cluster.drop(database)


def sqlite_catalog(template: Path, folder: Path) -> SqliteCatalog:
    """Return a catalog, not opened, in a file of the folder; the same one for the same folder."""
    path = folder / "catalog.db"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(template, path)
    return SqliteCatalog(path)
