"""The filter grammar, seen from outside (AM-25 … AM-27, AM-30, AM-36, AM-38)."""

import itertools

import pytest

from tests.appmixer.support import UNKNOWN, Person, Space, md5, ok, refused

NAMED = ["abc", "a.c", "A.C!", "a:b.txt", "~x", "!x", ">5", "=e", "100%", "under_score", "b\\c"]


@pytest.mark.parametrize(
    ("operand", "expected"),
    [
        ("~a.c", ["a.c", "A.C!"]),
        ("~A.C", ["a.c", "A.C!"]),
        ("a.c", ["a.c"]),
        ("A.c", []),
        ("a:b.txt", ["a:b.txt"]),
        ("~:b", ["a:b.txt"]),
        ("=~x", ["~x"]),
        ("=!x", ["!x"]),
        ("==e", ["=e"]),
        (">5", [">5"]),
        ("~%", ["100%"]),
        ("~_", ["under_score"]),
        ("\\~a.c", ["a.c", "A.C!"]),
        ("\\\\~a.c", ["a.c", "A.C!"]),
        ("\\!a.c", [name for name in NAMED if name != "a.c"]),
        ("!a.c", [name for name in NAMED if name != "a.c"]),
        ("!~a", ["~x", "!x", ">5", "=e", "100%", "under_score", "b\\c"]),
        ("\\!\\~a", ["~x", "!x", ">5", "=e", "100%", "under_score", "b\\c"]),
        (".*", []),
        ("~.*", []),
        ("~c\\", []),
    ],
)
def test_operators_on_names(
    server: object, operand: str, expected: list[str], named: Person
) -> None:
    """AM-25 … AM-27, AM-39, case 13: the first colon splits; no regex; escapes are dropped."""
    found = ok(named.http.get("/files", params={"filter": f"filename:{operand}"}))
    wanted = [name for name in expected if name != "b\\c"]
    assert [file["filename"] for file in found if file["filename"] != "c"] == wanted


@pytest.fixture(scope="module")
def named(server: object) -> Person:
    """Make someone whose files have awkward names; tests only read them."""
    person = Space(server).person()  # type: ignore[arg-type]
    for name in NAMED:
        person.keep(b"x", name)
    return person


def test_filters_are_anded(ines: Person) -> None:
    """AM-25, AM-36, case 13: repeats, and ``filter[]``, which array filters become."""
    for name in ("one-a", "one-b", "two-a"):
        ines.keep(name.encode(), name)
    assert ines.names("filter=filename:~one&filter[]=filename:~-a") == ["one-a"]
    assert ines.names("filter%5B%5D=filename:~one&filter%5B%5D=filename:!one-a") == ["one-b"]
    assert ines.names("filter=filename:~one&filter=filename:~two") == []
    assert ines.count("filter=filename:~one&filter=length:5") == 2


def test_slashes_and_spaces(ines: Person) -> None:
    """AM-36: ``/`` comes as %2F, ``:`` ``~`` ``!`` raw."""
    ines.keep(b"x", "with space.png", media_type="image/png")
    assert ines.names("filter=contentType:image%2Fpng") == ["with space.png"]
    assert ines.names("filter=contentType:!image/jpeg") == ["with space.png"]
    assert ines.names("filter=filename:with+space.png") == ["with space.png"]


@pytest.mark.parametrize("needle", ["éTÉ", "ÉTÉ", "été", "%C3%89t%C3%A9", "Stra%C3%9Fe"])
def test_letters_beyond_ascii(ines: Person, needle: str) -> None:
    """AM-25: no regard to case; decomposed names are found as they are stored."""
    ines.keep(b"x", "Été Strasse.txt")
    assert ines.names(f"filter=filename:~{needle}") == ["Été Strasse.txt"]
    assert ines.names("filter=filename:E%CC%81te%CC%81+Strasse.txt") == ["Été Strasse.txt"]


def test_lengths(ines: Person) -> None:
    """AM-26, case 14: digits, exactly."""
    for size in (999, 1000, 1001):
        ines.keep(b"x" * size, str(size))
    table = {
        "length:>1000": ["1001"],
        "length:>=1000": ["1000", "1001"],
        "length:<1000": ["999"],
        "length:<=1000": ["999", "1000"],
        "length:1000": ["1000"],
        "length:=1000": ["1000"],
        "length:!1000": ["999", "1001"],
        "length:\\>1000": ["1001"],
        "length:0001000": ["1000"],
        "length:<" + "9" * 30: ["999", "1000", "1001"],
        "length:" + "9" * 30: [],
    }
    for text, expected in table.items():
        found = ok(ines.http.get("/files", params={"filter": text}))
        assert [file["filename"] for file in found] == expected, text
        assert ok(ines.http.get("/files/count", params={"filter": text}))["count"] == len(expected)


# 2024-01-01T00:00:00Z
NEW_YEAR = 1_704_067_200_000


def test_dates(ines: Person) -> None:
    """AM-26, case 14: moments exactly; a bare date is midnight, in equality the whole UTC day."""
    for name, at in (
        ("before", NEW_YEAR - 1),
        ("midnight", NEW_YEAR),
        ("evening", NEW_YEAR + 86_399_999),
        ("after", NEW_YEAR + 86_400_000),
    ):
        ines.space.write_file(ines.keep(b"x", name)["fileId"], completed_at=at)
    everything = ["before", "midnight", "evening", "after"]
    table = {
        "<2024-01-01": ["before"],
        "<=2024-01-01": ["before", "midnight"],
        ">2024-01-01": ["evening", "after"],
        ">=2024-01-01": ["midnight", "evening", "after"],
        "2024-01-01": ["midnight", "evening"],
        "=2024-01-01": ["midnight", "evening"],
        "!2024-01-01": ["before", "after"],
        "2024-01-01T00:00:00.000Z": ["midnight"],
        "2024-01-01T00:00Z": ["midnight"],
        "2024-01-01T00:00:00": ["midnight"],
        "2024-01-01T23:59:59.999Z": ["evening"],
        "!2024-01-01T00:00:00Z": ["before", "evening", "after"],
        "2024-01-01T02:00:00+02:00": ["midnight"],
        "2024-01-01T02:00:00 02:00": ["midnight"],
        "2023-12-31T19:00:00-05:00": ["midnight"],
        "2024-01-01T05:30:00+0530": ["midnight"],
        ">0001-01-01T00:00:00+23:59": everything,
        "<9999-12-31": everything,
    }
    for operand, expected in table.items():
        found = ok(ines.http.get("/files", params={"filter": f"uploadDate:{operand}"}))
        assert [file["filename"] for file in found] == expected, operand
    # A ``+`` that nobody escaped arrives as a space.
    assert ines.names("filter=uploadDate:2024-01-01T02:00:00+02:00") == ["midnight"]


def test_digests_and_ids(ines: Person) -> None:
    """AM-25, AM-27: equality and substrings of md5 and fileId, as the file JSON spells them."""
    first, second = ines.keep(b"first", "first"), ines.keep(b"second", "second")
    digest, file_id = md5(b"first"), first["fileId"]
    table = {
        f"md5:{digest}": ["first"],
        f"md5:!{digest}": ["second"],
        f"md5:{digest.upper()}": [],
        "md5:nonsense": [],
        "md5:!nonsense": ["first", "second"],
        f"md5:~{digest[3:20].upper()}": ["first"],
        f"md5:!~{digest[3:20]}": ["second"],
        f"fileId:{file_id}": ["first"],
        f"fileId:{file_id.upper()}": ["first"],
        f"fileId:!{file_id}": ["second"],
        f"fileId:{UNKNOWN}": [],
        f"fileId:!{UNKNOWN}": ["first", "second"],
        f"fileId:~{second['fileId'][5:20].upper()}": ["second"],
        f"fileId:!~{second['fileId'][5:20]}": ["first"],
        "fileId:~no such text": [],
        f"metadata.userId:{ines.id}": ["first", "second"],
        f"metadata.userId:!{ines.id}": [],
        f"metadata.userId:~{ines.id[3:9].upper()}": ["first", "second"],
        "metadata.userId:!~zz": ["first", "second"],
    }
    for text, expected in table.items():
        found = ok(ines.http.get("/files", params={"filter": text}))
        assert [file["filename"] for file in found] == expected, text


def test_metadata_fields(ines: Person) -> None:
    """AM-25, AM-27: dotted names; a file without the property matches under no operator."""
    for name, fields in (("a", {"k": "Été One", "x.y": "7"}), ("b", {"k": "two"}), ("c", {})):
        path = f"/consigne/v1/files/{ines.keep(b'x', name)['fileId']}"
        assert ines.http.patch(path, json={"meta": fields}).status_code == 200
    table = {
        "metadata.k:two": ["b"],
        "metadata.k:TWO": [],
        "metadata.k:!two": ["a"],
        "metadata.k:~T": ["a", "b"],
        "metadata.k:~éTÉ": ["a"],
        "metadata.k:!~one": ["b"],
        "metadata.x.y:7": ["a"],
        "metadata.none:!7": [],
        "metadata.none:!~7": [],
        "metadata.:!7": [],
        "metadata:!7": [],
    }
    for text, expected in table.items():
        found = ok(ines.http.get("/files", params={"filter": text}))
        assert [file["filename"] for file in found] == expected, text


OPERATORS = ["", "=", "!", "~", "!~", ">", ">=", "<", "<="]


@pytest.mark.parametrize(
    "field", ["filenam", "Filename", "name", "userId", "chunkSize", "metadata"]
)
def test_unknown_fields_match_nothing(ines: Person, field: str) -> None:
    """AM-27: under any operator."""
    ines.keep(b"x", "x")
    for op in OPERATORS:
        found = ok(ines.http.get("/files", params={"filter": f"{field}:{op}261120"}))
        assert found == [], op


BAD_FILTERS = [
    "nocolon",
    ":value",
    ":",
    "filename:",
    "filename:~",
    "filename:!",
    "filename:!~",
    "filename:=",
    "filename:\\~",
    "nothing:",
    "length:x",
    "length:>x",
    "length:>",
    "length:1.5",
    "length:-1",
    "length:~1",
    "length:!~1",
    "length:١",
    "uploadDate:~2024",
    "uploadDate:!~2024",
    "uploadDate:yesterday",
    "uploadDate:2024",
    "uploadDate:2024-13-01",
    "uploadDate:2023-02-29",
    "uploadDate:2024-01-01T24:00:00Z",
    "uploadDate:2024-01-01T10:61Z",
    "uploadDate:2024-01-01 10:00",
    "uploadDate:2024-01-01T10:00+99:00",
    "filename:a\0b",
    "filename:" + "x" * 992,
]


@pytest.mark.parametrize("text", BAD_FILTERS, ids=lambda text: text[:40])
def test_bad_filters(ines: Person, text: str) -> None:
    """AM-26, AM-27, AM-30, AM-38, cases 14 and 18: 400 bad_filter; a deletion deletes nothing."""
    ines.keep(b"x")
    for method, path in (("GET", "/files"), ("GET", "/files/count"), ("DELETE", "/files")):
        answer = ines.http.request(method, path, params={"filter": text})
        refused(answer, 400, "bad_filter")
        assert "filter" in answer.json()["message"]
    assert ines.count() == 1


def test_at_most_20_filters_of_1000_characters(ines: Person) -> None:
    """AM-38: 20 filters of 1,000 characters."""
    longest = "filename:~" + "x" * 990
    assert ines.files(f"filter={longest}") == []
    many = "&".join(itertools.repeat("filter=filename:!x", 20))
    assert ines.count(many) == 0
    refused(ines.http.get(f"/files?{many}&filter[]=filename:!x"), 400, "bad_filter")
