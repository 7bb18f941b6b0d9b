"""Texts that only Python can look for are looked for within a bound (C-55)."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from consigne import app
from consigne.catalog import filtering, migrate
from consigne.core.access import Caller
from consigne.core.entry import Entry
from consigne.errors import BadFilter
from consigne.model.query import Field, Op, Scope, Term
from consigne.settings import Settings


async def _one(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def test_too_many_matches_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AM-25, C-55: as many as a statement can carry are found; beyond that it is BadFilter."""
    settings = Settings(data=str(tmp_path / "data"), blobs="memory")
    settings.data_path.mkdir()
    migrate.upgrade(app.catalog_url(settings))
    depot = app.build_depot(settings)
    await depot.open()
    try:
        user = await depot.accounts.create_user("ines@example.org")
        space = await depot.tenancy.create("acme", owner=user)
        seat = await depot.accounts.seat(Caller(user), short=space.short)
        for n in range(3):
            await depot.intake.receive(seat, _one(b"x"), Entry(name=str(n)))
        scope = Scope(space.id)
        term = Term(Field.ID, Op.CONTAINS, "-")
        monkeypatch.setattr(filtering, "_MOST_IDS", 3)
        assert await depot.finding.count(seat, scope, (term,)) == 3
        monkeypatch.setattr(filtering, "_MOST_IDS", 2)
        with pytest.raises(BadFilter):
            await depot.finding.count(seat, scope, (term,))
        with pytest.raises(BadFilter):
            await depot.finding.delete_matching(seat, scope, (term,))
        assert await depot.finding.count(seat, scope) == 3
    finally:
        await depot.close()
