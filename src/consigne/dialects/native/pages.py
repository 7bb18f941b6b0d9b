"""The pages that people see: what this is, its documents, its errors. Pure functions to HTML.

Nothing in a page comes from elsewhere, and none has a script but the OpenAPI browser's.
"""

import inspect
from collections.abc import Iterable, Sequence
from html import escape

from consigne import errors
from consigne.dialects.native.errors import TABLE

ERRORS_TITLE = "Errors"

# Codes of another dialect, each with its status and its message.
Codes = Sequence[tuple[str, int, str]]


def page(title: str, body: str, *, prefix: str, wide: bool = False, head: str = "") -> str:
    """Return a whole page around a body of HTML."""
    links = (("/", "Consigne"), ("/docs", "Documentation"), ("/docs/api", "API"))
    nav = " ".join(f'<a href="{escape(prefix + path)}">{name}</a>' for path, name in links)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title>"
        f'<link rel="icon" href="{escape(prefix)}/favicon.ico">'
        f'<link rel="stylesheet" href="{escape(prefix)}/docs/static/site.css">{head}'
        f"</head><body{' class=wide' if wide else ''}><nav>{nav}</nav>\n{body}\n</body></html>\n"
    )


def landing(prefix: str, base_url: str) -> str:
    """Return the page at the root."""
    base = escape(base_url)
    body = f"""<h1>Consigne</h1>
<p>A self-hosted service that business applications hand their files to. A successful answer means
that the bytes and their row are on stable storage; the bytes that come back are the bytes that went
in, checked.</p>
<ul>
<li><a href="{escape(prefix)}/docs">Documentation</a> and the
<a href="{escape(prefix)}/docs/api">OpenAPI browser</a></li>
<li><a href="{escape(prefix)}/docs/errors">What each error means</a></li>
<li><a href="{escape(prefix)}/health/ready">Health</a></li>
</ul>
<h2>Send a first file</h2>
<pre><code>curl -H "Authorization: Bearer $KEY" \\
     -T report.pdf -X POST "{base}/consigne/v1/files?name=report.pdf"</code></pre>
"""
    return page("Consigne", body, prefix=prefix)


def index(prefix: str, base_url: str, documents: Iterable[str]) -> str:
    """Return the documentation's first page."""
    rows = "".join(
        f'<li><a href="{escape(prefix)}/docs/api?document={escape(name)}">{escape(name)}</a> '
        f'(<a href="{escape(prefix)}/docs/api/{escape(name)}.yaml">OpenAPI</a>)</li>'
        for name in documents
    )
    url = f"{escape(base_url)}/consigne/v1"
    body = f"""<h1>Documentation</h1>
<h2>Interfaces</h2>
<ul>{rows}</ul>
<p><a href="{escape(prefix)}/docs/errors">Errors</a> of the native API, each with its code.</p>
<h2>A tour of the native API</h2>
<pre><code>export KEY=…   # printed at the first start
auth="Authorization: Bearer $KEY"

# send, and let the server check what arrives
curl -H "$auth" -T report.pdf -X POST "{url}/files?name=report.pdf&amp;tag=2026" \\
     -H "Content-Digest: sha-256=:$(openssl dgst -sha256 -binary report.pdf | base64):"
# list, filter, count
curl -H "$auth" -G "{url}/files" --data-urlencode 'filter=name~report' -d sort=-size
# download, with the name it came with
curl -H "$auth" -OJ "{url}/files/$ID/content"
# move into the trash, and out of it again
curl -H "$auth" -X DELETE "{url}/files/$ID"
curl -H "$auth" -X POST "{url}/files/$ID/restore"
# what happens, as it happens
curl -H "$auth" -N "{url}/events/stream"</code></pre>
"""
    return page("Consigne: documentation", body, prefix=prefix)


def api_browser(prefix: str, documents: Iterable[str], chosen: str) -> str:
    """Return the page of the OpenAPI browser."""
    static = f"{escape(prefix)}/docs/static"
    choices = " ".join(
        f'<a href="{escape(prefix)}/docs/api?document={escape(name)}">{escape(name)}</a>'
        for name in documents
    )
    head = (
        f'<link rel="stylesheet" href="{static}/swagger-ui.css">'
        f'<script src="{static}/swagger-ui-bundle.js" defer></script>'
        f'<script src="{static}/browser.js" defer></script>'
    )
    body = (
        f"<nav>Interfaces: {choices}</nav>"
        f'<div id="api" data-url="{escape(prefix)}/docs/api/{escape(chosen)}.yaml"></div>'
    )
    return page(f"Consigne: {chosen} API", body, prefix=prefix, wide=True, head=head)


def error_list(prefix: str) -> str:
    """Return every error with its code, its status and what the core says about it."""
    rows = "".join(_error_row(kind) for kind in errors.leaves())
    body = f"""<h1>{ERRORS_TITLE}</h1>
<p>The native API answers with problem documents (RFC 9457). <code>code</code> is stable: match on
it. <code>detail</code> says which rule refused, <code>hint</code> what to do; further members are
the facts of the refusal.</p>
<table><thead><tr><th>code</th><th>status</th><th>meaning</th></tr></thead>
<tbody>{rows}</tbody></table>
"""
    return page("Consigne: errors", body, prefix=prefix)


def code_list(prefix: str, name: str, codes: Codes) -> str:
    """Return the page about the error codes of a dialect."""
    rows = "".join(
        f'<tr id="{escape(code)}"><td><code>{escape(code)}</code></td><td>{status}</td>'
        f"<td>{escape(message)}</td></tr>\n"
        for code, status, message in codes
    )
    body = f"""<h1>{ERRORS_TITLE}: {escape(name)}</h1>
<p>What this dialect answers where it refuses. <code>code</code> is stable: match on it; the facts
of the refusal stand in <code>infos</code>.</p>
<table><thead><tr><th>code</th><th>status</th><th>message</th></tr></thead>
<tbody>{rows}</tbody></table>
"""
    return page(f"Consigne: {name} errors", body, prefix=prefix)


def _error_row(kind: type[errors.ConsigneError]) -> str:
    row = TABLE.row(kind())
    explained = inspect.cleandoc(kind.__doc__ or "") if "__doc__" in vars(kind) else ""
    about = f"{escape(kind.default)} {_code_spans(explained)}".strip()
    code = escape(kind.code)
    return (
        f'<tr id="{code}"><td><code>{code}</code></td><td>{row.status}</td>'
        f"<td><strong>{escape(row.title)}.</strong> {about}</td></tr>\n"
    )


def _code_spans(text: str) -> str:
    """Return a docstring as HTML: words between double backquotes are code."""
    pieces = escape(text).split("``")
    return "".join(f"<code>{p}</code>" if odd % 2 else p for odd, p in enumerate(pieces))
