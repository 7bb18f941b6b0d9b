"""What a type is to be, and whether it can be (DY-60, DX-22, C-33).

A type belongs to one dialect, whose grammar its names and kinds follow; ``native`` ones are used by
all, under the strictest.
"""

import re
from typing import Any

import msgspec

from consigne.core.records.layout import Layout
from consigne.errors import BadParameter
from consigne.model.names import fold
from consigne.model.records import COLLECTIONS, STRUCTURE, Acl, Field, FieldKind
from consigne.model.rights import Role

NATIVE = "native"
MOST_FIELDS = 1000
_MOST_TEXT = 1024
_TYPE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,127}")
_LOWER = re.compile(r"[a-z][a-z0-9_]{0,62}")
_MIXED = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")
_VISIBILITIES = frozenset("WROSHUI")
_ENTRY = re.compile(r"\*|(?:user|role|group):[^\s\x00-\x1f][^\x00-\x1f]{0,255}")
_PATTERN = re.compile(r"\.[A-Za-z0-9][\w.+-]{0,31}|[\w*.+-]{1,127}/[\w*.+-]{1,127}")
_FUNCTION = re.compile(r"[A-Za-z_][\w.:-]{0,127}")
GROUP = re.compile(r"[A-Za-z0-9][\w.-]{0,127}")
_GREEDY = 3


class Grammar(msgspec.Struct, frozen=True):
    """What the names and kinds of a dialect's fields may be."""

    field: re.Pattern[str]
    kinds: frozenset[FieldKind]
    reserved: frozenset[str] = frozenset()


_ALL = frozenset(FieldKind)
GRAMMARS = {
    NATIVE: Grammar(_LOWER, _ALL, frozenset({"useremail", "submissionnumber"})),
    "dynacase": Grammar(
        _LOWER,
        STRUCTURE
        | {FieldKind.TEXT, FieldKind.LONGTEXT, FieldKind.INT, FieldKind.DOUBLE, FieldKind.DATE}
        | {FieldKind.TIMESTAMP, FieldKind.FILE, FieldKind.IMAGE},
    ),
    "daxium": Grammar(_MIXED, _ALL, frozenset({"useremail", "submissionnumber"})),
}


class TypeSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """A type to be. ``hooks``: names of plug-ins and webhooks that are asked; none: all."""

    name: str
    label: str = ""
    dialect: str = NATIVE
    acl: Acl = Acl()
    hooks: list[str] = []
    fields: list[Field] = []


def check_spec(spec: TypeSpec) -> None:
    """Raise BadParameter where a type cannot be so."""
    if not _TYPE_NAME.fullmatch(spec.name):
        raise _bad(
            "name", f"{spec.name!r} cannot name a type: A-Z, a-z, 0-9 and _, a letter first."
        )
    if len(spec.label) > 256 or not _is_text(spec.label):
        raise _bad("label", "The label is too long.")
    grammar = GRAMMARS.get(spec.dialect)
    if grammar is None:
        raise _bad("dialect", f"{spec.dialect!r} is not one of {', '.join(GRAMMARS)}.")
    check_acl(spec.acl)
    for hook in spec.hooks:
        if not _FUNCTION.fullmatch(hook):
            raise _bad("hooks", f"{hook!r} cannot name a hook.")
    if len(spec.fields) > MOST_FIELDS:
        raise _bad("fields", f"A type has at most {MOST_FIELDS} fields.")
    seen: set[str] = set()
    for field in spec.fields:
        if fold(field.id) in seen:
            raise _bad("fields", f"The field {field.id!r} is there twice.")
        seen.add(fold(field.id))
        _check_field(field, grammar)
    layout = Layout(spec.fields)
    for field in spec.fields:
        _check_place(layout, field)


def check_acl(acl: Acl) -> None:
    """Raise BadParameter where an entry of an ACL is malformed."""
    for entries in (acl.view, acl.edit, acl.delete, acl.create):
        for entry in entries or []:
            kind, _, name = entry.partition(":")
            if not _ENTRY.fullmatch(entry) or (kind == "role" and name not in list(Role)):
                raise _bad("acl", f"{entry!r} is not user:…, role:…, group:… or *.")
        if entries is not None and len(entries) > 1000:
            raise _bad("acl", "An ACL has at most 1000 entries.")


def normal_acl(acl: Acl) -> Acl:
    """Return an ACL with e-mail addresses in lower case, as they are compared."""

    def lowered(entries: list[str] | None) -> list[str] | None:
        if entries is None:
            return None
        return [e.lower() if e.startswith("user:") and "@" in e else e for e in entries]

    return Acl(lowered(acl.view), lowered(acl.edit), lowered(acl.delete), lowered(acl.create))


def _check_field(field: Field, grammar: Grammar) -> None:
    if not grammar.field.fullmatch(field.id) or fold(field.id) in grammar.reserved:
        raise _bad("fields", f"{field.id!r} cannot name a field: {grammar.field.pattern}.")
    if field.kind not in grammar.kinds:
        raise _bad("fields", f"{field.id}: the kind {field.kind.value!r} is not used there.")
    if field.visibility not in _VISIBILITIES:
        raise _bad("fields", f"{field.id}: visibility is one of W, R, O, S, H, U and I.")
    texts = (field.label, *field.traits, *field.traits.values())
    if not all(len(text) <= _MOST_TEXT and _is_text(text) for text in texts):
        raise _bad("fields", f"{field.id}: a text is too long.")
    for pattern in field.accept:
        if not _PATTERN.fullmatch(pattern):
            raise _bad("fields", f"{field.id}: {pattern!r} is no MIME pattern and no .extension.")
    for function in field.constraints:
        if not _FUNCTION.fullmatch(function):
            raise _bad("fields", f"{field.id}: {function!r} cannot name a constraint.")
    if field.is_file is False and (field.accept or field.max_size is not None or field.name_regex):
        raise _bad("fields", f"{field.id}: accept, max_size and name_regex are for files.")
    if field.name_regex is not None:
        _check_regex(field)
    for number in (field.max_size, field.max_count):
        if number is not None and not 0 < number < 1 << 63:
            raise _bad("fields", f"{field.id}: a limit is a number above 0.")
    ids = [option.id for option in field.options]
    if len(set(ids)) < len(ids) or not all(ids):
        raise _bad("fields", f"{field.id}: each option needs an id of its own.")


def _check_place(layout: Layout, field: Field) -> None:
    if field.kind in STRUCTURE and (field.required or field.multiple):
        raise _bad("fields", f"{field.id}: a {field.kind.value} has no value.")
    if field.kind is FieldKind.SIGNATURE and field.multiple:
        raise _bad("fields", f"{field.id}: a signature is one file.")
    if field.parent is None:
        return
    seen = {fold(field.id)}
    each: Field | None = field
    while each is not None and each.parent is not None:
        parent = layout.find(each.parent)
        if parent is None or parent.kind not in STRUCTURE or fold(parent.id) in seen:
            raise _bad("fields", f"{field.id}: {each.parent!r} is no tab, frame or array above it.")
        seen.add(fold(parent.id))
        each = parent
    if layout.in_array(field):
        if field.kind in STRUCTURE:
            raise _bad("fields", f"{field.id}: an array has no {field.kind.value} in it.")
        if field.multiple and field.kind not in COLLECTIONS:
            raise _bad("fields", f"{field.id}: a field of an array is multiple by that.")


def _check_regex(field: Field) -> None:
    """Refuse what could keep a server busy with one file name: nested or many repeats."""
    assert field.name_regex is not None
    try:
        tree: Any = re._parser.parse(field.name_regex)  # type: ignore[attr-defined]
        re.compile(field.name_regex)
    except (re.error, OverflowError, RecursionError) as error:
        raise _bad("fields", f"{field.id}: name_regex: {error}.") from None
    if len(field.name_regex) > 256 or _repeats(tree, 0) > _GREEDY:
        raise _bad("fields", f"{field.id}: name_regex is too costly; use fewer repeats.")


def _repeats(node: Any, depth: int) -> int:
    """Count the open-ended repeats of a parsed pattern; one inside another counts as too many."""
    count = 0
    for op, argument in node:
        name = str(op)
        if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            _, most, inner = argument
            is_open = int(most) > 16
            count += (_GREEDY + 1 if depth and is_open else int(is_open)) + _repeats(
                inner, depth + 1
            )
        elif name == "SUBPATTERN":
            count += _repeats(argument[-1], depth)
        elif name == "BRANCH":
            count += sum(_repeats(each, depth) for each in argument[1])
        elif name in ("GROUPREF", "GROUPREF_EXISTS"):
            count += _GREEDY + 1
        elif name in ("ASSERT", "ASSERT_NOT"):
            count += _repeats(argument[1], depth)
        elif name == "ATOMIC_GROUP":
            count += _repeats(argument, depth)
    return count


def _is_text(text: str) -> bool:
    return "\0" not in text


def _bad(parameter: str, message: str) -> BadParameter:
    return BadParameter(message, parameter=parameter)
