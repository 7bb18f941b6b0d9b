"""The grammar of lists: filters, order, projection, pages.

::

    filter  = field op value                     repeated filters must all hold
    field   = id | name | type | size | created_at | completed_at | updated_at | sha256 | md5
            | owner | reference | date | tag | meta.<key>
    op      = "=" | "!=" | "~" | "!~" | ">" | ">=" | "<" | "<="
    sort    = key *("," key) ; key = ["-"] field, but for tag

``~`` is "contains", ignoring case. A file without the field matches under no operator. Sizes are
bytes, times ISO 8601, digests hexadecimal, ids UUIDs. A metadata key with an operator's character
in it cannot be filtered by.
"""

import hashlib
import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Any

import msgspec

from consigne.dialects.native.parameters import moment, plain
from consigne.dialects.native.wire import FILE_FIELDS
from consigne.errors import BadCursor, BadFilter, BadParameter, BadSort
from consigne.model.entities import State
from consigne.model.identity import Kind, from_uuid
from consigne.model.query import Field, Op, Order, Query, Term

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
MAX_TERMS = 32
MAX_KEYS = 8

_TERM = re.compile(r"(meta\.[^=!~<>]+|[a-z0-9_]+)(!=|!~|>=|<=|=|~|>|<)(.*)", re.DOTALL)
_NAMES = {field.value: field for field in Field if field is not Field.NOTHING}
_TIMES = frozenset({Field.CREATED, Field.COMPLETED, Field.UPDATED})
_DIGESTS = {Field.SHA256: 32, Field.MD5: 16}
_EQUALITY = frozenset({Op.EQUAL, Op.DIFFERENT})
_SUBSTRING = frozenset({Op.CONTAINS, Op.LACKS})
_EXACT_FIELDS = frozenset({Field.ID, Field.OWNER, Field.TAG, Field.SHA256, Field.MD5})
_NUMBERS = frozenset({Field.SIZE, *_TIMES})
_MAC = 16
_STATES = {state.value: state for state in (State.KEPT, State.HELD, State.RELEASED)}

After = tuple[int | str | bytes | None, ...]


def terms_of(filters: Sequence[str]) -> tuple[Term, ...]:
    """Return filters as terms. Raises BadFilter."""
    if len(filters) > MAX_TERMS:
        raise BadFilter(f"At most {MAX_TERMS} filters.", parameter="filter")
    return tuple(map(term_of, filters))


def term_of(text: str) -> Term:
    """Return one filter as a term. Raises BadFilter.

    >>> term_of("size>=1024").op.value
    '>='
    """
    found = _TERM.fullmatch(text)
    if found is None:
        raise _bad(f"{text[:64]!r} is not a filter.")
    name, op, value = found[1], Op(found[2]), found[3]
    if name.startswith("meta."):
        return Term(None, op, _text(value), key=_text(name.removeprefix("meta.")))
    field = _NAMES.get(name)
    if field is None:
        raise _bad(f"There is no field {name[:64]!r}.")
    if field in _EXACT_FIELDS and op not in _EQUALITY:
        raise _bad(f"{name} knows only = and !=.")
    if field in _NUMBERS and op in _SUBSTRING:
        raise _bad(f"{name} does not know {op.value}.")
    return Term(field, op, _operand(field, value))


def order_of(text: str) -> tuple[Order, ...]:
    """Return sort keys; an empty text is the order of creation. Raises BadSort.

    >>> [(o.field.value, o.descending) for o in order_of("name,-size")]
    [('name', False), ('size', True)]
    """
    names = [name.strip() for name in text.split(",")] if text.strip() else []
    if len(names) > MAX_KEYS or len({name.removeprefix("-") for name in names}) < len(names):
        raise BadSort(f"At most {MAX_KEYS} keys, each only once.", parameter="sort")
    return tuple(_key(name) for name in names)


def fields_of(text: str) -> frozenset[str]:
    """Return the members that a projection names. Raises BadParameter."""
    names = frozenset(name.strip() for name in text.split(",") if name.strip())
    unknown = sorted(names - FILE_FIELDS)
    if unknown or not names:
        raise BadParameter(
            f"A file has no member {unknown[0][:64]!r}." if unknown else "fields is empty.",
            hint=f"Members are {', '.join(sorted(FILE_FIELDS))}.",
            parameter="fields",
        )
    return names


def states_of(text: str) -> tuple[State, ...]:
    """Return the states that a list looks at. Raises BadParameter."""
    names = [name.strip() for name in text.split(",")]
    if any(name not in _STATES for name in names):
        raise BadParameter("state must be kept, held or released.", parameter="state")
    return tuple(dict.fromkeys(_STATES[name] for name in names))


class Cursors:
    """Cursors as clients hold them: where a page ended, sealed against change and other lists.

    ``key`` signs. The signature covers the query, so that a cursor is good for its own list only.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def seal(self, query: Query, after: After) -> str:
        """Return the cursor for the page behind ``after``."""
        payload = msgspec.msgpack.encode(after)
        return urlsafe_b64encode(self._mac(query, payload) + payload).rstrip(b"=").decode("ascii")

    def open(self, query: Query, text: str) -> After:
        """Return what ``seal`` was given. Raises BadCursor."""
        try:
            raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        except ValueError:
            raw = b""
        mac, payload = raw[:_MAC], raw[_MAC:]
        if not payload or not hmac.compare_digest(mac, self._mac(query, payload)):
            raise BadCursor(
                "This cursor does not belong to this list.",
                hint="Start again without a cursor; keep filters and sort as they are.",
                parameter="cursor",
            )
        return tuple(msgspec.msgpack.decode(payload))

    def _mac(self, query: Query, payload: bytes) -> bytes:
        scope = msgspec.msgpack.encode((query.scope, query.terms, query.order))
        return hmac.digest(self._key, hashlib.sha256(scope).digest() + payload, "sha256")[:_MAC]


def _key(name: str) -> Order:
    descending = name.startswith("-")
    plain_name = name.removeprefix("-")
    if plain_name.startswith("meta.") and len(plain_name) > len("meta."):
        return Order(None, descending, key=plain(plain_name.removeprefix("meta."), "sort"))
    field = _NAMES.get(plain_name)
    if field is None or field is Field.TAG:
        raise BadSort(f"{name[:64]!r} is nothing to sort by.", parameter="sort")
    return Order(field, descending)


def _operand(field: Field, value: str) -> Any:
    if field is Field.ID:
        return from_uuid(Kind.FILE, value) or 0  # no file has the number 0
    if field is Field.SIZE or field is Field.OWNER:
        if not value.isascii() or not value.isdigit() or len(value) > 18:
            raise _bad(f"{field.value} is compared with a number, not {value[:64]!r}.")
        return int(value)
    if field in _TIMES:
        try:
            return moment(value, field.value)
        except BadParameter as error:
            raise _bad(error.message) from None
    if field in _DIGESTS:
        try:
            digest = bytes.fromhex(value) if value.isalnum() else b""
        except ValueError:
            digest = b""
        if len(digest) != _DIGESTS[field]:
            raise _bad(f"{field.value} is compared with {2 * _DIGESTS[field]} hexadecimal digits.")
        return digest
    return _text(value)


def _text(value: str) -> str:
    try:
        return plain(value, "filter")
    except BadParameter as error:
        raise _bad(error.message) from None


def _bad(message: str) -> BadFilter:
    return BadFilter(
        message,
        hint="A filter is <field><op><value>, such as name~invoice or size>=1024.",
        parameter="filter",
    )
