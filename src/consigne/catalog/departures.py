"""Statements about what goes with a user or a space that is deleted (C-56)."""

from sqlalchemy import Table, bindparam, delete, exists, func, or_, select, update

from consigne.catalog.engine import Statement, Tx, any_of
from consigne.catalog.schema import (
    api_key,
    delivery,
    file,
    folder,
    group_member,
    host,
    job,
    label_due,
    member,
    oauth_pair,
    once,
    principal,
    record,
    record_counter,
    record_type,
    report,
    signing_key,
    space,
    type_version,
    upload,
    usage_day,
    webhook,
    year,
)
from consigne.model.entities import Guard, JobState

_HELD_BACK = int(Guard.HOLD)
_RETAINED = int(Guard.RETENTION)

_BURY_PRINCIPAL = Statement(
    update(principal)
    .where(principal.c.id == bindparam("principal"))
    .values(
        email=bindparam("mark"),
        username=bindparam("mark"),
        name="",
        password_hash=None,
        is_active=0,
        is_operator=0,
        home_space_id=None,
        tokens_valid_from=bindparam("at"),
        deleted_at=bindparam("at"),
    )
)
_CREDENTIALS = [
    Statement(delete(table).where(table.c.principal_id == bindparam("principal")))
    for table in (api_key, signing_key, oauth_pair)
]
_GROUPS = Statement(
    delete(group_member).where(group_member.c.principal_id == bindparam("principal"))
)
_MEMBERSHIPS = Statement(
    select(member.c.space_id)
    .where(member.c.principal_id == bindparam("principal"))
    .order_by(member.c.space_id)
)
_LEAVE = Statement(delete(member).where(member.c.principal_id == bindparam("principal")))
_INHERITING = Statement(
    select(space.c.id)
    .where(exists().where(file.c.space_id == space.c.id, file.c.owner_id == bindparam("principal")))
    .order_by(space.c.id)
)
_OWNED = Statement(
    select(func.count())
    .select_from(file)
    .where(file.c.space_id == bindparam("space"), file.c.owner_id == bindparam("principal"))
)
_HAND_OVER = Statement(
    update(file)
    .where(
        file.c.id.in_(
            select(file.c.id)
            .where(file.c.space_id == bindparam("space"), file.c.owner_id == bindparam("principal"))
            .limit(bindparam("n"))
        )
    )
    .values(owner_id=None)
)

# Without an index: the whole space is read, once, before it is deleted.
_GUARDED = Statement(
    select(func.count())
    .select_from(file)
    .where(
        file.c.space_id == bindparam("space"),
        or_(
            file.c.guards.op("&")(_HELD_BACK) != 0,
            (file.c.guards.op("&")(_RETAINED) != 0)
            & (file.c.retain_until.is_(None) | (file.c.retain_until > bindparam("now"))),
        ),
    )
)
_FILES = Statement(
    select(func.count()).select_from(file).where(file.c.space_id == bindparam("space"))
)


def _ids_in(table: Table) -> Statement:
    return Statement(
        select(table.c.id).where(table.c.space_id == bindparam("space")).limit(bindparam("n"))
    )


_UPLOADS, _RECORDS, _FILE_IDS = _ids_in(upload), _ids_in(record), _ids_in(file)
_OTHER_JOBS = Statement(
    select(job.c.id)
    .where(
        job.c.space_id == bindparam("space"),
        any_of(job.c.state, (JobState.QUEUED.value, JobState.RUNNING.value)),
        job.c.id != bindparam("but"),
    )
    .limit(bindparam("n"))
)
_REPORTS = Statement(select(report.c.job_id).where(report.c.space_id == bindparam("space")))
# What is few in a space, and refers to nothing any more when the files and records are gone.
_REST = [
    Statement(
        delete(type_version).where(
            type_version.c.type_id.in_(
                select(record_type.c.id).where(record_type.c.space_id == bindparam("space"))
            )
        )
    ),
    *(
        Statement(delete(table).where(table.c.space_id == bindparam("space")))
        for table in (
            record_type,
            record_counter,
            folder,
            year,
            delivery,
            webhook,
            label_due,
            once,
            group_member,
            member,
            host,
            api_key,
            signing_key,
            usage_day,
        )
    ),
]
_LEAVE_HOME = Statement(
    update(principal)
    .where(principal.c.home_space_id == bindparam("space"))
    .values(home_space_id=None)
)


def memberships(tx: Tx, principal_id: int) -> list[int]:
    """Return the numbers of the spaces that a user is a member of."""
    return [row[0] for row in tx.all(_MEMBERSHIPS, principal=principal_id)]


def bury_principal(tx: Tx, principal_id: int, now: int) -> None:
    """Take everything from a user but the number: names, credentials, memberships."""
    for statement in (*_CREDENTIALS, _GROUPS, _LEAVE):
        tx.run(statement, principal=principal_id)
    # Neither an e-mail address nor a user name can look like this.
    tx.run(_BURY_PRINCIPAL, principal=principal_id, mark=f"~{principal_id}", at=now)


def inheriting(tx: Tx, principal_id: int) -> list[tuple[int, int]]:
    """Return (space, number of files) where a user owns any."""
    found = [row[0] for row in tx.all(_INHERITING, principal=principal_id)]
    return [(each, int(tx.value(_OWNED, space=each, principal=principal_id))) for each in found]


def hand_over(tx: Tx, space_id: int, principal_id: int, limit: int) -> int:
    """Make some of a user's files the space's own; return how many."""
    return tx.run(_HAND_OVER, space=space_id, principal=principal_id, n=limit)


def guarded(tx: Tx, space_id: int, now: int) -> int:
    """Return how many files of a space a retention or a legal hold stands on."""
    return int(tx.value(_GUARDED, space=space_id, now=now))


def files_of(tx: Tx, space_id: int) -> int:
    """Return how many files a space has, in whatever state."""
    return int(tx.value(_FILES, space=space_id))


def some_uploads(tx: Tx, space_id: int, limit: int) -> list[int]:
    """Return ids of upload sessions in a space."""
    return [row[0] for row in tx.all(_UPLOADS, space=space_id, n=limit)]


def some_records(tx: Tx, space_id: int, limit: int) -> list[int]:
    """Return numbers of records in a space."""
    return [row[0] for row in tx.all(_RECORDS, space=space_id, n=limit)]


def some_files(tx: Tx, space_id: int, limit: int) -> list[int]:
    """Return ids of files in a space."""
    return [row[0] for row in tx.all(_FILE_IDS, space=space_id, n=limit)]


def other_jobs(tx: Tx, space_id: int, but: int, limit: int) -> list[int]:
    """Return ids of jobs of a space that are not over, without the one named."""
    return [row[0] for row in tx.all(_OTHER_JOBS, space=space_id, but=but, n=limit)]


def reports_of(tx: Tx, space_id: int) -> list[int]:
    """Return the jobs of a space that have left something to be downloaded."""
    return [row[0] for row in tx.all(_REPORTS, space=space_id)]


def clear(tx: Tx, space_id: int) -> None:
    """Delete what else belongs to a space without files and records; events and tombstones stay."""
    for statement in _REST:
        tx.run(statement, space=space_id)
    tx.run(_LEAVE_HOME, space=space_id)
