"""Twenty thousand files as a company has them, stored by the product's own functions.

Half of them are in the first of five spaces. Names carry a number of their own, ``0000x`` and the
place in the block, by which ``filling`` tells copies of the block apart.
"""

import hashlib
import itertools
from random import Random
from typing import Any

import msgspec

from consigne.catalog import contents, files, folders, spaces
from consigne.catalog.engine import Tx
from consigne.core.clock import now_ms
from consigne.core.depot import Depot
from consigne.core.entry import encode_annotations
from consigne.core.history import record
from consigne.core.seat import Caller, Seat
from consigne.model.entities import Access, Annotations, File, Folder, Principal, State, Version
from consigne.model.identity import new_id
from consigne.model.names import fold
from consigne.model.rights import Role
from consigne.testing.catalog.base import a_content, a_file

SIZE = 20_000
SPAN = 2 * 86_400_000
"""Milliseconds between the first and the last file of a block."""
MARK = "0000x"
RARE = "text/x-rare"
ARCHIVE = "Archive"

_SPACES = (50, 20, 15, 10, 5)
_OWNERS = 20
_BATCH = 1_000
_DAY = 86_400_000
_KINDS = ["Facture", "Devis", "Bon de livraison", "Contrat", "Avoir", "Relevé", "Scan", "Photo"]
_TYPES = {
    "application/pdf": ("pdf", 55),
    "image/jpeg": ("jpg", 25),
    "text/plain": ("txt", 8),
    "image/png": ("png", 7),
    "application/zip": ("zip", 4.99),
    RARE: ("rar", 0.01),
}
_TAGS = ["urgent", "paid", "to check", "2024", "2025"]


class Place(msgspec.Struct, frozen=True):
    """A space of the block: its seat, its owners, and its folders by how deep they are."""

    seat: Seat
    owners: list[Principal]
    folders: list[list[int]]
    archive: int


async def store(depot: Depot, start: int, archived: float) -> list[Place]:
    """Store the block, its first file at ``start`` (ms); ``archived`` is the share of one folder.

    The files of a space are charged to it, and searched by their names.
    """
    owner = await depot.accounts.create_user("bench@example.org", is_operator=True)
    owners = [owner]
    for number in range(_OWNERS - 1):
        owners.append(await depot.accounts.create_user(f"user{number}@example.org"))
    places = []
    for number in range(len(_SPACES)):
        space = await depot.tenancy.create(f"bench{number}", owner=owner)
        seat = Seat(Caller(owner), space, Role.ADMIN)
        places.append(await depot.catalog.write(lambda tx, s=seat: _tree(tx, s, owners, start)))  # type: ignore[misc]
    chance = Random(1)
    chosen = chance.choices(places, _SPACES, k=SIZE)
    for at in range(0, SIZE, _BATCH):

        def work(tx: Tx, at: int = at) -> None:
            shared: list[File] = []
            for index in range(at, at + _BATCH):
                place, now = chosen[index], start + index * SPAN // SIZE
                _store(tx, chance, place, index, now, archived, shared)
            files.index_words(tx, None, _BATCH)

        await depot.catalog.write(work)
    await depot.history.seal()
    return places


def _tree(tx: Tx, seat: Seat, owners: list[Principal], start: int) -> Place:
    """Make folders, five deep, and one beside them; copies of the block get trees of their own."""
    moments = itertools.count(start)
    archive = _folder(tx, seat, None, ARCHIVE, next(moments))
    levels = [[_folder(tx, seat, None, f"Customers {MARK}", next(moments))]]
    for depth in range(1, 5):
        names = [(parent, f"{depth}-{n} {MARK}") for parent in levels[-1] for n in range(3)]
        levels.append([_folder(tx, seat, each, name, next(moments)) for each, name in names])
    return Place(seat, owners, levels, archive)


def _folder(tx: Tx, seat: Seat, parent: int | None, name: str, now: int) -> int:
    number, by = new_id(now), seat.principal_id
    row = Folder(number, seat.space_id, None, parent, name, fold(name), by, now, None, None)
    folders.insert_folder(tx, row)
    return number


def _store(
    tx: Tx, chance: Random, place: Place, index: int, now: int, archived: float, shared: list[File]
) -> None:
    space = place.seat.space_id
    twins = [each for each in shared[-50:] if each.space_id == space]
    if twins and chance.random() < 0.1:
        content_id = twins[0].content_id
        assert content_id is not None
        contents.share(tx, content_id)
        body = {n: getattr(twins[0], n) for n in ("content_id", "size", "sha256", "md5")}
        media_type = twins[0].detected_type or ""
    else:
        media_type = chance.choices([*_TYPES], [weight for _, weight in _TYPES.values()])[0]
        body = _content(tx, chance, space, now, media_type)
    extension = _TYPES[media_type][0]
    kind, customer = chance.choice(_KINDS), chance.randrange(2_000)
    name = f"{kind} client{customer} {MARK}{index:05}.{extension}"
    file = a_file(
        space,
        name,
        id=new_id(now),
        owner_id=chance.choice(place.owners).id,
        access=Access.SPACE if chance.random() < 0.8 else Access.PRIVATE,
        detected_type=media_type,
        declared_type=media_type if chance.random() < 0.7 else None,
        created_at=now,
        completed_at=now,
        **body,
        **_extras(chance, place, index, customer, archived),
    )
    files.insert_file(tx, file)
    spaces.charge(
        tx,
        space,
        used=file.size if file.state is not State.RELEASED else 0,
        undo=file.size if file.state is State.RELEASED else 0,
    )
    if chance.random() < 0.01:
        _replaced(tx, chance, file, now)
    record(tx, space, file.owner_id, f"file.{file.state}", file.id, size=file.size, name=file.name)
    shared.append(file)


def _content(tx: Tx, chance: Random, space: int, now: int, media_type: str) -> dict[str, Any]:
    size = min(int(chance.lognormvariate(11.5, 1.6)) + 1, 2**31)
    key = f"f-{chance.getrandbits(112):028x}0000"  # its end is what a copy changes
    made = a_content(
        space,
        id=new_id(now),
        sha256=chance.randbytes(32),
        md5=hashlib.md5(key.encode(), usedforsecurity=False).digest(),
        size=size,
        key=key,
        blocks=chance.randbytes(8 * -(-size // (1 << 18))),
        detected_type=media_type,
        created_at=now,
    )
    contents.add(tx, made)
    return {"content_id": made.id, "size": size, "sha256": made.sha256, "md5": made.md5}


def _extras(
    chance: Random, place: Place, index: int, customer: int, archived: float
) -> dict[str, Any]:
    """Return place, state, labels and dates of a file: most have few of them."""
    found: dict[str, Any] = {}
    if chance.random() < archived:
        found["folder_id"] = place.archive
    elif chance.random() < 0.7:
        found["folder_id"] = chance.choice(chance.choice(place.folders))
    draw = chance.random()
    if draw < 0.02:
        found |= {"state": State.RELEASED, "released_at": _soon(-chance.randrange(1, 25))}
    elif draw < 0.03:
        found |= {"state": State.HELD, "expires_at": _soon(chance.randrange(1, 25))}
    if chance.random() < 0.2:
        tags = chance.sample(_TAGS, 1)
        notes = Annotations({"customer": f"client{customer}"}, tags)
        found["meta"] = encode_annotations(notes)
    if chance.random() < 0.05:
        found |= {"reference": f"R-{MARK}{index:05}", "date": f"2025-{index % 12 + 1:02}-01"}
    if chance.random() < 0.05:
        found["updated_at"] = _soon(-chance.randrange(1, 900))
    return found


def _soon(days: int) -> int:
    return now_ms() + days * _DAY


def _replaced(tx: Tx, chance: Random, file: File, now: int) -> None:
    """Give a file a replaced version, which the space keeps as undo."""
    body = _content(tx, chance, file.space_id, now, file.detected_type or "")
    old = Version(
        file_id=file.id, number=0, name=file.name, declared_type=None,
        detected_type=file.detected_type, pins=0, created_at=now, created_by=file.owner_id,
        replaced_at=_soon(-chance.randrange(1, 25)), **body,
    )  # fmt: skip
    files.add_version(tx, old)
    spaces.charge(tx, file.space_id, undo=old.size)
