"""What ``?fields=`` asks an answer of level 2 to have (DY-79)."""

from typing import NamedTuple

from consigne.dialects.dynacase.errors import refuse
from consigne.dialects.dynacase.selection import PROPERTIES as OF_LEVEL_1

DEFAULT = "document.properties,document.attributes"
IN_LISTS = "document.properties"
PROPERTIES = ("id", "title", "icon", "initid", "name", "revision")
ALL = (*PROPERTIES, *(name for name in OF_LEVEL_1 if name not in PROPERTIES), "cdate", "mdate")


class Selection(NamedTuple):
    """``properties``: which; ``attributes``: their lower-case ids, None for all; ``structure``:
    whether the family's structure is asked for."""

    properties: tuple[str, ...]
    attributes: frozenset[str] | None
    structure: bool

    def wants(self, attribute: str) -> bool:
        return self.attributes is None or attribute.lower() in self.attributes


def selection_of(text: str | None, known: frozenset[str], default: str = DEFAULT) -> Selection:
    """Read ``?fields=``. ``known``: lower-case ids of the attributes that the caller may see.

    Raises the refusals CRUD0202 (property), CRUD0218 (attribute) and CRUD0214 (anything else).
    """
    properties: set[str] = set()
    attributes: set[str] = set()
    everything = structure = False
    for word in (text or default).split(","):
        name = word.strip()
        kind, _, rest = name.removeprefix("document.").partition(".")
        if name == "family.structure":
            structure = True
        elif not name.startswith("document.") or (name.endswith(".") and not rest):
            raise _unknown("CRUD0214", name)
        elif kind == "properties":
            properties.update(_properties(rest, name))
        elif kind == "attributes" and not rest:
            everything = True
        elif kind == "attributes":
            if rest.lower() not in known:
                raise _unknown("CRUD0218", name)
            attributes.add(rest.lower())
        else:
            raise _unknown("CRUD0214", name)
    chosen = tuple(name for name in ALL if name in properties)
    return Selection(chosen, None if everything else frozenset(attributes), structure)


def _properties(rest: str, name: str) -> tuple[str, ...]:
    if not rest:
        return PROPERTIES
    if rest == "all":
        return ALL
    if rest not in ALL:
        raise _unknown("CRUD0202", name)
    return (rest,)


def _unknown(code: str, name: str) -> Exception:
    return refuse(code, f'Unknown field "{name}"')
