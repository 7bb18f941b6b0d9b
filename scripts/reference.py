"""Write the pages of the reference that come out of the code, and the tables of others.

    .venv/bin/python scripts/reference.py

They are committed, so that they can be read without building anything; a test compares.
"""

import dataclasses
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from consigne import errors, plugins
from consigne.cli import main
from consigne.cli.main import COMMANDS
from consigne.cli.reference import meters_table, settings_tables
from consigne.core.telling import EVENTS
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

COMMANDS_PAGE = """# Every command and option

As `consigne COMMAND --help` says it; [the command line](cli.md) explains with examples.
`--help` goes with each.

"""

# What the events of a family are about.
FAMILIES = {
    "content": "bytes: damage, healing, quarantine",
    "file": "the life of a file",
    "files": "many files at once",
    "folder": "folders",
    "group": "groups of members",
    "job": "work in the background",
    "key": "API keys",
    "member": "members of the space",
    "record": "records",
    "space": "the space itself",
    "type": "record types",
    "upload": "uploads in parts",
    "vault": "the vault, from a backup",
    "webhook": "webhooks",
    "year": "accounting years",
}


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


def commands_page() -> str:
    """Return the page with every command, its arguments and options."""
    sections = (
        section
        for name in COMMANDS
        if (command := main.get_command(click.Context(main), name)) is not None
        for section in _commands(command, click.Context(main, info_name="consigne"), name)
    )
    return NOTE + COMMANDS_PAGE + "\n".join(sections)


def webhooks_page() -> str:
    """Return the page about webhooks with its table of events as it should be."""
    families: dict[str, list[str]] = {}
    for event in sorted(EVENTS):
        families.setdefault(event.partition(".")[0], []).append(f"`{event}`")
    rows = (f"| {FAMILIES[family]} | {' '.join(names)} |\n" for family, names in families.items())
    return _filled("webhooks.md", "| about | events |\n|---|---|\n" + "".join(rows))


def plugins_page() -> str:
    """Return the page about plug-ins with the hooks and what they are told as it should be."""
    hooks = (
        f"### `{name}`\n\n```text\n{_signature(hook)}\n```\n\n{_plain(hook)}\n"
        for name, hook in vars(plugins).items()
        if hasattr(hook, "consigne_spec")
    )
    told = (
        f"### `{kind.__name__}` {{ #told-{kind.__name__.lower()} }}\n\n{_plain(kind)}\n\n"
        f"| | |\n|---|---|\n{''.join(_members(kind))}"
        for kind in vars(plugins).values()
        if dataclasses.is_dataclass(kind) and isinstance(kind, type)
    )
    return _filled("plugins.md", "\n".join([*hooks, *told]))


PAGES = {
    DOCS / "errors.md": errors_page,
    DOCS / "errors/daxium.md": daxium_page,
    DOCS / "configuration.md": configuration_page,
    DOCS / "observability.md": observability_page,
    DOCS / "commands.md": commands_page,
    DOCS / "webhooks.md": webhooks_page,
    DOCS / "plugins.md": plugins_page,
}


def _filled(name: str, table: str) -> str:
    """Return a page that is written by hand, with a table in the place that is marked for it."""
    before, _, rest = (DOCS / name).read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


def _commands(command: click.Command, above: click.Context, name: str) -> Iterator[str]:
    context = click.Context(command, parent=above, info_name=name)
    pieces = " ".join(command.collect_usage_pieces(context))
    about = inspect.cleandoc(command.help or "").replace("\b\n", "")
    rows = [
        f"| {_spelled(each, context)} | {(each.help or '').replace('|', chr(92) + '|')} |\n"
        for each in command.params
        if isinstance(each, click.Option) and not each.hidden
    ]
    table = "\n| option | |\n|---|---|\n" + "".join(rows) if rows else ""
    mark = context.command_path.replace("consigne ", "").replace(" ", "-")
    head = f"## `{context.command_path}` {{ #{mark} }}"
    yield f"{head}\n\n```text\n{context.command_path} {pieces}\n```\n\n{about}\n{table}"
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            assert found is not None
            yield from _commands(found, context, below)


def _spelled(option: click.Option, context: click.Context) -> str:
    """Return an option as it is written, with what its value is."""
    names = ", ".join(f"`{each}`" for each in [*option.opts, *option.secondary_opts])
    value = "" if option.is_flag or option.count else f" `{option.make_metavar(context)}`"
    return names + value.replace("|", chr(92) + "|")


def _signature(hook: Any) -> str:
    """Return the head of a function as its source has it."""
    (head,) = (line for line in inspect.getsource(hook).splitlines() if line.startswith("def "))
    return head.partition(":  #")[0].removesuffix(":").removeprefix("def ")


def _plain(thing: Any) -> str:
    """Return a docstring as text of a page."""
    return inspect.cleandoc(thing.__doc__ or "").replace("``", "`")


def _members(kind: Any) -> Iterator[str]:
    for each in dataclasses.fields(kind):
        if not each.name.startswith("_"):
            spelled = re.sub(r"\b[a-z.]+\.(?=[A-Z])", "", inspect.formatannotation(each.type))
            spelled = spelled.replace("|", chr(92) + "|")
            yield f"| `{each.name}` | `{spelled}` |\n"
    for name, method in inspect.getmembers(kind, inspect.isfunction):
        if not name.startswith("_"):
            yield f"| `{name}()` | {_plain(method)} |\n"


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
