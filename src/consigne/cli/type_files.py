"""Files of record types: TOML or JSON with ``[[family]]`` or ``[[type]]``. Reading and writing."""

import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

from consigne.cli.exits import Exit, Failure
from consigne.core.records.forms import read_types
from consigne.core.records.specs import TypeSpec

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def read(path: str) -> list[TypeSpec]:
    """Return the types of a file, of standard input for ``-``. Raises Failure, BadParameter."""
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise Failure(f"There is no file {path!r}.", hint="Name it.", exit=Exit.MISSING) from None
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"{path!r} cannot be read: {error}", hint="It is UTF-8.") from None
    try:
        # A JSON document begins with a brace, a TOML one never does.
        data = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise Failure(
            f"{path!r} is neither TOML nor JSON: {error}", hint="Correct that place."
        ) from None
    return read_types(data)


def toml(forms: list[dict[str, Any]]) -> str:
    """Return types as TOML, one table each.

    >>> print(toml([{"name": "A", "attributes": [{"id": "a", "type": "text"}]}]), end="")
    [[family]]
    name = "A"
    attributes = [
        { id = "a", type = "text" },
    ]
    """
    tables = []
    for form in forms:
        lines = ["[[family]]"]
        for key, value in form.items():
            if key == "attributes" and value:
                rows = "".join(f"    {_value(each)},\n" for each in value)
                lines.append(f"attributes = [\n{rows}]")
            else:
                lines.append(f"{key} = {_value(value)}")
        tables.append("\n".join(lines) + "\n")
    return "\n".join(tables)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        # JSON escapes as TOML does, but leaves DEL as it is.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    pairs = (f"{_key(key)} = {_value(each)}" for key, each in value.items() if each is not None)
    return f"{{ {', '.join(pairs)} }}"


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _value(key)
