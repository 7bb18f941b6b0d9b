"""Record types as people write them, in JSON and in TOML: the keys of DY-60.

``attributes`` (or ``fields``) list the fields; of a field ``id`` and ``type`` must be there,
``needed`` says that it is required, ``max_size`` is a number of bytes or a text such as ``20MB``.
``options`` are the choices of a list (texts, or ``id``, ``name``, ``external``); of any other field
free words (``key=value``) for a dialect.
"""

from typing import Any

import msgspec

from consigne.core.records.specs import NATIVE, TypeSpec
from consigne.core.records.types import Typed
from consigne.errors import BadParameter
from consigne.model.records import Acl, Field, FieldKind, Option
from consigne.settings import parse_size


class FieldForm(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A field as it is written."""

    id: str
    type: FieldKind
    label: str = ""
    parent: str | None = None
    order: int = 0
    visibility: str = "W"
    multiple: bool = False
    needed: bool = False
    editable: bool = True
    in_title: bool = False
    accept: list[str] = []
    max_size: int | str | None = None
    min: float | None = None
    max: float | None = None
    name_regex: str | None = None
    max_count: int | None = None
    constraints: list[str] = []
    options: list[str | Option] = []

    def field(self) -> Field:
        """Return the field that is meant. Raises BadParameter."""
        is_list = self.type is FieldKind.LIST
        named = [each for each in self.options if isinstance(each, Option)]
        if named and not is_list:
            raise BadParameter(f"{self.id}: options are texts here.", parameter="options")
        words = [each for each in self.options if isinstance(each, str)]
        return Field(
            id=self.id,
            kind=self.type,
            label=self.label,
            parent=self.parent,
            order=self.order,
            visibility=self.visibility,
            multiple=self.multiple,
            required=self.needed,
            editable=self.editable,
            in_title=self.in_title,
            accept=self.accept,
            max_size=_bytes(self),
            min=self.min,
            max=self.max,
            name_regex=self.name_regex,
            max_count=self.max_count,
            constraints=self.constraints,
            options=[*named, *(Option(word, word) for word in words)] if is_list else [],
            traits={} if is_list else dict(_trait(word) for word in words),
        )


class TypeForm(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A type as it is written. ``number`` and ``version`` are assigned: what they say is ignored.

    ``name`` may be left out where it is known already.
    """

    name: str = ""
    label: str = ""
    dialect: str = NATIVE
    number: int | None = None
    version: int | None = None
    acl: Acl = Acl()
    hooks: list[str] = []
    attributes: list[FieldForm] = []
    fields: list[FieldForm] = []

    def spec(self, name: str = "") -> TypeSpec:
        """Return the type that is meant. Raises BadParameter."""
        if self.attributes and self.fields:
            raise BadParameter("attributes and fields are the same: name one.", parameter="fields")
        listed = self.attributes or self.fields
        return TypeSpec(
            name=self.name or name,
            label=self.label,
            dialect=self.dialect,
            acl=self.acl,
            hooks=self.hooks,
            fields=[each.field() for each in listed],
        )


def form_of(typed: Typed) -> dict[str, Any]:
    """Return a type as it is written, without what says the same as nothing."""
    type = typed.type
    form: dict[str, Any] = {"name": type.name}
    if type.label:
        form["label"] = type.label
    form |= {"dialect": type.dialect, "number": type.id, "version": type.version}
    acl = msgspec.to_builtins(type.rules)
    if acl:
        form["acl"] = acl
    if type.hook_names:
        form["hooks"] = type.hook_names
    form["attributes"] = [field_form(field) for field in typed.fields]
    return form


def field_form(field: Field) -> dict[str, Any]:
    """Return a field as it is written."""
    plain: dict[str, Any] = msgspec.to_builtins(field)
    form = {"id": plain.pop("id"), "type": plain.pop("kind")}
    if plain.pop("required", False):
        form["needed"] = True
    traits = plain.pop("traits", {})
    if traits:
        plain["options"] = [f"{key}={value}" if value else key for key, value in traits.items()]
    return form | plain


def read_types(data: Any) -> list[TypeSpec]:
    """Return the types of a document: ``family`` or ``type`` list them. Raises BadParameter."""
    if not isinstance(data, dict) or not data or not data.keys() <= {"family", "type"}:
        raise BadParameter("[[family]] or [[type]] is needed, and nothing else.", parameter="type")
    specs = []
    for key in ("family", "type"):
        try:
            forms = msgspec.convert(data.get(key, []), list[TypeForm])
        except msgspec.ValidationError as error:
            raise BadParameter(f"{key}: {error}", parameter=key) from None
        specs += [form.spec() for form in forms]
    return specs


def _bytes(form: FieldForm) -> int | None:
    if form.max_size is None:
        return None
    try:
        return parse_size(form.max_size)
    except ValueError as error:
        raise BadParameter(f"{form.id}: max_size: {error}", parameter="max_size") from None


def _trait(word: str) -> tuple[str, str]:
    key, _, value = word.partition("=")
    return key, value
