"""What settings and meters there are, as text: for ``consigne config`` and pages in ``docs/``."""

import inspect
import re
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

import msgspec

from consigne.meters import known
from consigne.meters.meter import Meter
from consigne.settings import Seconds, Secret, Settings, Size

_HEADING = re.compile(r"    # (.+)")
_SETTING = re.compile(r"    (\w+): .+?  # (.+)")
_PASSWORD = re.compile(r"(://[^/:@\s]*:)[^@\s]*(@)")
_HIDDEN = "…"
_KINDS = {field.name: field.type for field in msgspec.structs.fields(Settings)}
_UNITS = ("KiB", "MiB", "GiB", "TiB")


class Described(msgspec.Struct, frozen=True):
    """A setting: its name, group, what it means, its kind in a word, its default as text."""

    name: str
    group: str
    meaning: str
    kind: str
    default: str

    @property
    def variable(self) -> str:
        return f"CONSIGNE_{self.name.upper()}"


def settings() -> Iterator[Described]:
    """Yield every setting as ``settings.py`` describes it."""
    plain, group = Settings(), ""
    for line in inspect.getsource(Settings).splitlines():
        if found := _HEADING.fullmatch(line):
            group = found[1]
        elif found := _SETTING.fullmatch(line):
            name, meaning = found.groups()
            kind = _KINDS[name]
            default = shown(getattr(plain, name), kind)
            yield Described(name, group, meaning, _word_for(kind), default)


def shown_value(settings: Settings, name: str) -> str:
    """Return the value of a setting; of a secret, and of a password in a URL, only that it is."""
    value, kind = getattr(settings, name), _KINDS[name]
    if kind == Secret:
        return _HIDDEN if value else ""
    text = shown(value, kind)
    return _PASSWORD.sub(rf"\1{_HIDDEN}\2", text)


def shown(value: Any, kind: Any) -> str:
    """Return a value as one would write it in the environment; sizes with their unit."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(value)
    if value is None:
        return ""
    if kind in (Size, Size | None):
        return _size(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def settings_tables() -> str:
    """Return the tables of ``docs/configuration.md``."""
    groups: dict[str, list[Described]] = {}
    for each in settings():
        groups.setdefault(each.group, []).append(each)
    lines = []
    for group, members in groups.items():
        lines += [f"## {group}", "", "| variable | kind | default | meaning |", "|---|---|---|---|"]
        for each in members:
            default = f"`{each.default}`" if each.default else ""
            lines.append(f"| `{each.variable}` | {each.kind} | {default} | {each.meaning} |")
        lines.append("")
    return "\n".join(lines)


def meters_table() -> str:
    """Return the table of ``docs/observability.md``."""
    lines = ["| metric | kind | labels | meaning |", "|---|---|---|---|"]
    for meter in (value for value in vars(known).values() if isinstance(value, Meter)):
        labels = ", ".join(f"`{label}`" for label in meter.labels)
        lines.append(f"| `{meter.name}` | {meter.kind} | {labels} | {meter.help} |")
    return "\n".join(lines) + "\n"


def _size(value: int) -> str:
    for power, unit in reversed(list(enumerate(_UNITS, start=1))):
        if value and value % 1024**power == 0:
            return f"{value // 1024**power}{unit}"
    return str(value)


def _word_for(kind: Any) -> str:
    if kind in (Size, Size | None):
        return "size"
    if kind == Seconds:
        return "seconds"
    if kind == Secret:
        return "secret"
    if get_origin(kind) is Literal:
        return " or ".join(get_args(kind))
    bare = getattr(kind, "__origin__", kind)
    return {bool: "true or false", str: "text", list: "list", float: "seconds"}.get(bare, "number")
