"""``…/submissions``: making, changing, reading and deleting them (DX-23..28, DX-30..38)."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request

from consigne.core.access import Seat
from consigne.core.entry import Once
from consigne.core.records.change import Full, Ref
from consigne.dialects.daxium.desk import Desk
from consigne.dialects.daxium.documents import submission_document
from consigne.dialects.daxium.items import Reader, Told
from consigne.dialects.daxium.refusals import told_refusal
from consigne.dialects.daxium.wire import flag_of, number_of, page_of
from consigne.errors import BadParameter, ConsigneError
from consigne.http.answers import Answer, empty_response, json_response
from consigne.http.idempotency import idempotency_key
from consigne.model.rights import Right

_MOST = 1 << 53
_ROUTE = "POST submissions"


class Submissions:
    """The endpoints about submissions as a whole and one by one."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._depot = desk.depot

    async def list(self, request: Request) -> Answer:
        """GET …/submissions: those of a structure, or reference data, by number (DX-27)."""
        seat = await self._desk.seat(request, Right.READ)
        query = request.query_params
        page = page_of(query)
        structure, reference = number_of(query, "structure_id", _MOST), flag_of(query, "reference")
        if structure is None and not reference:
            raise BadParameter(
                "Name a structure, or ask for reference data.", parameter="structure_id"
            )
        records, kind = self._depot.records, None
        if structure is not None:
            kind = (await self._desk.structure(seat, structure)).type.id
        found = await records.page(
            seat, kind, is_reference=reference, limit=page.limit, offset=page.offset
        )
        total = await records.count(seat, kind, is_reference=reference)
        shown = [submission_document(each) for each in found.records]
        return json_response(page.of("submissions", shown, total))

    async def create(self, request: Request) -> Answer:
        """POST …/submissions; repeated with its id or key it answers what there is (DX-37)."""
        seat = await self._desk.seat(request, Right.WRITE)
        key = idempotency_key(request.headers.get("idempotency-key"))
        body = Reader(await self._desk.body(request))
        structure = body.number("structure_id", required=True)
        uuid = body.uuid("id")
        if structure is None:
            body.require_sound()
        typed = await self._desk.structure(seat, structure or 0)
        told = body.told(
            typed.layout, required=True, uuid=uuid, once=Once(key, _ROUTE) if key else None
        )
        kind = typed.type.id
        return await self._saved(
            seat, told, lambda: self._depot.records.create(seat, kind, told.change)
        )

    async def look(self, request: Request) -> Answer:
        """GET …/submissions/{id}."""
        seat = await self._desk.seat(request, Right.READ)
        return json_response(submission_document(await self._desk.submission(request, seat)))

    async def replace(self, request: Request) -> Answer:
        """PUT …/submissions/{id}: items that are not named are cleared (DX-26)."""
        return await self._changed(request, replace=True)

    async def change(self, request: Request) -> Answer:
        """PATCH …/submissions/{id}: what is not named stays."""
        return await self._changed(request, replace=False)

    async def delete(self, request: Request) -> Answer:
        """DELETE …/submissions/{id}, for good; its files can be restored for a while (DX-36)."""
        seat = await self._desk.seat(request, Right.WRITE)
        full = await self._desk.submission(request, seat)
        await self._depot.records.delete(seat, Ref.uuid(full.record.uuid))
        return empty_response()

    async def _changed(self, request: Request, *, replace: bool) -> Answer:
        seat = await self._desk.seat(request, Right.WRITE)
        full = await self._desk.submission(request, seat)
        body = Reader(await self._desk.body(request))
        structure, uuid = body.number("structure_id"), body.uuid("id")
        if structure not in (None, full.type.id):
            body.refuse("structure_id", "A submission keeps its structure.")
        if uuid not in (None, full.record.uuid):
            body.refuse("id", "The id contradicts the path.")
        told = body.told(full.layout, required=replace)
        ref = Ref.uuid(full.record.uuid)
        return await self._saved(
            seat, told, lambda: self._depot.records.change(seat, ref, told.change, replace=replace)
        )

    async def _saved(self, seat: Seat, told: Told, save: Callable[[], Awaitable[Full]]) -> Answer:
        try:
            full = await save()
        except ConsigneError as error:
            raise await told_refusal(self._depot, seat, told, error) from None
        return json_response(submission_document(full))
