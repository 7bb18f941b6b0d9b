"""``POST /oauth/v2/token``: a password or a refresh token against a pair of tokens (DX-05..07)."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request

from consigne.core.grants import Granted
from consigne.dialects.daxium.desk import Desk, require_version
from consigne.errors import BadCredentials, BadParameter, BodyTooLarge, IncompleteBody
from consigne.http.answers import Answer, json_response
from consigne.http.bodies import read_limited

_FORM = "application/x-www-form-urlencoded"
_MAX_BODY = 16 * 1024
_MAX_FIELDS = 32
_NO_STORE = [("Cache-Control", "no-store"), ("Pragma", "no-cache")]

Form = Mapping[str, str]


class TokenRoute:
    """The endpoint of both grants. An ``Authorization`` header is not looked at (DX-53)."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._accounts = desk.depot.accounts
        self._grants = {"password": self._by_password, "refresh_token": self._by_refresh}

    async def post(self, request: Request) -> Answer:
        """Answer with a fresh pair, which nobody may store on the way."""
        require_version(request)
        form = await self._form(request)
        grant = self._grants.get(_required(form, "grant_type"))
        if grant is None:
            raise BadParameter(
                "grant_type is password or refresh_token.", oauth="unsupported_grant_type"
            )
        client, secret = _required(form, "client_id"), _required(form, "client_secret")
        if not await self._accounts.check_client(client, secret):
            raise BadCredentials("The client is unknown.", oauth="invalid_client")
        granted = await grant(request, form, client)
        document = {
            "access_token": granted.access,
            "refresh_token": granted.refresh,
            "expires_in": granted.expires_in,
            "token_type": "bearer",
            "scope": "user",
        }
        return json_response(document, headers=_NO_STORE)

    async def _by_password(self, request: Request, form: Form, client: str) -> Granted:
        username, password = _required(form, "username"), _required(form, "password")
        address = request.scope["state"]["client"]
        try:
            caller = await self._accounts.by_password(username, password, address)
        except BadCredentials as error:
            raise BadCredentials(error.message, oauth="invalid_grant") from None
        return await self._accounts.grants.issue(caller.principal, client)

    async def _by_refresh(self, request: Request, form: Form, client: str) -> Granted:
        token = _required(form, "refresh_token")
        try:
            return await self._accounts.grants.refresh(token, client)
        except BadCredentials as error:
            raise BadCredentials(error.message, oauth="invalid_grant") from None

    async def _form(self, request: Request) -> Form:
        """Return the parameters of the body: those of the query are not trusted with secrets."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != _FORM:
            raise _invalid(f"Send the parameters as {_FORM}.")
        try:
            data = await read_limited(request, _MAX_BODY, self._desk.settings.body_idle)
            pairs = parse_qsl(
                data.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS
            )
        except BodyTooLarge:
            raise _invalid("The body is too large.") from None
        except IncompleteBody:
            raise _invalid("The body ended early.") from None
        except ValueError:  # not UTF-8, or too many fields
            raise _invalid("The body is no form.") from None
        form = dict(pairs)
        if len(form) != len(pairs):
            raise _invalid("A parameter occurs twice.")
        return form


def _required(form: Form, name: str) -> str:
    value = form.get(name)
    if not value or "\0" in value:
        raise _invalid(f"{name} is missing or malformed.")
    return value


def _invalid(reason: str) -> BadParameter:
    return BadParameter(reason, oauth="invalid_request")
