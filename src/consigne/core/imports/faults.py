"""What is wrong with a row, in the codes of the error file (DX-47)."""

from collections.abc import Iterator, Sequence

import msgspec

from consigne.core.imports.columns import NUMBER
from consigne.core.records.change import Failure, Refusal
from consigne.errors import (
    AlreadyLinked,
    ConsigneError,
    ConstraintFailed,
    FileTooLarge,
    HookRefused,
    Infected,
    LinkRefused,
    QuotaExceeded,
    RecordLocked,
    RightMissing,
)
from consigne.model.imports import Fault

_FAILURES = {
    "required": "REQUIRED",
    "type": "FILE_TYPE",
    "size": "FILE_TOO_LARGE",
    "name": "FILE_TYPE",
    "unknown_option": "LIST_VALUE_UNKNOWN",
}
_WHY = {
    "unknown": ("FILE_UNKNOWN", "There is no such file."),
    "linked": ("FILE_ALREADY_LINKED", "The file is, or was, in a record."),
    "infected": ("FILE_UNKNOWN", "The file is in quarantine."),
}
INTERNAL = Fault("", "INTERNAL", "The row could not be saved; send it again.")
_encode = msgspec.json.Encoder().encode


def faults_of(error: ConsigneError) -> list[Fault]:
    """Return what a refusal of the core says about a row, one fault for each thing."""
    details = error.details
    if isinstance(error, ConstraintFailed):
        return list(_failed(details["failures"]))
    if isinstance(error, LinkRefused | AlreadyLinked | Infected):
        return list(_refused(details.get("files", ())))
    if isinstance(error, FileTooLarge):
        return [Fault("", "FILE_TOO_LARGE", error.message)]
    if isinstance(error, QuotaExceeded):
        return [Fault("", "QUOTA", "The quota is exceeded.")]
    if isinstance(error, RightMissing):
        return [Fault(details.get("field") or "", "BAD_VALUE", "You may not change this.")]
    if isinstance(error, RecordLocked):
        return [Fault(NUMBER, "BAD_VALUE", "Somebody else has locked the submission.")]
    if isinstance(error, HookRefused):
        return [Fault("", "BAD_VALUE", error.message)]
    return [INTERNAL]


def encode_faults(faults: Sequence[Fault]) -> str:
    """Return faults as the row's result keeps them."""
    return _encode(faults).decode()


def _failed(failures: Sequence[Failure]) -> Iterator[Fault]:
    for each in failures:
        text = each.message if each.index is None else f"{each.message} (value {each.index + 1})"
        yield Fault(each.field, _FAILURES.get(each.code, "BAD_VALUE"), text)


def _refused(files: Sequence[Refusal]) -> Iterator[Fault]:
    for each in files:
        yield Fault(each.field, *_WHY[each.why])
