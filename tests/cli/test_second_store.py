"""Two object stores with addresses and credentials of their own: a mirror, and a move."""

import hashlib
import os
import secrets
import time

import httpx
import pytest
from cli_command import Command
from tests.parts.seaweedfs import ObjectStore
from tests.parts.server import ServerStarter

from consigne.app import place_of
from consigne.settings import Settings

FILES = "/consigne/v1/files"


class Surrounded(Command):
    """The command with the environment of its server."""

    more: dict[str, str]

    @property
    def env(self) -> dict[str, str]:
        return super().env | self.more


def second(store: ObjectStore, prefix: str) -> dict[str, str]:
    """Return the settings by which a server reaches a store as its second one."""
    return {
        "CONSIGNE_SECOND_S3": f"s3://{store.bucket}/{prefix}",
        "CONSIGNE_SECOND_S3_ENDPOINT": store.endpoint,
        "CONSIGNE_SECOND_S3_ACCESS_KEY": store.access_key,
        "CONSIGNE_SECOND_S3_SECRET_KEY": store.secret_key,
    }


def objects(store: ObjectStore, prefix: str) -> int:
    """Count the objects below a prefix, as the store itself tells."""
    pages = store.client().get_paginator("list_objects_v2")
    found = pages.paginate(Bucket=store.bucket, Prefix=f"{prefix}/")
    return sum(len(page.get("Contents", ())) for page in found)


@pytest.mark.timeout(300)
def test_mirror_and_move_between_two_services(
    start_server: ServerStarter,
    tmp_path: object,
    object_store: ObjectStore,
    ceph_store: ObjectStore,
) -> None:
    """Issue 5: SeaweedFS is mirrored in Ceph and then moved there; neither has the other's keys."""
    first, other = secrets.token_hex(8), secrets.token_hex(8)
    assert object_store.access_key != ceph_store.access_key
    location, mirror = (f"s3://{ceph_store.bucket}/{other}/{name}" for name in ("vault", "mirror"))
    env = object_store.env(first) | second(ceph_store, other)
    env |= {"CONSIGNE_MIRROR": mirror, "CONSIGNE_PURGE_GUARD": "0"}
    server = start_server(env=env)
    command = Surrounded(server, server.data.parent)
    command.more, data = env, ("--data", server.data)
    doctor = command("config", "check", *data)
    assert "mirror" in doctor.out + doctor.err
    stored: dict[str, bytes] = {}
    with server.client() as client:
        for number in range(6):
            body = os.urandom(700 if number % 2 else 300_000)
            made = client.post(f"{FILES}?name={number}", content=body)
            assert made.status_code == 201, made.text
            stored[made.json()["id"]] = body
        wait_for_mirror(client)
    assert objects(object_store, first) >= 6
    assert objects(ceph_store, f"{other}/mirror") >= 6
    assert objects(ceph_store, f"{other}/vault") == 0

    assert command("migrate", *data, "--to", location, "--json").json["moved"] == 6
    command("migrate", *data, "--finish")
    assert objects(ceph_store, f"{other}/vault") >= 6
    server.terminate()
    command.more = env = env | {"CONSIGNE_BLOBS": location}
    server = command.server = start_server(server.data, env=env)
    assert command("migrate", *data, "--remove-source", "--json").json["removed"] >= 6
    with server.client() as client:
        for ident, body in stored.items():
            got = client.get(f"{FILES}/{ident}/content").content
            assert hashlib.sha256(got).digest() == hashlib.sha256(body).digest()
    command("fsck", *data, "--rehash", "--mirror")


def wait_for_mirror(client: httpx.Client) -> None:
    deadline = time.monotonic() + 120
    while (shown := client.get("/consigne/v1/mirror").json()["mirror"])["behind"]:
        assert time.monotonic() < deadline, shown
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("location", "is_second"),
    [
        ("s3://there/b", True),
        ("s3://there/b/c", True),
        ("s3://there/bc", False),
        ("s3://there", False),
        ("s3://here/b", False),
    ],
)
def test_which_service_a_store_is_in(location: str, is_second: bool) -> None:
    """What is at the place of the second one or below it; what is not told is the first one's."""
    settings = Settings(
        s3_endpoint="http://one",
        s3_public_endpoint="http://public",
        s3_region="here",
        s3_access_key="a",
        s3_secret_key="b",
        second_s3="s3://there/b/",
        second_s3_endpoint="http://two",
        second_s3_access_key="c",
        second_s3_secret_key="d",
    )
    place = place_of(settings, location)
    reached = (place.endpoint, place.public_endpoint, place.access_key, place.secret_key)
    if is_second:
        assert reached == ("http://two", "", "c", "d")
    else:
        assert reached == ("http://one", "http://public", "a", "b")
    assert place.region == "here"
