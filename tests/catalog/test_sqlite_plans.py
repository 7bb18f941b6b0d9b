"""Which index serves a list or a filter on SQLite (decision 0024)."""

from pathlib import Path

import pytest
from tests.catalog.plans import AT_ROOT, FEW, FILTERS, SORTED, SPACE, Planner
from tests.parts.catalogs import sqlite_catalog

from consigne.catalog import finding
from consigne.catalog.engine import Tx
from consigne.model.query import Query, Scope


async def plan_of(template: Path, folder: Path, query: Query) -> str:
    catalog = sqlite_catalog(template, folder)
    await catalog.open()

    def work(tx: Tx) -> str:
        planner = Planner(tx)
        finding.page(planner, query)
        return planner.plan

    plan = await catalog.read(work)
    await catalog.close()
    return plan


@pytest.mark.parametrize("name", SORTED | AT_ROOT)
async def test_each_order_has_its_index(sqlite_template: Path, tmp_path: Path, name: str) -> None:
    """First and further pages begin where they begin in the index, and read no further."""
    index, query = (SORTED | AT_ROOT)[name]
    plan = await plan_of(sqlite_template, tmp_path, query)
    assert f"{index} " in plan, plan
    assert "B-TREE FOR ORDER BY" not in plan, plan


@pytest.mark.parametrize("name", FILTERS)
async def test_each_filter_has_its_index(sqlite_template: Path, tmp_path: Path, name: str) -> None:
    """Equality and ranges look at what matches, not at the space."""
    index, terms = FILTERS[name]
    plan = await plan_of(sqlite_template, tmp_path, Query(Scope(SPACE), terms, limit=9))
    assert f"{index} " in plan, plan
    assert "ix_file_space (space_id=? AND state=?)" not in plan, plan
    assert "SCAN file" not in plan, plan
    assert "SCAN content" not in plan or "ix_content_corrupt" in plan, plan


@pytest.mark.parametrize("name", FEW)
async def test_few_files_are_sorted(sqlite_template: Path, tmp_path: Path, name: str) -> None:
    """A folder, a year or an owner is looked at, and not the space."""
    index, query = FEW[name]
    plan = await plan_of(sqlite_template, tmp_path, query)
    assert f"{index} " in plan, plan
