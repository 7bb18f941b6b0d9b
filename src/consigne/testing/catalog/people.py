"""``catalog.principals``: users, keys, revoked tokens, failed log-ins, secrets."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from consigne.catalog import principals
from consigne.catalog.engine import Catalog, Tx
from consigne.errors import NameTaken
from consigne.model.entities import ApiKey, Principal
from consigne.testing.catalog.base import AT, Base, call, together


def a_person(name: str, **fields: Any) -> Principal:
    """Return a user to insert."""
    email = f"{name}@example.org"
    person = Principal(0, email, email, name, None, True, False, None, AT, AT)
    return msgspec.structs.replace(person, **fields)


async def new_person(catalog: Catalog, name: str, **fields: Any) -> Principal:
    """Insert a user."""
    person = a_person(name, **fields)
    return await catalog.write(lambda tx: principals.insert_principal(tx, person))


def a_key(number: int, owner: int, **fields: Any) -> ApiKey:
    """Return a key to insert."""
    key = ApiKey(number, owner, None, "key", number.to_bytes(32, "big"), "hint", None, None, AT)
    return msgspec.structs.replace(key, **fields)


class PeopleTests(Base):
    """Users and their credentials."""

    async def test_a_user_comes_back_as_he_went_in(self, catalog: Catalog) -> None:
        """All fields, by number, by e-mail in any case, by exact user name."""
        person = await new_person(
            catalog, "ann", username="Ann", is_operator=True, password_hash="$x", home_space_id=3
        )
        expected = a_person(
            "ann",
            id=person.id,
            username="Ann",
            is_operator=True,
            password_hash="$x",
            home_space_id=3,
        )
        assert person == expected
        for login in ("ann@example.org", "ANN@Example.org", "Ann"):
            found = await catalog.look(call(principals.by_login, login))
            assert found == person
        for login in ("ann", "ANN", "", "%", "a_n@example.org"):
            assert await catalog.look(call(principals.by_login, login)) is None
        assert await catalog.look(lambda tx: principals.by_id(tx, person.id)) == person
        assert await catalog.look(lambda tx: principals.by_id(tx, 404)) is None

    async def test_e_mail_and_user_name_are_unique(self, catalog: Catalog, other: Catalog) -> None:
        """Each of them, also when many come at once (C-01)."""
        await new_person(catalog, "bob", username="robert")
        for wish in (a_person("bob", username="b2"), a_person("b3", username="robert")):
            with pytest.raises(NameTaken):
                await catalog.write(call(principals.insert_principal, wish))
        found = await together(
            [catalog, other], [lambda tx: principals.insert_principal(tx, a_person("eve"))] * 8
        )
        assert sum(isinstance(each, Principal) for each in found) == 1
        assert await catalog.read(principals.count) == 2

    async def test_change_of_a_user(self, catalog: Catalog) -> None:
        """What can be set is set, and nothing else."""
        person = await new_person(catalog, "cid")
        wish = msgspec.structs.replace(
            person,
            name="Cid",
            password_hash="h",
            is_active=False,
            is_operator=True,
            home_space_id=9,
            tokens_valid_from=AT + 5,
            email="never@example.org",
        )
        await catalog.write(lambda tx: principals.change(tx, wish))
        found = await catalog.look(lambda tx: principals.by_id(tx, person.id))
        assert found == msgspec.structs.replace(wish, email=person.email)

    async def test_pages_of_users(self, catalog: Catalog) -> None:
        """Pages follow each other by number."""
        people = [await new_person(catalog, f"p{n}") for n in range(5)]
        first = await catalog.read(lambda tx: principals.page(tx, 0, 2))
        rest = await catalog.read(lambda tx: principals.page(tx, first[-1].id, 100))
        assert first + rest == people

    async def test_keys(self, catalog: Catalog) -> None:
        """Keys are found by hash, by number, by owner, by space; a dropped one is gone."""
        keys = [a_key(1, 5), a_key(2, 5, space_id=7, methods="GET,PUT", expires_at=9), a_key(3, 6)]

        def work(tx: Tx) -> None:
            for key in keys:
                principals.insert_key(tx, key)

        await catalog.write(work)
        found = await catalog.look(lambda tx: principals.key_by_hash(tx, keys[1].token_hash))
        assert found == keys[1]
        assert await catalog.look(lambda tx: principals.key_by_hash(tx, bytes(32))) is None
        assert await catalog.look(lambda tx: principals.key_by_id(tx, 3)) == keys[2]
        assert await catalog.look(lambda tx: principals.keys_of(tx, 5)) == keys[:2]
        assert await catalog.look(lambda tx: principals.keys_of_space(tx, 7)) == keys[1:2]
        assert await catalog.write(lambda tx: principals.drop_key(tx, 2))
        assert not await catalog.write(lambda tx: principals.drop_key(tx, 2))
        assert await catalog.look(lambda tx: principals.keys_of(tx, 5)) == keys[:1]

    async def test_revoked_tokens(self, catalog: Catalog) -> None:
        """Revoking twice is no error; what has expired anyway is forgotten."""
        for jti, end in (("a", 10), ("a", 10), ("b", 20)):
            await catalog.write(call(principals.revoke_token, jti, end))
        await catalog.write(lambda tx: principals.forget(tx, 15, 0))
        assert not await catalog.look(lambda tx: principals.is_revoked(tx, "a"))
        assert await catalog.look(lambda tx: principals.is_revoked(tx, "b"))

    async def test_failed_log_ins(self, catalog: Catalog) -> None:
        """Failures of an account or an address since a moment, oldest first, until forgotten."""
        rows = [
            (1, "ann", "10.0.0.1", 100),
            (2, "bob", "10.0.0.1", 90),
            (3, "ann", "10.0.0.2", 110),
            (4, "bob", "10.0.0.2", 120),
            (5, "ann", "10.0.0.1", 50),
        ]

        def work(tx: Tx) -> None:
            for row in rows:
                principals.add_failure(tx, *row)

        await catalog.write(work)
        found = await catalog.look(lambda tx: principals.failures(tx, "ann", "10.0.0.1", 60))
        assert found == [(a, b, at) for _, a, b, at in (rows[1], rows[0], rows[2])]
        await catalog.write(lambda tx: principals.forget(tx, 0, 100))
        found = await catalog.look(lambda tx: principals.failures(tx, "ann", "10.0.0.1", 0))
        assert [at for _, _, at in found] == [100, 110]

    async def test_a_secret_is_made_once(self, catalog: Catalog, other: Catalog) -> None:
        """Of many processes that make a secret one wins, and all read the same."""

        def make(value: bytes) -> Callable[[Tx], bytes | None]:
            def work(tx: Tx) -> bytes | None:
                principals.add_secret(tx, "sign", value)
                return principals.sealed_secret(tx, "sign")

            return work

        found = await together([catalog, other], [make(bytes([n])) for n in range(10)])
        assert len(set(found)) == 1
        assert await other.look(lambda tx: principals.sealed_secret(tx, "sign")) == found[0]
        assert await other.look(lambda tx: principals.sealed_secret(tx, "none")) is None
