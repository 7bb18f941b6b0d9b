"""JSON bodies of requests as types. What is not named here is refused by name (``BadBody``).

Members that may be left out, as against being null, are ``UNSET``.
"""

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType
from starlette.requests import Request

from consigne.errors import BadParameter
from consigne.http.bodies import decode_json, read_limited
from consigne.model.bulk import Action, Form
from consigne.model.entities import Access
from consigne.model.rights import Role

LIMIT = 1024 * 1024

_NO_NUL = r"^[^\x00]*$"
Text = Annotated[str, Meta(max_length=1024, pattern=_NO_NUL)]
FileName = Annotated[str, Meta(max_length=4096)]
Path = Annotated[str, Meta(max_length=8192)]
Seconds = Annotated[int, Meta(ge=1, le=10 * 366 * 86_400)]
Size = Annotated[int, Meta(ge=0, le=(1 << 53) - 1)]
Short = Annotated[str, Meta(max_length=64)]
Login = Annotated[str, Meta(min_length=1, max_length=512, pattern=_NO_NUL)]
Password = Annotated[str, Meta(min_length=1, max_length=4096)]
Hex = Annotated[str, Meta(max_length=128, pattern=r"^([0-9a-fA-F]{2})+$")]


class _Body(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    pass


class NewUpload(_Body):
    """``POST /uploads``. Sizes in bytes; ``expires_in`` of a held file in seconds."""

    name: FileName = ""
    length: Size | None = None
    part_size: Annotated[int, Meta(ge=1, le=(1 << 53) - 1)] | None = None
    parts_total: Annotated[int, Meta(ge=1, le=100_000)] | None = None
    folder: Path | None = None
    type: Text | None = None
    access: Access = Access.SPACE
    reference: Text | None = None
    tags: list[str] = []
    meta: dict[str, str] = {}
    hold: bool = False
    expires_in: Seconds | None = None
    source: bool = False


class BulkOrder(_Body):
    """``POST /bulk``. ``to``: the folder of a move; ``format`` and ``name`` are an export's."""

    action: Action
    to: Path | None = None
    add: Annotated[list[str], Meta(max_length=64)] = []
    remove: Annotated[list[str], Meta(max_length=64)] = []
    format: Form = Form.ZIP
    name: FileName = ""
    dry_run: bool = False


class Finish(_Body):
    """``POST /uploads/{id}/finish``: digests that the whole file must have."""

    sha256: Hex | None = None
    md5: Hex | None = None

    def digests(self) -> dict[str, bytes]:
        """Return the digests by algorithm. Raises BadParameter."""
        found: dict[str, bytes] = {}
        for name, algorithm, size in (("sha256", "sha-256", 32), ("md5", "md5", 16)):
            text = getattr(self, name)
            if text is not None:
                found[algorithm] = bytes.fromhex(text)
                if len(found[algorithm]) != size:
                    raise BadParameter(f"{name} has {2 * size} digits.", parameter=name)
        return found


class PartWish(_Body):
    """A part that shall have a URL; ``md5``: of its bytes, which are refused if they differ."""

    number: Annotated[int, Meta(ge=1, le=100_000)]
    md5: Annotated[str, Meta(pattern=r"^[0-9a-fA-F]{32}$")] | None = None


class PartWishes(_Body):
    """``POST /uploads/{id}/urls``."""

    parts: Annotated[list[PartWish], Meta(min_length=1, max_length=1000)]


class FileChange(_Body):
    """``PATCH /files/{id}`` and ``POST /files/{id}/copy``: only what is named changes.

    ``folder``: UUID, path, or null for the root; ``tags`` and ``meta`` replace what was there.
    """

    name: FileName | UnsetType = UNSET
    folder: Path | UnsetType | None = UNSET
    type: Text | UnsetType | None = UNSET
    access: Access | UnsetType = UNSET
    reference: Text | UnsetType | None = UNSET
    tags: list[str] | UnsetType = UNSET
    meta: dict[str, str] | UnsetType = UNSET
    expires_at: str | UnsetType = UNSET


class Hold(_Body):
    """``PUT /files/{id}/hold`` and ``quarantine``."""

    reason: Annotated[str, Meta(min_length=1, max_length=1024, pattern=_NO_NUL)]


class Share(_Body):
    """``POST /files/{id}/share``; at most the seven days that a signed URL can last."""

    expires_in: Annotated[int, Meta(ge=1, le=604_800)] = 86_400


class Retention(_Body):
    """``PUT /files/{id}/retention``: a time, or null where it is over anyway."""

    until: str | None


class NewFolder(_Body):
    """``POST /folders``; ``parent``: UUID, path, or null for the root."""

    name: FileName
    parent: Path | None = None


class FolderChange(_Body):
    """``PATCH /folders/{id}``."""

    name: FileName | UnsetType = UNSET
    parent: Path | UnsetType | None = UNSET


class NewSpace(_Body):
    """``POST /spaces``; ``owner``: login of its first admin, by default the caller."""

    short: Short
    name: Text = ""
    quota: Size | None = None
    owner: Login | None = None


class SpaceChange(_Body):
    """``PATCH /spaces/{short}``; ``quota`` in bytes, null for none; ``ocr_credits`` in pages."""

    name: Annotated[str, Meta(min_length=1, max_length=256, pattern=_NO_NUL)] | UnsetType = UNSET
    quota: Size | UnsetType | None = UNSET
    ocr_credits: Size | UnsetType = UNSET
    signup_open: bool | UnsetType = UNSET
    hosts: Annotated[list[Text], Meta(max_length=100)] | UnsetType = UNSET


class Membership(_Body):
    """``PUT /spaces/{short}/members/{member}``."""

    role: Role


class NewUser(_Body):
    """``POST /users``; ``home``: short name of a space."""

    email: Text
    password: Password | None = None
    username: Text = ""
    name: Text = ""
    home: Short | None = None
    is_operator: bool = False


class UserChange(_Body):
    """``PATCH /users/{number}``; a user who changes his own password shows the present one."""

    name: Annotated[str, Meta(max_length=256, pattern=_NO_NUL)] | UnsetType = UNSET
    password: Password | UnsetType = UNSET
    current_password: Password | UnsetType = UNSET
    is_active: bool | UnsetType = UNSET
    is_operator: bool | UnsetType = UNSET
    home: Short | UnsetType | None = UNSET


class LogIn(_Body):
    """``POST /session``; ``login``: e-mail or user name; ``cookie``: a session of a page."""

    login: Login
    password: Password
    cookie: bool = False


class NewKey(_Body):
    """``POST /keys``; ``space``: short name of the one space that it is bound to."""

    name: Text = ""
    space: Short | None = None
    methods: Annotated[list[Short], Meta(max_length=5)] | None = None
    expires_in: Seconds | None = None


async def body_of(request: Request, shape: type[Any]) -> Any:
    """Return the JSON body of a request; an empty one counts as an empty object.

    Raises BadBody, BodyTooLarge and what reading raises.
    """
    return decode_json(await read_limited(request, LIMIT) or b"{}", shape)


def given(**members: Any) -> dict[str, Any]:
    """Return the members that were named at all."""
    return {name: value for name, value in members.items() if value is not UNSET}
