"""From rows to values: a struct has exactly the columns of its table, in their order."""

from collections.abc import Callable
from enum import Enum
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

import msgspec

from consigne.catalog.engine import Row

S = TypeVar("S", bound=msgspec.Struct)


def reader(struct: type[S]) -> Callable[[Row], S]:
    """Return a function that makes a struct of a row, turning enums and booleans back."""
    converters = [
        (index, _Members(kind))
        for index, field in enumerate(msgspec.structs.fields(struct))
        if (kind := _convertible(field.type)) is not None
    ]

    def read(row: Row) -> S:
        values = list(row)
        for index, members in converters:
            values[index] = members[values[index]]
        return struct(*values)

    return read


class _Members(dict[Any, Any]):
    """What a column's values stand for, found once each: calling an enum costs ten times more."""

    def __init__(self, kind: Callable[[Any], Any]) -> None:
        super().__init__({None: None})
        self._kind = kind

    def __missing__(self, value: Any) -> Any:
        member = self[value] = self._kind(value)
        return member


def params(value: msgspec.Struct) -> dict[str, Any]:
    """Return a struct as the named parameters of an insert, with plain values."""
    fields = msgspec.structs.asdict(value)
    for name, item in fields.items():
        if isinstance(item, Enum):
            fields[name] = item.value
        elif item is True or item is False:
            fields[name] = int(item)
    return fields


def _convertible(annotation: Any) -> Callable[[Any], Any] | None:
    if get_origin(annotation) in (Union, UnionType):
        kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
        annotation = kinds[0] if len(kinds) == 1 else None
    if isinstance(annotation, type) and (issubclass(annotation, Enum) or annotation is bool):
        return annotation
    return None
