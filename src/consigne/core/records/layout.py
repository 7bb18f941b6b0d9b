"""The fields of a type as one value that answers questions about them."""

from functools import lru_cache

import msgspec

from consigne.model.names import fold
from consigne.model.records import COLLECTIONS, STRUCTURE, Field, FieldKind

_decode = msgspec.json.Decoder(list[Field]).decode


class Layout:
    """The fields of one version of a type. Ids are compared without regard to case."""

    __slots__ = ("_by_fold", "_hidden", "fields", "has_constraints", "required", "titles")

    def __init__(self, fields: list[Field]) -> None:
        self.fields = fields
        self._by_fold = {fold(field.id): field for field in fields}
        self._hidden = frozenset(field.id for field in fields if self._is_closed(field))
        self.has_constraints = any(field.constraints for field in fields)
        self.required = [field for field in fields if field.required]
        self.titles = [field for field in fields if field.in_title and not field.is_file]

    def find(self, name: str) -> Field | None:
        """Return a field by its id in any case, hidden ones too."""
        return self._by_fold.get(fold(name))

    def parent(self, field: Field) -> Field | None:
        return self.find(field.parent) if field.parent is not None else None

    @property
    def hidden(self) -> frozenset[str]:
        """The ids of fields that nobody may see: visibility I, their own or from above."""
        return self._hidden

    @property
    def shown(self) -> list[Field]:
        """The fields that are not hidden, in their order."""
        return [field for field in self.fields if field.id not in self._hidden]

    def has_rows(self, field: Field) -> bool:
        """Tell whether the field has a list of values: multiple, or in an array (DY-60)."""
        if field.kind in STRUCTURE:
            return False
        return (field.multiple and field.kind not in COLLECTIONS) or self.in_array(field)

    def in_array(self, field: Field) -> bool:
        parent = self.parent(field)
        return parent is not None and parent.kind is FieldKind.ARRAY

    def siblings(self, field: Field) -> list[Field]:
        """Return the fields whose rows belong together with those of this one, itself included."""
        if not self.in_array(field):
            return [field]
        mine = fold(field.parent or "")
        return [each for each in self.fields if each.parent and fold(each.parent) == mine]

    def _is_closed(self, field: Field) -> bool:
        seen = set()
        each: Field | None = field
        while each is not None and each.id not in seen:
            if each.visibility == "I":
                return True
            seen.add(each.id)
            each = self.parent(each)
        return False


@lru_cache(maxsize=1024)
def layout_of(fields: str) -> Layout:
    """Return the layout of a version's JSON; the last ones are kept ready."""
    return Layout(_decode(fields))
