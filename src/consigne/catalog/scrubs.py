"""Statements about passes of the scrub and their findings."""

from sqlalchemy import bindparam, delete, insert, select, update

from consigne.catalog.engine import Statement, Tx
from consigne.catalog.rows import params, reader
from consigne.catalog.schema import scrub_finding, scrub_pass
from consigne.model.care import ScrubFinding, ScrubPass

_pass = reader(ScrubPass)
_finding = reader(ScrubFinding)

_LATEST = Statement(select(scrub_pass).order_by(scrub_pass.c.number.desc()).limit(1))
_BEGIN = Statement(insert(scrub_pass))
_SAVE = Statement(
    update(scrub_pass)
    .where(scrub_pass.c.number == bindparam("which"))
    .values(
        ended_at=bindparam("new_end"),
        last_id=bindparam("new_last"),
        checked=bindparam("new_checked"),
        size=bindparam("new_size"),
        found=bindparam("new_found"),
        repaired=bindparam("new_repaired"),
        copied=bindparam("new_copied"),
    )
)
_FIND = Statement(insert(scrub_finding))
_PAGE = Statement(
    select(scrub_finding)
    .where(scrub_finding.c.pass_number == bindparam("which"), scrub_finding.c.id > bindparam("at"))
    .order_by(scrub_finding.c.id)
    .limit(bindparam("n"))
)
_FORGET_FINDINGS = Statement(
    delete(scrub_finding).where(scrub_finding.c.pass_number <= bindparam("upto"))
)
_FORGET = Statement(delete(scrub_pass).where(scrub_pass.c.number <= bindparam("upto")))


def latest(tx: Tx) -> ScrubPass | None:
    """Return the pass that is under way, else the last one."""
    row = tx.one(_LATEST)
    return _pass(row) if row else None


def begin(tx: Tx, value: ScrubPass) -> None:
    tx.run(_BEGIN, **params(value))


def save(tx: Tx, value: ScrubPass) -> None:
    """Store how far a pass is."""
    tx.run(
        _SAVE,
        which=value.number,
        new_end=value.ended_at,
        new_last=value.last_id,
        new_checked=value.checked,
        new_size=value.size,
        new_found=value.found,
        new_repaired=value.repaired,
        new_copied=value.copied,
    )


def find(tx: Tx, value: ScrubFinding) -> None:
    tx.run(_FIND, **params(value))


def findings(tx: Tx, number: int, after: int, limit: int) -> list[ScrubFinding]:
    """Return what a pass found, by id."""
    return [_finding(row) for row in tx.all(_PAGE, which=number, at=after, n=limit)]


def forget(tx: Tx, upto: int) -> None:
    """Drop passes up to a number, with their findings."""
    tx.run(_FORGET_FINDINGS, upto=upto)
    tx.run(_FORGET, upto=upto)
