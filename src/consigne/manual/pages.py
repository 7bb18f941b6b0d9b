"""The few pages of the manual that are not written in ``docs/``. Pure functions to HTML."""

from collections.abc import Iterable
from html import escape


def api_browser(chosen: str, documents: Iterable[str]) -> str:
    """Return the page of the OpenAPI browser; it stands at ``/docs/api/<chosen>``."""
    choices = " ".join(
        f'<a href="{escape(name)}"{" aria-current=page" if name == chosen else ""}>'
        f"{escape(name)}</a>"
        for name in documents
    )
    head = (
        '<link rel="stylesheet" href="../static/swagger-ui.css">'
        '<script src="../static/swagger-ui-bundle.js" defer></script>'
        '<script src="../static/browser.js" defer></script>'
    )
    body = (
        f'<nav><a href="../">Documentation</a> <a href="../api/">APIs</a> {choices} '
        f'<a href="{escape(chosen)}.yaml">OpenAPI document</a></nav>'
        f'<div id="api" data-url="{escape(chosen)}.yaml"></div>'
    )
    return _page(f"{chosen} API · Consigne", body, "../static/site.css", head, wide=True)


def absent(home: str) -> str:
    """Return the page for an address that leads nowhere. ``home``: URL of the manual."""
    body = (
        "<h1>There is no such page</h1>"
        f'<p>Go to <a href="{escape(home)}">the start of the manual</a> and search there.</p>'
    )
    return _page("Not found · Consigne", body, f"{escape(home)}static/site.css")


def missing() -> str:
    """Return the page of a server that was installed without its manual."""
    body = (
        "<h1>Documentation</h1><p>This copy of Consigne came without its pages: "
        "<code>scripts/docs.py</code> builds them out of the folder <code>docs</code>.</p>"
        '<p>The <a href="docs/api/native">OpenAPI browser</a> is there.</p>'
    )
    return _page("Documentation · Consigne", body, "docs/static/site.css")


def _page(title: str, body: str, style: str, head: str = "", *, wide: bool = False) -> str:
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title>"
        f'<link rel="stylesheet" href="{style}">{head}'
        f"</head><body{' class=wide' if wide else ''}>{body}</body></html>\n"
    )
