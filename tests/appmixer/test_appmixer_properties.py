"""Properties: the filter grammar against a model, chunks in any order against a model."""

import itertools
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consigne.dialects.appmixer import parameters, wire
from consigne.dialects.appmixer.filters import parse_filters
from consigne.errors import BadFilter, BadHeader, BadParameter, BadSort, FileNotFound
from consigne.model.entities import Principal
from consigne.model.names import fold
from consigne.model.query import Field, Op, Term
from tests.appmixer.support import Person, Space, md5
from tests.parts.server import RunningServer

USER = "65f0c2a1000000000000002a"
ALPHABET = string.ascii_letters + string.digits + string.punctuation + " éÉßİ漢\\~!=<>:"
texts = st.text(st.sampled_from(ALPHABET), max_size=40)


@given(st.text(max_size=60))
def test_any_text_is_terms_or_bad_filter(text: str) -> None:
    """AM-25, AM-27, AM-30: a filter is understood or refused; nothing else happens."""
    try:
        terms = parse_filters([text], USER)
    except BadFilter:
        return
    assert ":" in text
    assert len(terms) <= 1


@given(texts.filter(bool))
def test_literals(value: str) -> None:
    """AM-25: after ``:=`` anything is itself, so every name can be asked for."""
    (term,) = parse_filters([f"metadata.k:={value}"], USER)
    assert term == Term(None, Op.EQUAL, value, "k")


@given(
    st.integers(0, 3),
    st.sampled_from(["~", "!", "!~", "="]),
    texts.filter(lambda t: t[:1].isalnum()),
)
def test_backslashes_before_an_operator(count: int, operator: str, value: str) -> None:
    """AM-27: any number of them is dropped, before and inside an operator."""
    escaped = "".join("\\" * count + character for character in operator)
    assert parse_filters([f"filename:{escaped}{value}"], USER) == parse_filters(
        [f"filename:{operator}{value}"], USER
    )


@given(st.sampled_from(["", "=", "!", "~", "!~"]), texts.filter(bool))
def test_unknown_fields(operator: str, value: str) -> None:
    """AM-27: no match under any operator."""
    try:
        found = parse_filters([f"filenam:{operator}{value}"], USER)
    except BadFilter:
        return  # what is left of it is empty
    assert found == (Term(Field.NOTHING, Op.EQUAL, ""),)


@given(st.integers(0, 4_102_444_800_000))
def test_moments_read_back(milliseconds: int) -> None:
    """AM-10, AM-26: the date that a file shows finds that file."""
    (term,) = parse_filters([f"uploadDate:{wire.iso(milliseconds)}"], USER)
    assert term == Term(Field.COMPLETED, Op.EQUAL, milliseconds)


@given(st.integers(0, 2**32 * 1000 - 1), st.integers(1, 2**53))
def test_user_ids(created: int, number: int) -> None:
    """AM-06: 24 hex digits that say second and number."""
    user = Principal(number, "", "", "", None, True, False, None, 0, created)
    text = wire.user_id(user)
    assert len(text) == 24
    assert (int(text[:8], 16), int(text[8:], 16)) == (created // 1000, number)


header_values = st.one_of(
    st.sampled_from(["", "0", "1", "2", "3", "99999999999999999999", "-1", "x", "1.0", " 1 "]),
    st.text(max_size=8).map(lambda t: t.encode("latin-1", "ignore").decode("latin-1")),
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "uploader-file-id": st.one_of(header_values, st.just(str(10**12))),
            "uploader-chunk-size": header_values,
            "uploader-chunk-number": header_values,
            "uploader-chunks-total": header_values,
        },
    )
)
def test_headers(headers: dict[str, str]) -> None:
    """AM-14, AM-15, AM-18: what is accepted makes sense, all else is BadHeader."""
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    try:
        chunk = parameters.parse_chunk(raw)
    except (BadHeader, FileNotFound):
        return
    if chunk.key is not None:
        assert chunk.number is not None
        assert chunk.total is not None
        assert 0 <= chunk.number < max(1, chunk.total)
    else:
        assert chunk.total is None or chunk.total >= 1
        assert chunk.number is None or 1 <= chunk.number <= (chunk.total or 100_000)
        assert chunk.file_id is not None or chunk.number in (None, 1)


@given(st.binary(max_size=60))
def test_queries(raw: bytes) -> None:
    """AM-19 … AM-22: any query is understood or refused by name."""
    try:
        query = parameters.parse_query(raw)
    except BadParameter:
        return
    for parse in (
        lambda: parameters.parse_count(query, "limit", 100, 1, 10_000),
        lambda: parameters.parse_flag(query, "dryRun"),
        lambda: parameters.parse_sort(parameters.single(query, "sort")),
        lambda: parameters.parse_projection(parameters.single(query, "projection")),
    ):
        try:
            parse()
        except (BadParameter, BadSort):
            pass


# Against the server


@pytest.fixture(scope="module")
def named(server: RunningServer) -> Person:
    """Make someone whose files have all kinds of names; tests only read them."""
    person = Space(server).person()
    for name in ("a", "A", "ab", "aB.c", "~a", "!~a", "=a", "a:b", "é", "Éa", "%", "_a", "漢a"):
        person.keep(b"x", name)
    return person


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["", "=", "!", "~", "!~"]),
    st.text(st.sampled_from("aAbB.c~!=:é漢%_"), min_size=1, max_size=3),
)
def test_filters_by_name_against_a_model(named: Person, operator: str, value: str) -> None:
    """AM-23, AM-25: list and count find exactly what the words of the specification say."""
    rest = operator + value
    for mark in ("!~", "!", "~", "="):
        if rest.startswith(mark):
            operator, value = mark, rest.removeprefix(mark)
            break
    if not value:
        return
    tests = {
        "": lambda name: name == value,
        "=": lambda name: name == value,
        "!": lambda name: name != value,
        "~": lambda name: fold(value) in fold(name),
        "!~": lambda name: fold(value) not in fold(name),
    }
    everything = named.names()
    expected = [name for name in everything if tests[operator](name)]
    found = named.http.get("/files", params={"filter": f"filename:{rest}"}).json()
    assert [file["filename"] for file in found] == expected
    count = named.http.get("/files/count", params={"filter": f"filename:{rest}"}).json()
    assert count == {"count": len(expected)}


@pytest.fixture(scope="module")
def sender(server: RunningServer) -> Person:
    return Space(server).person()


steps = st.lists(
    st.tuples(st.one_of(st.none(), st.integers(1, 5)), st.booleans()), min_size=1, max_size=12
)
_keys = itertools.count(10**12)


@settings(max_examples=25, deadline=None)
@given(total=st.integers(1, 4), keyed=st.booleans(), sent=steps)
def test_chunks_in_any_order_against_a_model(
    sender: Person, total: int, keyed: bool, sent: list[tuple[int | None, bool]]
) -> None:
    """AM-15, AM-18: accepted once, in order; repeats compared; never anything else."""
    good = [b"good %d" % n for n in range(1, 6)]
    target: object = next(_keys) if keyed else sender.begin(good[0], total) if total > 1 else None
    if target is None:
        target = sender.keep(good[0])["fileId"]
    accepted = 0 if keyed else 1
    for number, right in sent:
        if keyed and (number is None or number > total):
            continue
        following = accepted + 1
        wanted = following if number is None else number
        data = good[wanted - 1] if right and wanted <= 5 else b"other bytes"
        if keyed:
            answer = sender.post(data, target, wanted - 1, total)
        else:
            answer = sender.post(data, target, number)
        code = answer.json().get("details", {}).get("code")
        if accepted == total and wanted > total:
            assert code == "upload_complete"
        elif wanted > total:
            assert code == "bad_header"
        elif wanted <= accepted:
            assert code == (None if data == good[wanted - 1] else "chunk_conflict")
        elif wanted > following:
            assert code == ("upload_unknown" if keyed and not accepted else "chunk_out_of_order")
        else:
            assert code is None
            if not right:
                good[wanted - 1] = b"other bytes"
            accepted += 1
            state = answer.json()
            whole = b"".join(good[:accepted])
            assert state["length"] == len(whole)
            assert state.get("md5") == (md5(whole) if accepted == total else None)
