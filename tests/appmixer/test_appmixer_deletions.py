"""Deletions, one by one and by filter (AM-17, AM-28 … AM-32)."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.appmixer.support import Person, Space, ok, refused

OWNER, YEAR, LINK = 1, 2, 4  # reasons to keep a file
LINKED, YEAR_CLOSED = 1, 2  # guards


def test_one_file(ines: Person) -> None:
    """AM-28, AM-32: 200 with an object, again 404; the quota is free; the native API restores."""
    file_id = ines.keep(b"12345")["fileId"]
    assert ok(ines.http.delete(f"/files/{file_id.upper()}")) == {"fileId": file_id}
    for method, path in (
        ("DELETE", f"/files/{file_id}"),
        ("GET", f"/files/{file_id}"),
        ("GET", f"/files/metadata/{file_id}"),
    ):
        refused(ines.http.request(method, path), 404, "file_not_found")
    assert ines.space.usage() == (0, 0)
    restored = ines.http.post(f"/consigne/v1/files/{file_id}/restore")
    assert restored.status_code == 200, restored.text
    assert ines.space.usage() == (5, 0)
    assert ines.content(file_id) == b"12345"


@pytest.mark.parametrize("guard", ["hold", "retention", "linked", "year closed"])
def test_protected_files(space: Space, ines: Person, guard: str) -> None:
    """AM-28, AM-29: 409 file_protected; a deletion by filter skips and counts them."""
    file_id = ines.keep(b"kept")["fileId"]
    boss = space.person("admin")
    path = f"/consigne/v1/files/{file_id}"
    if guard == "hold":
        assert boss.http.put(f"{path}/hold", json={"reason": "suit"}).status_code == 200
    elif guard == "retention":
        until = {"until": "2099-01-01T00:00:00Z"}
        assert boss.http.put(f"{path}/retention", json=until).status_code == 200
    elif guard == "linked":
        space.write_file(file_id, guards=LINKED, reasons=OWNER | LINK)
    else:
        space.write_file(file_id, guards=YEAR_CLOSED, reasons=OWNER | YEAR)
    refused(ines.http.delete(f"/files/{file_id}"), 409, "file_protected")
    assert ok(ines.http.delete("/files?dryRun=true")) == {"matchedCount": 0}
    assert ok(ines.http.delete("/files")) == {"deletedCount": 0, "skippedCount": 1}
    assert ines.content(file_id) == b"kept"


def test_a_retention_that_is_over_protects_no_more(space: Space, ines: Person) -> None:
    """AM-28, AM-29, C-12: the time decides, not the sweeper."""
    space.write_file(ines.keep(b"x")["fileId"], guards=4, retain_until=1)
    assert ok(ines.http.delete("/files?dryRun=1")) == {"matchedCount": 1}
    assert ok(ines.http.delete("/files")) == {"deletedCount": 1}


def test_all_that_match(ines: Person) -> None:
    """AM-29, AM-31, case 17: dry run, then the deed; the quota is free."""
    for n in range(12):
        ines.keep(b"12345", f"Invoice {n}")
    ines.keep(b"other", "offer")
    path = "/files?filter=filename:~invoice"
    assert ok(ines.http.delete(f"{path}&dryRun=true")) == {"matchedCount": 12}
    assert ines.count() == 13
    assert ok(ines.http.delete(f"{path}&dryRun=false&limit=10&offset=x&sort=&projection=,")) == {
        "deletedCount": 12
    }
    assert ines.names() == ["offer"]
    assert ines.space.usage() == (5, 0)
    assert ok(ines.http.delete(path)) == {"deletedCount": 0}


def test_by_id_and_digest(ines: Person) -> None:
    """AM-27, AM-29: fields that are spelled apart from how they are stored delete exactly."""
    files = [ines.keep(bytes([n]), str(n)) for n in range(4)]
    piece = files[0]["fileId"][:13]
    assert ok(ines.http.delete(f"/files?filter=fileId:~{piece}")) == {"deletedCount": 1}
    digest = files[1]["md5"]
    assert ok(ines.http.delete(f"/files?filter=md5:~{digest[:20]}")) == {"deletedCount": 1}
    assert ok(ines.http.delete(f"/files?filter=fileId:!{files[2]['fileId']}")) == {
        "deletedCount": 1
    }
    assert ines.names() == ["2"]


BAD = [
    "filter=",
    "filter[]=",
    "filter=nocolon",
    "filter=filename:~",
    "filter=filename:~x&filter=",
    "filters=x",
    "dryrun=true",
    "pattern=x",
    "x",
    "filter=filename:!%FF",
    "dryRun=maybe",
    "dryRun=",
    "dryRun=true&dryRun=false",
]


@pytest.mark.parametrize("query", BAD)
def test_bad_queries_delete_nothing(ines: Person, query: str) -> None:
    """AM-30, AM-31, case 18: 400, nothing gone."""
    ines.keep(b"x", "x")
    answer = ines.http.delete(f"/files?{query}")
    garbled = "%FF" in query
    is_filter = query.startswith(("filter=", "filter[]")) and not garbled
    code = "bad_filter" if is_filter else "bad_parameter"
    refused(answer, 400, code)
    assert ines.count() == 1


def test_a_typo_with_a_not_deletes_nothing(ines: Person) -> None:
    """AM-27, case 18: an unknown field matches under no operator."""
    ines.keep(b"x", "x")
    for text in ("filenam:!y", "metadata.none:!y", "metadata.none:!~y", "chunkSize:!1"):
        assert ok(ines.http.delete(f"/files?filter={text}")) == {"deletedCount": 0}
    assert ines.count() == 1


def test_everything(space: Space, ines: Person, zoe: Person) -> None:
    """AM-29, case 19: own files go; others', sources, year files and linked files stay."""
    for name in ("a", "b", "year", "closed", "linked"):
        ines.keep(b"x", name)
    ids = {file["filename"]: file["fileId"] for file in ines.files()}
    space.write_file(ids["year"], year_id=7, reasons=OWNER | YEAR)
    space.write_file(ids["closed"], year_id=7, reasons=OWNER | YEAR, guards=YEAR_CLOSED)
    space.write_file(ids["linked"], reasons=OWNER | LINK, guards=LINKED)
    space.source(ines)
    zoe.keep(b"hers", "hers")
    zoe.http.post("/consigne/v1/files", params={"name": "open to all"}, content=b"n")
    unfinished = ines.begin(b"first")
    assert ok(ines.http.delete("/files?dryRun=true")) == {"matchedCount": 2}
    assert ok(ines.http.delete("/files")) == {"deletedCount": 2, "skippedCount": 3}
    assert sorted(ines.names()) == ["closed", "linked", "year"]
    assert ines.count("includeComponentSourceFiles=true") == 4
    assert zoe.count() == 2
    assert ines.metadata(unfinished)["length"] == 5


def test_managers_delete_only_their_own(space: Space, zoe: Person) -> None:
    """AM-33: the list is owner-only for everyone, so is its deletion."""
    boss = space.person("admin")
    zoe.keep(b"x")
    boss.keep(b"y")
    assert ok(boss.http.delete("/files")) == {"deletedCount": 1}
    assert zoe.count() == 1


def test_rights(space: Space, zoe: Person) -> None:
    """AM-33, AM-34: without the right to delete 403; without the right to read 404."""
    open_to_all = zoe.http.post("/consigne/v1/files", params={"name": "n"}, content=b"n").json()
    mine = zoe.keep(b"x")["fileId"]
    reader, writer, boss = space.person("reader"), space.person("writer"), space.person("manager")
    for person in (reader, writer):
        assert person.content(open_to_all["id"]) == b"n"
        refused(person.http.delete(f"/files/{open_to_all['id']}"), 403, "forbidden")
        refused(person.http.delete(f"/files/{mine}"), 404, "file_not_found")
    refused(reader.http.delete("/files"), 403, "forbidden")
    refused(reader.post(b"x"), 403, "forbidden")
    assert ok(boss.http.delete(f"/files/{mine}")) == {"fileId": mine}
    assert ok(boss.http.delete(f"/files/{open_to_all['id']}"))


def test_single_and_bulk_at_the_same_moment(ines: Person) -> None:
    """AM-29, case 20: each file is counted by one of the two."""
    ids = [ines.keep(b"x", f"n{n}")["fileId"] for n in range(30)]
    with ThreadPoolExecutor(4) as pool:
        singles = [pool.submit(ines.http.delete, f"/files/{file_id}") for file_id in ids[:15]]
        bulk = pool.submit(ines.http.delete, "/files?filter=filename:~n")
        more = [pool.submit(ines.http.delete, f"/files/{file_id}") for file_id in ids[15:]]
        statuses = [single.result().status_code for single in singles + more]
    assert set(statuses) <= {200, 404}
    assert statuses.count(200) + ok(bulk.result())["deletedCount"] == 30
    assert ines.space.usage() == (0, 0)
