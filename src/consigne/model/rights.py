"""Roles and rights: the one matrix that every dialect names by its cells (C-02).

========  ====  =====  ======  =====
role      read  write  manage  admin
========  ====  =====  ======  =====
reader    yes
writer    yes   yes
manager   yes   yes    yes
admin     yes   yes    yes     yes
========  ====  =====  ======  =====

read: list and read what one may see. write: create, change and delete one's own, link what one may
see. manage: others' files, imports, jobs, types, years, restore and purge. admin: members, keys of
the space, quota view, webhooks, holds. An installation admin looks after spaces, quotas and users
and is no member of a space by that.
"""

from enum import StrEnum


class Role(StrEnum):
    READER = "reader"
    WRITER = "writer"
    MANAGER = "manager"
    ADMIN = "admin"


class Right(StrEnum):
    READ = "read"
    WRITE = "write"
    MANAGE = "manage"
    ADMIN = "admin"


MATRIX: dict[Role, frozenset[Right]] = {
    Role.READER: frozenset({Right.READ}),
    Role.WRITER: frozenset({Right.READ, Right.WRITE}),
    Role.MANAGER: frozenset({Right.READ, Right.WRITE, Right.MANAGE}),
    Role.ADMIN: frozenset(Right),
}
