"""Lists, counts, filters, sort, projection (AM-19 … AM-23, AM-25 … AM-27, AM-33)."""

from urllib.parse import quote

import pytest

from tests.appmixer.support import Person, Space, ok, refused

NAMES = [f"{word}-{n:02}.pdf" for n, word in enumerate(["invoice", "INVOICE", "Invoice"] * 4)]


def invoices(person: Person) -> None:
    for name in reversed(NAMES):
        person.keep(name.encode(), name)
    person.keep(b"other", "offer.pdf")


def test_the_example_of_the_documentation(ines: Person) -> None:
    """AM-19, AM-20, AM-23, AM-25, case 12: ten of twelve, sorted; the count; the last two."""
    invoices(ines)
    query = "filter=filename:~invoice&sort=filename:1"
    in_order = sorted(NAMES)
    assert ines.names(f"limit=10&{query}") == in_order[:10]
    assert ines.count("filter=filename:~invoice&limit=10") == 12
    assert ines.names(f"limit=10&offset=10&{query}") == in_order[10:]
    # As the documentation's own link has it, escapes and all (AM-27).
    escaped = quote("filename:\\\\~invoice")
    assert ines.names(f"limit=10%5C%5C&filter={escaped}&sort=filename:1") == in_order[:10]
    assert ines.names(f"limit=10%5C&offset=10%5C&{query}") == in_order[10:]


def test_defaults(ines: Person) -> None:
    """AM-19, AM-20: 100 files, oldest first; empty parameters are absent ones."""
    names = [f"{n:03}" for n in range(103)]
    for name in names:
        ines.keep(b"", name)
    assert ines.names() == names[:100]
    assert ines.names("limit=&offset=&sort=&projection=&filter=") == names[:100]
    assert ines.names("offset=100") == names[100:]
    assert ines.names("limit=10000") == names
    assert ines.names(f"offset={2**63 - 1}") == []
    assert ines.count("limit=1&offset=50") == 103


def test_own_files_only(space: Space, ines: Person, zoe: Person) -> None:
    """AM-19, AM-33: whatever door brought them, the caller's own; admins see no others' here."""
    mine = ines.keep(b"mine")["fileId"]
    made = ines.http.post("/consigne/v1/files", params={"name": "native"}, content=b"n").json()
    zoe.keep(b"hers")
    zoe.http.post("/consigne/v1/files", params={"name": "open to all"}, content=b"n")
    held = ines.http.post("/consigne/v1/files", params={"name": "h", "hold": "true"}, content=b"h")
    assert held.status_code == 201, held.text
    assert [file["fileId"] for file in ines.files()] == [mine, made["id"]]
    assert ines.count() == 2
    boss = space.person("admin")
    assert (boss.files(), boss.count()) == ([], 0)
    assert ok(boss.http.delete("/files")) == {"deletedCount": 0}
    # A single file is another matter: the owner is shown.
    assert boss.metadata(mine)["metadata"]["userId"] == ines.id


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=10001",
        "limit=-1",
        "limit=ten",
        "limit=1.0",
        "limit=1&limit=2",
        "offset=-1",
        "offset=x",
        f"offset={2**63}",
        "includeComponentSourceFiles=yes",
        "includeComponentSourceFiles=",
        "includeComponentSourceFiles=TRUE",
        "projection=filename,-md5",
    ],
)
def test_bad_parameters(ines: Person, query: str) -> None:
    """AM-19, AM-21, AM-22, AM-34: 400 bad_parameter, and the message names the parameter."""
    answer = ines.http.get(f"/files?{query}")
    refused(answer, 400, "bad_parameter")
    assert query.partition("=")[0] in answer.json()["message"]


def test_unknown_parameters_are_ignored(ines: Person) -> None:
    """AM-39: pattern is not interpreted, nor anything else that is not ours."""
    ines.keep(b"x", "a")
    assert ines.names("pattern=^b&_=1&regex=b") == ["a"]


@pytest.mark.parametrize(
    "sort", ["filename", "filename:", "filename:2", "filename:asc", "size:1", "fileid:1", ":1", ",",
             "metadata.:1", "filename:1,", ",".join(["filename:1"] * 11)],
)  # fmt: skip
def test_bad_sort(ines: Person, sort: str) -> None:
    """AM-20: 400 bad_sort."""
    answer = ines.http.get("/files", params={"sort": sort})
    refused(answer, 400, "bad_sort")
    assert "sort" in answer.json()["message"]


def test_sort(ines: Person) -> None:
    """AM-20: several fields, both directions, ties by fileId, absent values first."""
    for name, size in (("b", 3), ("a", 3), ("c", 1), ("a", 2)):
        ines.keep(b"x" * size, name)
    whole = ines.files()
    order = [("a", 2), ("a", 3), ("b", 3), ("c", 1)]

    def shown(sort: str) -> list[tuple[str, int]]:
        return [(file["filename"], file["length"]) for file in ines.files(f"sort={sort}")]

    assert shown("filename:1,length:1") == order
    assert shown("filename:-1,length:1") == [order[3], order[2], order[0], order[1]]
    assert shown("length:-1,filename:-1") == [("b", 3), ("a", 3), ("a", 2), ("c", 1)]
    assert [file["fileId"] for file in ines.files("sort=fileId:1")] == [f["fileId"] for f in whole]
    ties = ines.files("sort=filename:1")
    assert [f["fileId"] for f in ties[:2]] == [f["fileId"] for f in whole if f["filename"] == "a"]
    for field in ("contentType", "uploadDate", "md5", "fileId", "metadata.userId"):
        forwards, backwards = ines.files(f"sort={field}:1"), ines.files(f"sort={field}:-1")
        assert {f["fileId"] for f in forwards} == {f["fileId"] for f in backwards}
    assert [f["md5"] for f in ines.files("sort=md5:1")] == sorted(f["md5"] for f in whole)

    path = f"/consigne/v1/files/{whole[2]['fileId']}"
    assert ines.http.patch(path, json={"meta": {"rank": "1"}}).status_code == 200
    for direction in ("1", "-1"):
        assert shown(f"metadata.rank:{direction}")[-1] == ("c", 1)


def test_projection(ines: Person) -> None:
    """AM-21, case 15: exclusions, or inclusions beside fileId; unknown names do nothing."""
    file = ines.keep(b"x", "a.txt")
    path = f"/consigne/v1/files/{file['fileId']}"
    assert ines.http.patch(path, json={"meta": {"k": "v"}}).status_code == 200
    file = ines.metadata(file["fileId"])

    def shown(projection: str) -> dict[str, object]:
        return dict(ines.files(f"projection={projection}")[0])

    assert list(shown("-md5,-metadata")) == [k for k in file if k not in ("md5", "metadata")]
    assert shown("filename") == {"filename": "a.txt", "fileId": file["fileId"]}
    assert shown("-fileId,-nothing") == {k: v for k, v in file.items() if k != "fileId"}
    assert shown("nothing") == {"fileId": file["fileId"]}
    assert shown("-metadata.k")["metadata"] == {"userId": ines.id}
    assert shown("metadata.k") == {"metadata": {"k": "v"}, "fileId": file["fileId"]}
    assert shown("metadata,length") == {
        "length": 1,
        "metadata": file["metadata"],
        "fileId": file["fileId"],
    }
    assert shown("%20filename%20,,") == {"filename": "a.txt", "fileId": file["fileId"]}


def test_component_sources(ines: Person) -> None:
    """AM-22, AM-23, AM-29, case 16: only with the flag; a deletion of everything leaves them."""
    source = ines.space.source(ines)
    plain = ines.keep(b"x")["fileId"]
    for flag in ("true", "1"):
        query = f"includeComponentSourceFiles={flag}"
        found = ines.files(query)
        assert [file["fileId"] for file in found] == [source, plain]
        assert found[0]["metadata"] == {"userId": ines.id, "vendor": "acme"}
        assert ines.count(query) == 2
    for query in ("", "includeComponentSourceFiles=false", "includeComponentSourceFiles=0"):
        assert [file["fileId"] for file in ines.files(query)] == [plain]
        assert ines.count(query) == 1
    deleted = ines.http.delete("/files?includeComponentSourceFiles=true")
    assert ok(deleted) == {"deletedCount": 1}
    assert ines.count("includeComponentSourceFiles=true") == 1
    assert ok(ines.http.delete(f"/files/{source}")) == {"fileId": source}
