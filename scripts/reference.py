"""Write the pages of the reference that come out of the code, and the tables of two others.

    .venv/bin/python scripts/reference.py

They are committed, so that they can be read without building anything; a test compares.
"""

import inspect
from pathlib import Path
from typing import Any

from consigne import errors
from consigne.cli.reference import meters_table, settings_tables
from consigne.dialects.appmixer.errors import TABLE as APPMIXER
from consigne.dialects.arrhes.errors import TABLE as ARRHES
from consigne.dialects.daxium.errors import CODES
from consigne.dialects.daxium.errors import TABLE as DAXIUM
from consigne.dialects.dynacase.errors import TABLE as DYNACASE
from consigne.dialects.dynacase.v1.errors import TABLE as DYNACASE_2
from consigne.dialects.native.errors import TABLE as NATIVE
from consigne.dialects.s3.errors import TABLE as S3
from consigne.dialects.tus.errors import TABLE as TUS
from consigne.errors import ConsigneError

DOCS = Path(__file__).resolve().parents[1] / "docs"
BEGIN, END = "<!-- Written by scripts/reference.py -->\n", "<!-- to here -->\n"
NOTE = "<!-- Written by scripts/reference.py; do not edit. -->\n\n"

DIALECTS = {
    "Appmixer": (APPMIXER, "code"),
    "Arrhes": (ARRHES, "cause"),
    "Daxium": (DAXIUM, "name"),
    "Dynacase": (DYNACASE, "code"),
    "Dynacase, level 2": (DYNACASE_2, "code"),
    "tus": (TUS, ""),
    "S3": (S3, "code"),
}

ERRORS = """# Errors

Consigne refuses with the same list of errors everywhere; each dialect says them in its own words.

The native API answers with problem documents (RFC 9457). Match on `code`, which is stable.
`detail` says which rule refused, `hint` what to do about it; further members are the facts of the
refusal:

```json
{
  "type": "http://127.0.0.1:8080/docs/errors#file_not_found",
  "title": "Not found",
  "status": 404,
  "detail": "There is no such file.",
  "code": "file_not_found"
}
```

After 429 and 503, wait as long as `Retry-After` says and try again. Below, each code stands with
its status in the native API, and with what a client of another dialect sees. "Depends" means that
the code depends on what was asked for; [Daxium's codes](errors/daxium.md) have a page of their own.

"""

DAXIUM_PAGE = """# Errors of the Daxium dialect

What this dialect answers where it refuses. `code` is stable: match on it; the facts of the refusal
stand in `infos`, and `url` leads here.

"""


def errors_page() -> str:
    """Return the page with every error of the native API and its words in the other dialects."""
    return NOTE + ERRORS + "\n".join(_section(kind) for kind in errors.leaves())


def daxium_page() -> str:
    """Return the page with Daxium's codes; its anchors are what the answers lead to."""
    sections = (
        f"### {row.name} {{ #{row.name} }}\n\n**{row.status}** {row.message}\n" for row in CODES
    )
    return NOTE + DAXIUM_PAGE + "\n".join(sections)


def configuration_page() -> str:
    """Return the page about the settings with its tables as they should be."""
    return _filled("configuration.md", settings_tables())


def observability_page() -> str:
    """Return the page about metrics with its table as it should be."""
    return _filled("observability.md", meters_table())


PAGES = {
    DOCS / "errors.md": errors_page,
    DOCS / "errors/daxium.md": daxium_page,
    DOCS / "configuration.md": configuration_page,
    DOCS / "observability.md": observability_page,
}


def _filled(name: str, table: str) -> str:
    """Return a page that is written by hand, with a table in the place that is marked for it."""
    before, _, rest = (DOCS / name).read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


def _section(kind: type[ConsigneError]) -> str:
    row = NATIVE.row(kind())
    text = inspect.cleandoc(kind.__doc__ or "") if "__doc__" in vars(kind) else ""
    told = "" if kind.default == f"{row.title}." else kind.default
    about = f"{told} {text}".replace("``", "`").replace("\n", " ").strip()
    said = (f"{name} {_said(table, field, kind)}" for name, (table, field) in DIALECTS.items())
    return (
        f"### `{kind.code}`\n\n**{row.status} {row.title}.** {about}".rstrip()
        + f"\n\n{' · '.join(said)}\n"
    )


def _said(table: Any, field: str, kind: type[ConsigneError]) -> str:
    """Return status and code in a dialect; a row without a code passes the error's own on."""
    row = table.row(kind())
    if callable(row):
        return "depends"
    if isinstance(row, int):
        return str(row)
    code = getattr(row, field)
    if code == "" and table is APPMIXER:
        code = kind.code
    return f"{row.status} `{code}`" if code else str(row.status)


if __name__ == "__main__":
    for page, text in PAGES.items():
        page.parent.mkdir(exist_ok=True)
        page.write_text(text())
