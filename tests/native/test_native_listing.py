"""Lists: filters, order, projection, pages, counts, deletion by filter."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from native_support import Client, Login, Row, Space

from consigne.dialects.native.listing import Cursors, order_of, term_of
from consigne.dialects.native.parameters import moment
from consigne.dialects.native.wire import iso
from consigne.errors import BadCursor, BadFilter, BadParameter, BadSort
from consigne.model.query import Field, Op, Order, Query, Scope, Term

FILES = [
    ("alpha.txt", b"a", "text/plain", ["red"], {"n": "1"}),
    ("Beta.TXT", b"bb" * 50, "text/plain", ["red", "blue"], {"n": "2"}),
    ("gamma.pdf", b"%PDF-1.7\n" + b"c" * 200, None, [], {"k=v": "x"}),
    ("delta", b"", None, ["blue"], {}),
    ("Été.txt", b"e" * 10, None, [], {"n": "1"}),
]


@pytest.fixture
def filled(space: Space) -> dict[str, Any]:
    made = {}
    for name, body, kind, tags, meta in FILES:
        params = [("name", name), *(("tag", tag) for tag in tags)]
        params += [(f"meta.{key}", value) for key, value in meta.items()]
        if kind:
            params.append(("type", kind))
        if name == "alpha.txt":
            params.append(("reference", "INV-7"))
        made[name] = space.admin.upload(body, params=params)
    return made


ALL = {name for name, *_ in FILES}
FILTERS = [
    ("name=alpha.txt", {"alpha.txt"}),
    ("name=ALPHA.TXT", set()),
    ("name!=alpha.txt", ALL - {"alpha.txt"}),
    ("name~TXT", {"alpha.txt", "Beta.TXT", "Été.txt"}),
    ("name~été", {"Été.txt"}),
    ("name~%", set()),
    ("name!~txt", {"gamma.pdf", "delta"}),
    ("name>=gamma", {"gamma.pdf", "Été.txt"}),
    ("type~PDF", {"gamma.pdf"}),
    ("type=text/plain", {"alpha.txt", "Beta.TXT", "Été.txt"}),
    ("size=0", {"delta"}),
    ("size>10", {"Beta.TXT", "gamma.pdf"}),
    ("size>=10", {"Beta.TXT", "gamma.pdf", "Été.txt"}),
    ("size<=1", {"alpha.txt", "delta"}),
    ("size<1", {"delta"}),
    ("tag=red", {"alpha.txt", "Beta.TXT"}),
    ("tag!=red", {"delta"}),
    ("meta.n=1", {"alpha.txt", "Été.txt"}),
    ("meta.n!=1", {"Beta.TXT"}),
    ("meta.n>1", {"Beta.TXT"}),
    ("meta.none=1", set()),
    ("reference=INV-7", {"alpha.txt"}),
    ("reference!=INV-7", set()),
    ("reference~inv", {"alpha.txt"}),
    ("created_at>2020-01-01", ALL),
    ("created_at<2020-01-01T00:00:00Z", set()),
    ("completed_at>=2020-01-01T00:00:00+02:00", ALL),
    ("updated_at>2020-01-01", set()),
    ("owner!=999999", ALL),
    ("id!=11111111-1111-4111-8111-111111111111", ALL),
    ("id=11111111-1111-4111-8111-111111111111", set()),
    ("date=2020", set()),
    ("md5=d41d8cd98f00b204e9800998ecf8427e", {"delta"}),
]


def names(api: Client, **params: Any) -> set[str]:
    return {file["name"] for file in api.ok("GET", "/files", params=params)["files"]}


def test_filters(space: Space, filled: dict[str, Any]) -> None:
    """C-55: each filter gives exactly its files, and the count agrees with the list."""
    api = space.admin
    for text, expected in FILTERS:
        assert names(api, filter=text) == expected, text
        assert api.ok("GET", "/files/count", params={"filter": text})["count"] == len(expected)
    both = ["name~txt", "size>=10"]
    assert names(api, filter=both) == {"Beta.TXT", "Été.txt"}
    digest = filled["alpha.txt"]["sha256"]
    assert names(api, filter=f"sha256={digest.upper()}") == {"alpha.txt"}
    assert names(api, filter=f"id={filled['delta']['id']}") == {"delta"}
    owner = filled["delta"]["owner"]
    assert names(api, filter=f"owner={owner}") == ALL
    assert names(api, owner="me") == ALL


REFUSED = [
    Row("no operator", "GET", "/files", 400, {"filter": "name"}, code="bad_filter"),
    Row("no field", "GET", "/files", 400, {"filter": "=x"}, code="bad_filter"),
    Row("an unknown field", "GET", "/files", 400, {"filter": "space=1"}, code="bad_filter"),
    Row("nothing", "GET", "/files", 400, {"filter": "nothing=1"}, code="bad_filter"),
    Row("no key", "GET", "/files", 400, {"filter": "meta.=1"}, code="bad_filter"),
    Row("a size of letters", "GET", "/files", 400, {"filter": "size>big"}, code="bad_filter"),
    Row("a size too large", "GET", "/files", 400, {"filter": "size>" + "9" * 19},
        code="bad_filter"),
    Row("a size contains", "GET", "/files", 400, {"filter": "size~1"}, code="bad_filter"),
    Row("no time", "GET", "/files", 400, {"filter": "created_at>soon"}, code="bad_filter"),
    Row("a day that is not", "GET", "/files", 400, {"filter": "created_at>2026-02-30"},
        code="bad_filter"),
    Row("a short digest", "GET", "/files", 400, {"filter": "sha256=00"}, code="bad_filter"),
    Row("a digest above", "GET", "/files", 400, {"filter": "md5>00"}, code="bad_filter"),
    Row("a tag above", "GET", "/files", 400, {"filter": "tag>a"}, code="bad_filter"),
    Row("NUL", "GET", "/files", 400, {"filter": "name=a\0"}, code="bad_filter"),
    Row("too many", "GET", "/files", 400, {"filter": ["size>0"] * 33}, code="bad_filter"),
    Row("sort by nothing", "GET", "/files", 400, {"sort": "x"}, code="bad_sort"),
    Row("sort by tag", "GET", "/files", 400, {"sort": "tag"}, code="bad_sort"),
    Row("sort twice", "GET", "/files", 400, {"sort": "name,-name"}, code="bad_sort"),
    Row("an empty sort key", "GET", "/files", 400, {"sort": "name,"}, code="bad_sort"),
    Row("no limit", "GET", "/files", 400, {"limit": "0"}, code="bad_parameter"),
    Row("too high a limit", "GET", "/files", 400, {"limit": "1001"}, code="bad_parameter"),
    Row("unknown members", "GET", "/files", 400, {"fields": "id,secret"}, code="bad_parameter",
        parameter="fields"),
    Row("an unknown state", "GET", "/files", 400, {"state": "purged"}, code="bad_parameter"),
    Row("another's files", "GET", "/files", 400, {"owner": "7"}, code="bad_parameter"),
    Row("a made-up cursor", "GET", "/files", 400, {"cursor": "AAAA"}, code="bad_cursor"),
    Row("a cursor beyond ASCII", "GET", "/files", 400, {"cursor": "é"}, code="bad_cursor"),
    Row("an unknown folder", "GET", "/files", 400, {"folder": "x"}, code="folder_unknown"),
    Row("delete without a filter", "DELETE", "/files", 400, code="bad_parameter",
        parameter="filter"),
    Row("delete with a misspelled filter", "DELETE", "/files", 400, {"filtre": "x", "all": "1"},
        code="bad_parameter", parameter="filtre"),
    Row("delete from the trash", "DELETE", "/files", 400, {"state": "released", "all": "1"},
        code="bad_parameter", parameter="state"),
    Row("delete with a bad filter", "DELETE", "/files", 400, {"filter": "x"}, code="bad_filter"),
    Row("count with a bad filter", "GET", "/files/count", 400, {"filter": "x"},
        code="bad_filter"),
]  # fmt: skip


def test_refusals(space: Space, filled: dict[str, Any]) -> None:
    """C-41: what is not understood is refused by name, and deletes nothing."""
    before = space.state()
    for row in REFUSED:
        row.run(space.admin)
    assert space.state() == before


SORTS = [
    ("", [name for name, *_ in FILES]),
    ("name", sorted(ALL)),
    ("-name", sorted(ALL, reverse=True)),
    ("size", ["delta", "alpha.txt", "Été.txt", "Beta.TXT", "gamma.pdf"]),
    ("-size", ["gamma.pdf", "Beta.TXT", "Été.txt", "alpha.txt", "delta"]),
    ("meta.n,-name", ["gamma.pdf", "delta", "Été.txt", "alpha.txt", "Beta.TXT"]),
    ("reference", ["Beta.TXT", "gamma.pdf", "delta", "Été.txt", "alpha.txt"]),
    ("-id", [name for name, *_ in reversed(FILES)]),
]


@pytest.mark.parametrize("limit", [1, 2, 1000])
def test_pages(space: Space, filled: dict[str, Any], limit: int) -> None:
    """C-55: pages of any size give every file once, in order; Link leads on (RFC 8288)."""
    api = space.admin
    for sort, expected in SORTS:
        seen, url = [], f"/consigne/v1/files?sort={sort}&limit={limit}&fields=name"
        while url:
            got = api.get(url)
            assert got.status_code == 200, got.text
            seen += [file["name"] for file in got.json()["files"]]
            link = re.fullmatch(r'<([^>]+)>; rel="next"', got.headers.get("link", ""))
            assert (link is not None) is (got.json()["next"] is not None)
            url = link[1] if link else ""
        assert seen == expected, sort


def test_cursors_belong_to_their_list(space: Space, filled: dict[str, Any]) -> None:
    """C-55: a cursor is refused with another filter, order, or in another space; not with another
    limit or projection."""
    api = space.admin
    cursor = api.ok("GET", "/files", params={"sort": "name", "limit": 1})["next"]
    good = {"sort": "name", "cursor": cursor, "limit": 7, "fields": "name"}
    assert len(api.ok("GET", "/files", params=good)["files"]) == 4
    for change in ({"sort": "size"}, {"filter": "size>0"}, {"owner": "me"}, {"state": "held"}):
        got = api.call("GET", "/files", params=good | change)
        assert got.json()["code"] == "bad_cursor", change
    got = space.operator.call("GET", "/files", params=good)
    assert got.json()["code"] == "bad_cursor"


def test_projection(api: Client) -> None:
    """C-30: only the members asked for, and always the id."""
    file = api.upload(params={"name": "a"})
    url = f"/files/{file['id']}"
    assert api.ok("GET", url, params={"fields": "name,size"}) == {
        "id": file["id"], "name": "a", "size": 5,
    }  # fmt: skip
    listed = api.ok("GET", "/files", params={"fields": "sha256"})["files"]
    assert listed == [{"id": file["id"], "sha256": file["sha256"]}]


def test_folders_in_lists(space: Space) -> None:
    """C-32: a list looks directly into one folder, by id or path, or into the root."""
    api = space.admin
    folder = api.ok("PUT", "/folders", params={"path": "A/B"})
    api.upload(params={"name": "in", "folder": folder["id"]})
    api.upload(params={"name": "too", "folder": "A/B"})
    api.upload(params={"name": "out"})
    api.upload(params={"name": "out too", "folder": "root"})
    assert names(api, folder=folder["id"]) == names(api, folder="/A/B/") == {"in", "too"}
    assert names(api, folder="A") == set()
    assert names(api, folder="root") == names(api, folder="/") == {"out", "out too"}
    assert names(api) == {"in", "too", "out", "out too"}


def test_delete_by_filter(space: Space, filled: dict[str, Any], logins: list[Login]) -> None:
    """C-12, C-16, C-55: a dry run says what a deletion does; guarded files are skipped; without
    the right to manage only one's own go."""
    api = space.admin
    writer = space.member(logins[0], "writer")
    writer.upload(b"mine", params={"name": "mine.txt"})
    api.ok("PUT", f"/files/{filled['alpha.txt']['id']}/hold", json={"reason": "r"})
    wish = {"filter": "name~txt"}
    before = space.state()
    dry = api.ok("DELETE", "/files", params=wish | {"dry_run": "true"})
    assert dry == {"count": 3, "skipped": 1, "dry_run": True}
    assert space.state() == before
    assert writer.ok("DELETE", "/files", params=wish)["count"] == 1
    done = api.ok("DELETE", "/files", params=wish)
    assert done == {"count": 2, "skipped": 1, "size": 110, "dry_run": False}
    assert names(api) == {"alpha.txt", "gamma.pdf", "delta"}
    assert names(api, state="released") == {"mine.txt", "Beta.TXT", "Été.txt"}
    assert api.ok("DELETE", "/files", params={"all": "true"})["count"] == 2
    assert space.usage()["used"] == 1


TERMS = st.builds(
    lambda name, op, value: (name, op, value, f"{name}{op}{value}"),
    st.sampled_from(["name", "type", "reference", "meta.k", "meta.a b"]),
    st.sampled_from([op.value for op in Op]),
    st.text(max_size=20).filter(lambda text: "\0" not in text and text[:1] not in ("=", "~")),
)


@given(TERMS)
def test_a_filter_is_field_operator_value(parts: tuple[str, str, str, str]) -> None:
    """C-55: whatever the value holds, the first operator splits."""
    name, op, value, text = parts
    term = term_of(text)
    key = name.removeprefix("meta.") if name.startswith("meta.") else ""
    assert term == Term(None if key else Field(name), Op(op), value, key=key)


@given(st.text(max_size=40))
def test_any_text_is_a_filter_or_refused(text: str) -> None:
    """C-41: no text whatever breaks the parsers."""
    for parse, refusal in ((term_of, BadFilter), (order_of, BadSort)):
        try:
            parse(text)
        except refusal:
            pass
    try:
        moment(text, "t")
    except BadParameter:
        pass


@given(st.integers(min_value=0, max_value=253_402_300_799_999))
def test_times_come_back(milliseconds: int) -> None:
    """C-30: a time that we write is read back to the millisecond."""
    assert moment(iso(milliseconds), "t") == milliseconds


KEYS = st.one_of(st.none(), st.text(), st.integers(-(2**62), 2**62), st.binary())


@given(st.lists(KEYS, max_size=4), st.integers(1, 2**62), st.data())
def test_cursors(values: list[Any], number: int, data: st.DataObject) -> None:
    """C-55: a cursor opens to what was sealed, and not at all once a character is changed."""
    cursors, after = Cursors(b"k" * 32), (*values, number)
    query = Query(Scope(1), order=(Order(Field.NAME),))
    text = cursors.seal(query, after)
    assert cursors.open(query, text) == after
    for other in (Query(Scope(2), order=(Order(Field.NAME),)), Query(Scope(1))):
        with pytest.raises(BadCursor):
            cursors.open(other, text)
    with pytest.raises(BadCursor):
        Cursors(b"x" * 32).open(query, text)
    place = data.draw(st.integers(0, len(text) - 2))
    changed = text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]
    with pytest.raises(BadCursor):
        cursors.open(query, changed)
