"""The query of a request, read once, in UTF-8 or, from old clients, ISO-8859-1."""

from urllib.parse import unquote_to_bytes

from starlette.types import Scope

_MARK = "dynacase.query"


def query_of(scope: Scope) -> dict[str, str]:
    """Return the parameters of the query; of one that is repeated the first value."""
    found: dict[str, str] | None = scope.get(_MARK)
    if found is None:
        found = scope[_MARK] = {}
        for name, value in pairs_of(scope["query_string"]):
            found.setdefault(name, value)
    return found


def pairs_of(encoded: bytes) -> list[tuple[str, str]]:
    """Return the pairs of an urlencoded text in their order.

    >>> pairs_of(b"a=1&b=%E9t%E9&c")
    [('a', '1'), ('b', 'été'), ('c', '')]
    """
    pieces = [piece.partition(b"=") for piece in encoded.split(b"&") if piece]
    return [(decoded(name), decoded(value)) for name, _, value in pieces]


def decoded(encoded: bytes) -> str:
    """Return urlencoded bytes as text."""
    raw = unquote_to_bytes(encoded.replace(b"+", b" "))
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
