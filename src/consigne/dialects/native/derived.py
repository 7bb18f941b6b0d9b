"""What is made from files: ``GET /files/{id}/preview`` and ``GET /files/{id}/invoice``."""

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.types import ASGIApp

from consigne.dialects.native.desk import API, Desk, file_number
from consigne.dialects.native.parameters import whole
from consigne.dialects.native.replies import REVALIDATE
from consigne.errors import BadParameter
from consigne.http.delivery import Delivery
from consigne.http.routing import Route
from consigne.model.pictures import LARGEST_SIDE, Fit, Format, Shape

_DEFAULT_SIDE = 256
_MAX_PAGE = 100_000
_MAX_VERSION = 999_999_999
_PARAMETERS = frozenset({"width", "height", "fit", "format", "page", "version", "space"})


class DerivedRoutes:
    """The routes of pictures and invoices."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._previews = desk.depot.previews
        self._invoices = desk.depot.invoices

    def routes(self) -> list[Route]:
        one = f"{API}/files/{{id}}"
        return [
            Route("GET", f"{one}/preview", self.picture),
            Route("GET", f"{one}/invoice", self.invoice),
        ]

    async def picture(self, request: Request) -> ASGIApp:
        """Send a picture of the file; 503 with Retry-After while it is being made."""
        seat, number = await self._desk.seat(request), file_number(request)
        shape, version = shape_of(request.query_params), _version(request.query_params)
        picture = await self._previews.picture(seat, number, shape, version=version)
        headers = [REVALIDATE]
        if picture.pages is not None:
            headers.append((b"x-consigne-pages", str(picture.pages).encode("ascii")))
        return Delivery(picture, inline=True, headers=headers)

    async def invoice(self, request: Request) -> ASGIApp:
        """Send the XML of the electronic invoice in the file, always as an attachment."""
        seat, number = await self._desk.seat(request), file_number(request)
        version = _version(request.query_params)
        xml = await self._invoices.xml(seat, number, version=version)
        return Delivery(xml, headers=(REVALIDATE,))


def shape_of(asked: QueryParams) -> Shape:
    """Return the shape that the parameters ask for. Raises BadParameter."""
    for name in asked:
        if name not in _PARAMETERS:
            raise BadParameter(f"There is no parameter {name[:64]!r} here.", parameter=name[:64])
    width, height = (
        whole(asked[name], name, 1, LARGEST_SIDE) if name in asked else None
        for name in ("width", "height")
    )
    if width is None and height is None:
        width = height = _DEFAULT_SIDE
    fit, kind = _fit(asked.get("fit", Fit.FIT)), _format(asked.get("format"))
    page = whole(asked["page"], "page", 1, _MAX_PAGE) if "page" in asked else 1
    return Shape(width, height, fit, kind, page)


def _version(asked: QueryParams) -> int | None:
    return whole(asked["version"], "version", 1, _MAX_VERSION) if "version" in asked else None


def _fit(text: str) -> Fit:
    try:
        return Fit(text)
    except ValueError:
        raise BadParameter(f"fit must be one of {', '.join(Fit)}.", parameter="fit") from None


def _format(text: str | None) -> Format:
    try:
        return Format(text) if text is not None else Format.PNG
    except ValueError:
        names = ", ".join(Format)
        raise BadParameter(f"format must be one of {names}.", parameter="format") from None
