"""Sessions of pages: a cookie that carries a log-in token, and the proof that a page of ours asks.

A browser sends a cookie along with whatever any page makes it send. So the cookie alone may only
read (and it is ``SameSite=Strict``: pages of other sites do not even get that); to change something
a request has to show, in a header of its own, a value that is derived from the token. Only a page
that was told it at the sign-in, or may read our answers, knows it: the synchroniser token of
OWASP's "Cross-Site Request Forgery Prevention Cheat Sheet", without anything to store.

A request that carries an ``Authorization`` has no use for any of this.
"""

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode

from starlette.datastructures import Headers

from consigne.errors import OriginRefused, Unauthenticated

COOKIE = "consigne_session"
PROOF = "X-Consigne-Csrf"

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_TOKEN = re.compile(r"[A-Za-z0-9\-._~+/=]{1,4096}")


def session(headers: Headers, method: str) -> str | None:
    """Return the token of the session cookie, or None where there is none.

    ``method``: the one that is meant, whatever the request line says. Raises OriginRefused where it
    would change something and the proof is missing or another session's, Unauthenticated where
    there are several cookies of that name.
    """
    found = [
        value.strip()
        for line in headers.getlist("cookie")
        for name, _, value in (pair.partition("=") for pair in line.split(";"))
        if name.strip() == COOKIE
    ]
    if not found or not _TOKEN.fullmatch(found[0]):
        return None
    if len(found) > 1:
        raise Unauthenticated("More than one session cookie.")
    if method.upper() not in _SAFE:
        shown = headers.get(PROOF, "")
        if not hmac.compare_digest(shown.encode("latin-1"), proof(found[0]).encode("ascii")):
            raise OriginRefused(
                f"A session changes something only with its own {PROOF}.",
                hint="GET /consigne/v1/session tells it to a page of this server.",
            )
    return found[0]


def proof(token: str) -> str:
    """Return what a page has to show beside the cookie of this token."""
    digest = hashlib.sha256(b"consigne page\0" + token.encode()).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def cookie(token: str, seconds: int, base_url: str) -> tuple[str, str]:
    """Return the ``Set-Cookie`` of a session that ends in so many seconds; 0 takes it away.

    ``base_url`` decides whether it travels over HTTPS only, and below which path.
    """
    scheme, _, rest = base_url.partition("://")
    path = "/" + rest.partition("/")[2]
    secure = "; Secure" if scheme == "https" else ""
    attributes = f"Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"
    return "Set-Cookie", f"{COOKIE}={token}; {attributes}"
