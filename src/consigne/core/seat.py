"""Who is calling, and where: a ``Caller`` is who a credential stands for, a ``Seat`` a caller in a
space. Roles come from the catalog at each request (C-05), never from a token.
"""

import msgspec

from consigne.errors import Forbidden, MethodRefused, RightMissing
from consigne.model.entities import Principal, Space
from consigne.model.rights import MATRIX, Right, Role


class Caller(msgspec.Struct, frozen=True):
    """A principal with the restrictions of the credential: a space (a ceiling) and methods."""

    principal: Principal
    space_id: int | None = None
    methods: frozenset[str] | None = None
    key_id: int | None = None

    @property
    def id(self) -> int:
        return self.principal.id

    def require_method(self, method: str) -> None:
        """Raise MethodRefused where the key is limited to other methods."""
        if self.methods is not None and method.upper() not in self.methods:
            raise MethodRefused(f"This key may not use {method}.")

    def require_operator(self) -> None:
        """Raise Forbidden unless the caller looks after the installation, with an unbound key."""
        if not self.principal.is_operator or self.space_id is not None:
            raise Forbidden("Only an administrator of the installation may do this.")


class Seat(msgspec.Struct, frozen=True):
    """A caller in a space; ``role`` None: no member (an installation admin looking in)."""

    caller: Caller
    space: Space
    role: Role | None

    @property
    def principal_id(self) -> int:
        return self.caller.principal.id

    @property
    def space_id(self) -> int:
        return self.space.id

    def has(self, right: Right) -> bool:
        return self.role is not None and right in MATRIX[self.role]

    def require(self, right: Right) -> None:
        """Raise RightMissing where the role in this space does not carry the right."""
        if not self.has(right):
            raise RightMissing(
                f"This needs the right {right.value!r} in space {self.space.short!r}.",
                hint="Ask an administrator of the space for a higher role.",
                right=right.value,
            )
