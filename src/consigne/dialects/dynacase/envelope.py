"""The envelope of every answer but bytes: ``success``, ``messages``, ``data`` (DY-07, DY-08)."""

import html
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from starlette.types import Scope

from consigne.core.records.change import Full
from consigne.dialects.dynacase.query import query_of
from consigne.http.answers import Answer, HeaderPairs, json_response, text_response
from consigne.http.fields import Header

API_VERSION = "1"
VERSION_HEADER: Header = (b"x-dcp-api-version", API_VERSION.encode("ascii"))


class Message(msgspec.Struct, frozen=True):
    """One message to the user. ``type`` is error, userMessage, warning, notice or notification."""

    type: str
    text: str
    code: str = ""
    data: Any = None


def said(full: Full) -> list[Message]:
    """Return what hooks said after a save, and what went wrong with them (DY-58)."""
    return [
        *(Message("userMessage", text, "store") for text in full.messages),
        *(Message("warning", text, "store") for text in full.warnings),
    ]


class Envelopes:
    """Makes answers. ``code_uri`` is the base of the addresses that explain codes."""

    def __init__(self, code_uri: str) -> None:
        self._code_uri = code_uri.rstrip("/")

    def success(
        self,
        scope: Scope,
        data: Any,
        messages: Iterable[Message] = (),
        *,
        status: int = 200,
        headers: HeaderPairs = (),
    ) -> Answer:
        """Return an answer with data."""
        body = {"success": True, "messages": [self._told(m) for m in messages], "data": data}
        return _answer(scope, body, status, headers)

    def failure(
        self, scope: Scope, message: Message, *, status: int, headers: HeaderPairs = ()
    ) -> Answer:
        """Return a refusal, its text repeated as ``exceptionMessage``."""
        body = {
            "success": False,
            "messages": [self._told(message)],
            "data": None,
            "exceptionMessage": message.text,
        }
        return _answer(scope, body, status, headers)

    def _told(self, message: Message) -> dict[str, Any]:
        return {
            "type": message.type,
            "contentText": message.text,
            "contentHtml": "",
            "code": message.code,
            "uri": f"{self._code_uri}/{message.code}.html" if message.code else "",
            "data": message.data,
        }


def _answer(scope: Scope, body: Any, status: int, headers: HeaderPairs) -> Answer:
    """Return the body as JSON, or for a form in a frame (``?alt=html``) as a page (DY-64)."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    every = [("Cache-Control", "no-store"), ("X-DCP-Api-Version", API_VERSION), *pairs]
    if query_of(scope).get("alt") != "html":
        return json_response(body, status, every)
    text = html.escape(msgspec.json.encode(body).decode())
    every.append(("X-Content-Type-Options", "nosniff"))
    page = f"<html><body><textarea>{text}</textarea></body></html>"
    return text_response(page, status, every, "text/html")
