"""Refusals of a save in the words of its body: fields and the uuids as the client spelled them.

One class of faults at a time, all of that class at once (DX-38): shape, unknown, linked, type.
"""

from collections.abc import Sequence
from typing import Any

from consigne.core.access import Seat
from consigne.core.depot import Depot
from consigne.core.records.change import Failure, Refusal
from consigne.dialects.daxium.documents import media_type
from consigne.dialects.daxium.items import Told
from consigne.dialects.daxium.wire import Document
from consigne.errors import (
    AlreadyLinked,
    BadParameter,
    ConsigneError,
    ConstraintFailed,
    FileNotFound,
    Infected,
    LinkRefused,
    RightMissing,
    TypeNotFound,
    TypeRefused,
)
from consigne.model.identity import Kind, to_uuid

_TYPE = "type"
_NAMES = {"type_version": "structure_version"}


async def told_refusal(depot: Depot, seat: Seat, told: Told, error: ConsigneError) -> ConsigneError:
    """Return what a client is told of a save that the core refused."""
    if isinstance(error, ConstraintFailed):
        return await _failed(depot, seat, told, error.details["failures"])
    if isinstance(error, LinkRefused | AlreadyLinked):
        return type(error)(infos=[_place(told, each) for each in error.details["files"]])
    if isinstance(error, Infected):
        files = [_place(told, each) for each in error.details.get("files", ())]
        return Infected(infos=[{"file": each["file"]} for each in files])
    if isinstance(error, RightMissing) and error.details.get("right") == "create":
        return TypeNotFound()
    if type(error) is BadParameter and error.details.get("parameter") in _NAMES:
        return BadParameter(error.message, parameter=_NAMES[error.details["parameter"]])
    return error


async def _failed(
    depot: Depot, seat: Seat, told: Told, failures: Sequence[Failure]
) -> ConsigneError:
    shape = [each for each in failures if each.file is None or each.code != _TYPE]
    if shape:
        infos = [{"field": each.field, "reason": _reason(each)} for each in shape]
        return BadParameter("The items are not valid.", infos=infos)
    return TypeRefused(infos=[await _type_info(depot, seat, told, each) for each in failures])


async def _type_info(depot: Depot, seat: Seat, told: Told, failure: Failure) -> Document:
    info = _place(told, failure)
    assert failure.file is not None
    try:
        file = await depot.vault.look(seat, failure.file)
    except FileNotFound:
        return info
    return {**info, "mime": file.detected_type or media_type(file)}


def _place(told: Told, at: Failure | Refusal) -> dict[str, Any]:
    spelled = told.spelled.get((at.field, at.index))
    if spelled is None and at.file is not None:
        spelled = to_uuid(Kind.FILE, at.file)
    return {"field": at.field, "file": spelled}


def _reason(failure: Failure) -> str:
    if failure.index is None:
        return failure.message
    return f"{failure.message} (value {failure.index + 1})"
