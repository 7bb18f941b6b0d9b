"""What a row asks for: a new record or a change of one, and all that is wrong with its cells."""

import msgspec

from consigne.catalog import principals, records, spaces
from consigne.catalog.engine import Tx
from consigne.core.imports.cells import BadCell, Read, read_cells, whole_number
from consigne.core.imports.columns import CREATOR, NUMBER, Columns
from consigne.core.imports.csvs import Row
from consigne.core.imports.faults import faults_of
from consigne.core.records import permits
from consigne.core.records.change import Change, Slot, Slots
from consigne.core.records.changing import require_unlocked
from consigne.core.records.layout import Layout
from consigne.core.seat import Seat
from consigne.errors import ConsigneError
from consigne.model.imports import Fault, ImportRun, Mode
from consigne.model.records import Record, RecordType


class Ready(msgspec.Struct):
    """A row whose cells are read. ``number``: the record that it changes, as its cell says."""

    line: int
    creator: str
    number: str
    read: Read


class Refused(Exception):
    """A row cannot be taken in; ``is_early``: nothing of it was written."""

    def __init__(self, faults: list[Fault], *, is_early: bool = True) -> None:
        super().__init__(faults)
        self.faults = faults
        self.is_early = is_early


class Hand(msgspec.Struct, frozen=True):
    """What rows are saved with: ``people`` remembers whom e-mail addresses belong to."""

    tx: Tx
    seat: Seat
    run: ImportRun
    type: RecordType
    layout: Layout
    now: int
    people: dict[str, int | None]
    lock: bool = True


class Wish(msgspec.Struct, frozen=True):
    """What a row asks for: a change of a record, None of a new one."""

    record: Record | None
    change: Change
    faults: list[Fault]


def ready(columns: Columns, row: Row) -> Ready:
    """Return a row with its cells read, whatever is wrong with them."""
    if not row.is_sound or len(row.cells) != columns.width:
        text = (
            f"{columns.width} cells are expected, not {len(row.cells)}."
            if row.is_sound
            else "The quotes of the row are wrong."
        )
        return Ready(row.line, "", "", Read({}, {}, {}, [], [Fault("", "MALFORMED_ROW", text)]))
    number = "" if columns.number is None else row.cells[columns.number].strip()
    creator = row.cells[columns.creator].strip()
    return Ready(row.line, creator, number, read_cells(columns, row.cells))


def wish_of(hand: Hand, each: Ready) -> Wish:
    """Return what a row asks for, with all that is wrong with its cells. Raises Refused."""
    read, faults = each.read, list(each.read.faults)
    if faults and faults[0].code == "MALFORMED_ROW":
        raise Refused(faults)
    creator = _member(hand, each.creator) if each.creator else None
    if not each.creator:
        faults.append(Fault(CREATOR, "REQUIRED", "A value is needed."))
    elif creator is None:
        faults.append(Fault(CREATOR, "USER_NOT_FOUND", "No member has this e-mail address."))
    values = dict(read.values)
    for field, logins in read.users.items():
        found = [_member(hand, login) for login in logins]
        if None in found:
            text = "No member has one of these e-mail addresses."
            faults.append(Fault(field, "USER_NOT_FOUND", text))
        else:
            values[field] = found
    record = _aimed(hand, each, faults)
    if record is not None:
        values |= {field.id: None for field in read.blank if not field.is_file}
    slots: dict[str, Slots] = {
        field: [Slot(asked.file_id) for asked in listed] for field, listed in read.files.items()
    }
    change = Change(values=values, files=slots, share=False, created_by=creator)
    return Wish(record, change, faults)


def _aimed(hand: Hand, each: Ready, faults: list[Fault]) -> Record | None:
    """Return the record that a row changes, None where it makes one (DX-40). Raises Refused."""
    tx, mode = hand.tx, hand.run.mode
    if not each.number:
        if mode is Mode.UPDATE:
            raise Refused([*faults, Fault(NUMBER, "REQUIRED", "A value is needed.")])
        return None
    if mode is Mode.ADD:
        faults.append(Fault(NUMBER, "NUMBER_NOT_ALLOWED", "This import only adds submissions."))
        return None
    try:
        number = whole_number(each.number)
    except BadCell as error:
        raise Refused([*faults, Fault(NUMBER, error.code, error.text)]) from None
    found = records.by_number(tx, hand.type.id, number) if 0 < number < 1 << 53 else None
    if found is not None and hand.lock:
        found = records.lock(tx, found.id)
    acl = found.rules(hand.type) if found is not None else hand.type.rules
    groups = permits.groups_for(tx, hand.seat, acl)
    if found is None or not permits.may(hand.seat, groups, acl, "view"):
        text = "There is no such submission in the structure."
        raise Refused([*faults, Fault(NUMBER, "UNKNOWN_SUBMISSION", text)])
    try:
        permits.require(hand.seat, groups, acl, "edit")
        require_unlocked(hand.seat, found)
    except ConsigneError as error:
        raise Refused([*faults, *faults_of(error)]) from None
    return found


def _member(hand: Hand, login: str) -> int | None:
    """Return the number of the member with an e-mail address, None where there is none."""
    people = hand.people
    if login not in people:
        user = principals.by_login(hand.tx, login)
        found = user if user is not None and user.email == login.lower() else None
        space = hand.run.space_id
        is_member = found and spaces.member_of(hand.tx, space, found.id) is not None
        people[login] = found.id if found and is_member else None
    return people[login]
