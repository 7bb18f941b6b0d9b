"""What ``?fields=`` asks an answer about a document to have (DY-30)."""

from typing import NamedTuple

from consigne.dialects.dynacase.errors import refuse

DEFAULT = "properties,attributes"
PROPERTIES = (
    "id", "initid", "name", "title", "revision", "locked", "owner", "fromid", "fromname",
)  # fmt: skip
VALUES = ("value", "displayValue")


class Selection(NamedTuple):
    """``properties``: which; ``attributes``: their lower-case ids, None for all; ``values``: which
    spellings of a value; ``structure``: whether the family's structure is asked for."""

    properties: tuple[str, ...]
    attributes: frozenset[str] | None
    values: tuple[str, ...]
    structure: bool

    def wants(self, attribute: str) -> bool:
        return self.attributes is None or attribute.lower() in self.attributes


def selection_of(text: str | None, known: frozenset[str]) -> Selection:
    """Read ``?fields=``. ``known``: lower-case ids of the attributes that the caller may see.

    Raises the refusals CRUD0202 (property), CRUD0218 (attribute) and CRUD0214 (anything else).
    """
    properties: dict[str, None] = {}
    attributes: set[str] = set()
    values: set[str] = set()
    everything = structure = False
    for word in (text or DEFAULT).split(","):
        name = word.strip()
        kind, _, rest = name.partition(".")
        if name == "properties":
            properties.update(dict.fromkeys(PROPERTIES))
        elif kind == "property":
            if rest not in PROPERTIES:
                raise _unknown("CRUD0202", name)
            properties[rest] = None
        elif name == "attributes" or (kind == "attributes" and rest in VALUES):
            everything = True
            values.update([rest] if rest else VALUES)
        elif kind == "attribute":
            if rest.lower() not in known:
                raise _unknown("CRUD0218", name)
            attributes.add(rest.lower())
        elif name == "family.structure":
            structure = True
        else:
            raise _unknown("CRUD0214", name)
    return Selection(
        tuple(name for name in PROPERTIES if name in properties),
        None if everything else frozenset(attributes),
        tuple(name for name in VALUES if name in values) or VALUES,
        structure,
    )


def _unknown(code: str, name: str) -> Exception:
    return refuse(code, f'Unknown field "{name}"')
