"""The parts that some pages need beside a server: ``<!-- with PART… -->`` says which.

- ``postgres``: a PostgreSQL, which ``sudo -u postgres`` speaks to, at ``$POSTGRES``
- ``store``: an object store, as ``$STORE`` (its endpoint), ``$STORE_KEY``, ``$STORE_SECRET``, and
  ``$PLACE``, the address of a part of a bucket that nothing is in
- ``machine``: units of systemd, nginx and the commands of root, as far as ``machine.sh`` has them
"""

import secrets
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.parts.postgres import Cluster, program
from tests.parts.process import bound_to_us
from tests.parts.seaweedfs import ObjectStore

MACHINE = Path(__file__).with_suffix(".sh")
NGINX = "/usr/sbin:/usr/local/sbin"


@contextmanager
def parts(wanted: Sequence[str], request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """Give the variables by which a page finds its parts."""
    found: dict[str, str] = {}
    path = []
    if "machine" in wanted:
        path.append(NGINX)
        found |= {"MACHINE": str(MACHINE), "BOUND": shlex.join(bound_to_us([]))}
    if "store" in wanted:
        store: ObjectStore = request.getfixturevalue("object_store")
        found["STORE"], found["STORE_KEY"] = store.endpoint, store.access_key
        found["STORE_SECRET"] = store.secret_key
        found["PLACE"] = f"s3://{store.bucket}/{secrets.token_hex(8)}"
    if "postgres" not in wanted:
        yield found | {"FURTHER_PATH": ":".join(path)}
        return
    cluster: Cluster = request.getfixturevalue("postgres_cluster")
    at = urlsplit(cluster.base)
    assert at.password
    path.append(str(Path(program("createuser")).parent))
    found |= {"POSTGRES": f"{at.hostname}:{at.port}", "PGHOST": str(at.hostname)}
    found |= {"PGPORT": str(at.port), "PGUSER": "postgres", "PGPASSWORD": at.password}
    try:
        yield found | {"FURTHER_PATH": ":".join(path)}
    finally:
        cluster.drop("consigne")
        with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
            connection.execute("DROP ROLE IF EXISTS consigne")
