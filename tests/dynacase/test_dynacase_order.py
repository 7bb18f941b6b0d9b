"""The order in which a request is checked (DY-62), and what the seeds win over level 2 (DY-67)."""

import pytest
from dynacase_desk import contract
from dynacase_support import PDF, Person, Space, client, file_of, good, refused, token_of
from tests.parts.server import KEY

STALE = {"If-Match": '"stale"'}


@pytest.fixture
def numbers(space: Space, ana: Person, ben: Person) -> dict[str, int]:
    """Documents with more and more wrong: locked; and without `edit`; and in the trash."""
    space.office.family("CONTRACT", *contract())
    found = {name: space.number() for name in ("plain", "locked", "closed", "trashed")}
    space.office.set_acl(found["closed"], edit=[f"user:{ben.email}"])
    for name in ("locked", "closed", "trashed"):
        space.office.lock(found[name], ben.token)
    good(ben.http.delete(f"/api/documents/{found['trashed']}"))
    file_of(space.http.post(f"/api/documents/{found['plain']}/file/ct_pages", content=PDF), 201)
    return found


def test_order(space: Space, ana: Person, numbers: dict[str, int]) -> None:
    """DY-62: of all that is wrong with a request the first in the order is told."""
    only_get = space.native(
        "POST", "/keys", 201, json={"name": "r", "space": space.short, "methods": ["GET"]}
    )["key"]
    nobody, limited = client(space.url, None), client(space.url, only_get)
    operator = client(space.url, KEY)
    quota = {"quota": space.usage[0]}
    assert operator.patch(f"/consigne/v1/spaces/{space.short}", json=quota).status_code == 200
    plain = f"families/CONTRACT/{numbers['plain']}/file"
    empty, large = b"", b"x" * 2_000_000
    steps = [
        (nobody, "no/route.xml", empty, 401, "CSG0401"),
        (limited, "no/route.xml", empty, 403, "CRUD0105"),
        (ana.http, "no/route.xml", empty, 404, "API0004"),
        (ana.http, "families/NONE/999999/file/ct_x/y", empty, 404, "API0102"),
        (ana.http, "families/CONTRACT/999999/file/ct_x/y", empty, 404, "API0010"),
        (ana.http, f"documents/{numbers['trashed']}/file/ct_x/y", empty, 403, "API0108"),
        (ana.http, f"documents/{numbers['closed']}/file/ct_x/y", empty, 403, "API0106"),
        (ana.http, f"documents/{numbers['locked']}/file/ct_x/y", empty, 403, "API0109"),
        (ana.http, f"{plain}/ct_x/y", empty, 400, "CRUD0605"),
        (ana.http, f"{plain}/ct_secret/y", empty, 403, "API0101"),
        (ana.http, f"{plain}/ct_title/y", empty, 400, "CRUD0614"),
        (ana.http, f"{plain}/ct_pages/y", empty, 400, "CRUD0612"),
        (ana.http, f"{plain}/ct_pages", empty, 400, "CRUD0610"),
        (ana.http, f"{plain}/ct_pages/5", empty, 404, "CRUD0607"),
        (ana.http, f"{plain}/ct_pages/0", empty, 412, "CSG0412"),
    ]
    for http, path, body, status, code in steps:
        refused(http.put(f"/api/{path}", content=body, headers=STALE), status, code)
    refused(ana.http.put(f"/api/{plain}/ct_pages/0", content=empty), 400, "CRUD0302")
    refused(ana.http.put(f"/api/{plain}/ct_pages/0", content=large), 507, "API0200")
    file_of(ana.http.put(f"/api/{plain}/ct_pages/0", content=PDF))


def test_the_seeds_win(space: Space, ana: Person, numbers: dict[str, int]) -> None:
    """DY-67: where the shipped API differs, `/api/…` keeps the words of the design."""
    temporary = ana.temporary(PDF)
    assert temporary["reference"] == f"file://tmp/{token_of(temporary)}"
    path = f"/api/documents/{numbers['plain']}/files/ct_scan"
    told = file_of(ana.http.post(path, content=PDF), 201)
    assert isinstance(told["size"], int)
    assert told["cdate"][10] == "T"
    assert {"uri", "mdate"} <= told.keys()
    file_of(ana.http.put(told["uri"], content=b"writes go there"))
    message = refused(ana.http.put(f"/api/documents/{numbers['closed']}/file/ct_scan",
                                   content=b"x"), 403, "API0106")  # fmt: skip
    assert message["contentHtml"] == ""
    assert message["data"] is None
    bad = {"attributes": {"ct_scan": {"value": "none"}}}
    got = ana.http.put(f"/api/documents/{numbers['plain']}", json=bad)
    refused(got, 400, "API0104")
    refused(ana.http.post("/api/families/NONE", json=bad), 404, "API0102")
