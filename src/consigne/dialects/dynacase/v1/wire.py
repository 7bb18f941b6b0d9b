"""What answers of level 2 say about files and documents: addresses, sizes, dates (DY-71, DY-72).

Addresses in JSON are relative to the public address, but for ``uri``.
"""

from typing import Any
from urllib.parse import quote

from consigne.core.records.change import Full, Placed
from consigne.core.sniff_tables import DECODED
from consigne.dialects.dynacase.v1.icons import icon_for
from consigne.dialects.dynacase.v1.paths import BASE, extension_in
from consigne.dialects.dynacase.wire import Wire, mime_of, reference_to
from consigne.model.entities import File
from consigne.model.records import FieldKind
from consigne.settings import Settings

_RELATIVE = BASE.removeprefix("/")
_ICON_SIDE, _THUMBNAIL_SIDE = 20, 48


class OpenWire:
    """Spells files and addresses; ``wire`` is level 1's."""

    def __init__(self, wire: Wire, settings: Settings) -> None:
        self._wire = wire
        self._base = settings.base_url
        self.zone = wire.zone

    def uri(self, path: str) -> str:
        """Return the whole address of a path under ``/api/v1/``."""
        return f"{self._base}{BASE}/{path}"

    def document_uri(self, number: int) -> str:
        return self.uri(f"documents/{number}.json")

    def moment(self, milliseconds: int | None) -> str:
        """Return a time as ``YYYY-MM-DD HH:MM:SS``, without zone."""
        return self._wire.moment(milliseconds).replace("T", " ")

    def temporary(self, file: File) -> dict[str, Any]:
        """Return ``data.file`` of a temporary file."""
        extension = extension_in(file.name)
        name = f"{file.id}.{extension}" if extension else str(file.id)
        thumbnail = f"{_RELATIVE}/images/recorded/sizes/{_THUMBNAIL_SIDE}/{file.id}.png"
        return {
            "id": str(file.id),
            "mime": mime_of(file),
            "size": str(file.size),
            "thumbnailUrl": thumbnail if is_image(file) else "",
            "reference": reference_to(file),
            "cdate": self.moment(file.created_at),
            "downloadUrl": f"{_RELATIVE}/files/recorded/temporary/{name}",
            "iconUrl": icon_url(icon_for(mime_of(file))),
            "fileName": file.name,
        }

    def value(self, full: Full, placed: Placed) -> dict[str, Any]:
        """Return the value of an attribute that holds a file (DY-80)."""
        link, file = placed.link, placed.file
        place = f"{_RELATIVE}/documents/{full.record.id}"
        name = link.name or file.name
        shown = {
            "size": str(file.size),
            "creationDate": self.moment(file.created_at),
            "fileName": name,
            "url": f"{place}/files/{link.field}/{link.idx}/{quote(name, safe='')}",
            "mime": mime_of(file),
            "icon": icon_url(icon_for(mime_of(file))),
            "value": link.reference,
            "displayValue": name,
        }
        field = full.layout.find(link.field)
        if field is None or field.kind is not FieldKind.IMAGE:
            return shown
        picture = f"{place}/images/{link.field}/{link.idx}/sizes/{_THUMBNAIL_SIDE}.png"
        return {"thumbnail": picture, **shown}


def empty_row(kind: FieldKind) -> dict[str, Any]:
    """Return the value of an empty row of an attribute for files."""
    words = ("creationDate", "fileName", "url", "mime", "icon")
    shown = {"size": 0, **dict.fromkeys(words, ""), "value": None, "displayValue": ""}
    return {"thumbnail": "", **shown} if kind is FieldKind.IMAGE else shown


def icon_url(icon: str) -> str:
    return f"{_RELATIVE}/images/assets/sizes/{_ICON_SIDE}/{icon}.png"


def is_image(file: File) -> bool:
    """Tell whether pictures of other sizes can be made of a file (DY-77)."""
    return is_image_type(mime_of(file))


def is_image_type(mime: str) -> bool:
    return mime.startswith("image/") and mime in DECODED
