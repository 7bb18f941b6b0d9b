"""Uploads: whole files, chunks, headers, forms (AM-10 … AM-17, AM-32, AM-38)."""

import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.appmixer.support import (
    UNKNOWN,
    Person,
    md5,
    ok,
    refused,
)

KEYS = ["length", "chunkSize", "uploadDate", "filename", "md5", "metadata", "contentType", "fileId"]


def thirds(size: int = 300_000) -> tuple[bytes, bytes, bytes]:
    return os.urandom(size), os.urandom(size), os.urandom(size // 2)


def test_a_whole_file(ines: Person) -> None:
    """AM-10, AM-12, AM-13, AM-15, AM-32, case 2: no uploader headers at all."""
    data = os.urandom(48_211)
    file = ok(ines.post(data, name="plan.png"))
    assert list(file) == KEYS
    assert file["length"] == 48_211
    assert file["chunkSize"] == 261_120
    assert file["md5"] == md5(data)
    assert file["metadata"] == {"userId": ines.id}
    assert time.time() - 60 < _seconds(file["uploadDate"]) < time.time() + 1
    assert ines.files() == [file]
    assert ines.metadata(file["fileId"]) == file
    assert ines.content(file["fileId"]) == data
    assert ines.space.usage() == (48_211, 0)


def _seconds(date: str) -> float:
    whole, milliseconds = date.removesuffix("Z").split(".")
    assert date.endswith("Z")
    assert len(milliseconds) == 3
    return time.mktime(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) - time.timezone


@pytest.mark.parametrize("number", [None, 1])
def test_total_1_is_complete(ines: Person, number: int | None) -> None:
    """AM-14, AM-15: total 1 is the whole file, closed to any further chunk."""
    file = ok(ines.post(b"all of it", None, number, 1))
    assert ines.metadata(file["fileId"])["md5"] == md5(b"all of it")
    refused(ines.post(b"more", file["fileId"]), 409, "upload_complete")
    refused(ines.post(b"more", file["fileId"], 2), 409, "upload_complete")
    # The only chunk may come twice, as any other.
    assert ok(ines.post(b"all of it", file["fileId"], 1, 1)) == file
    refused(ines.post(b"all of IT", file["fileId"], 1), 409, "chunk_conflict")


def test_ids_in_any_letter_case(ines: Person) -> None:
    """AM-10: fileId is read in any letter case and written in lower case."""
    file = ines.keep(b"x")
    assert ines.metadata(file["fileId"].upper()) == file
    begun = ines.begin(b"one", total=2)
    assert ok(ines.post(b"two", begun.upper(), 2))["fileId"] == begun


@pytest.mark.parametrize("numbered", [True, False])
def test_three_chunks(ines: Person, numbered: bool) -> None:
    """AM-13 … AM-17, case 3: one id, hidden until the third, one whole in the end."""
    chunks = thirds()
    answers, file_id = [], None
    for index, chunk in enumerate(chunks):
        assert ines.files() == []
        assert ines.count() == 0
        number = index + 1 if numbered else None
        answers.append(ok(ines.post(chunk, file_id, number, 3)))
        file_id = answers[-1]["fileId"]
    assert {answer["fileId"] for answer in answers} == {file_id}
    whole = b"".join(chunks)
    for index, answer in enumerate(answers[:2]):
        assert "md5" not in answer
        assert answer["length"] == len(b"".join(chunks[: index + 1]))
        progress = {"chunksReceived": index + 1, "chunksTotal": 3}
        assert answer["metadata"] == {"userId": ines.id, **progress}
        assert set(KEYS) - set(answer) <= {"md5", "contentType"}
    assert answers[2]["md5"] == md5(whole)
    assert list(answers[2]) == KEYS
    assert ines.files() == [answers[2]]
    assert ines.content(answers[2]["fileId"]) == whole
    assert ines.space.usage() == (len(whole), 0)


def test_an_unfinished_upload_is_hidden(ines: Person, zoe: Person) -> None:
    """AM-17, AM-24: to its owner 409 and its progress, to others as if it were not there."""
    file_id = ines.begin(b"first", total=3)
    assert ines.metadata(file_id)["metadata"]["chunksReceived"] == 1
    assert ines.metadata(file_id)["length"] == 5
    refused(ines.http.get(f"/files/{file_id}"), 409, "upload_incomplete")
    boss = ines.space.person("admin")
    for other in (zoe, boss):
        refused(other.http.get(f"/files/metadata/{file_id}"), 404, "file_not_found")
        refused(other.http.get(f"/files/{file_id}"), 404, "file_not_found")
        refused(other.http.delete(f"/files/{file_id}"), 404, "file_not_found")
        refused(other.post(b"second", file_id, 2), 404, "file_not_found")
    assert ok(ines.http.delete("/files")) == {"deletedCount": 0}
    assert ines.metadata(file_id)["length"] == 5


def test_delete_aborts(ines: Person) -> None:
    """AM-17: DELETE gives an unfinished upload up; nothing of it stays."""
    before = ines.space.traces()
    file_id = ines.begin(os.urandom(2_000_000), total=3)
    assert ines.space.traces() != before
    assert ok(ines.http.delete(f"/files/{file_id}")) == {"fileId": file_id}
    assert ines.space.traces() == before
    refused(ines.post(b"second", file_id, 2), 404, "file_not_found")


def test_repeats_and_gaps(ines: Person) -> None:
    """AM-15, case 4: a repeat counts once, other bytes and a gap are refused, all goes on."""
    chunks = thirds()
    file_id = ines.begin(chunks[0])
    second = ok(ines.post(chunks[1], file_id, 2))
    assert ok(ines.post(chunks[1], file_id, 2)) == second
    refused(ines.post(os.urandom(300_000), file_id, 2), 409, "chunk_conflict")
    refused(ines.post(chunks[1] + b"x", file_id, 2), 409, "chunk_conflict")
    refused(ines.post(chunks[1][:-1], file_id, 2), 409, "chunk_conflict")
    third = ines.begin(b"a", total=4)
    assert refused(ines.post(b"d", third, 4), 409, "chunk_out_of_order")["expected"] == 2
    assert ines.metadata(file_id) == second
    last = ok(ines.post(chunks[2], file_id, 3, 3))
    assert last["md5"] == md5(b"".join(chunks))
    # After completion too.
    assert ok(ines.post(chunks[0], file_id, 1)) == last
    assert ok(ines.post(chunks[2], file_id, 3, 3)) == last
    refused(ines.post(b"other", file_id, 3), 409, "chunk_conflict")


def test_the_expected_number_is_told(ines: Person) -> None:
    """AM-15, case 4: chunk 4 after 2 -> details.expected is 3, and the message says so."""
    file_id = ines.begin(b"a", total=5)
    ok(ines.post(b"b", file_id, 2))
    answer = ines.post(b"d", file_id, 4)
    assert refused(answer, 409, "chunk_out_of_order")["expected"] == 3
    assert "3" in answer.json()["message"]


@pytest.mark.parametrize("first", [True, False])
def test_one_chunk_twice_at_the_same_moment(ines: Person, first: bool) -> None:
    """AM-15, AM-16, case 5: 200, 200, appended once; under a key of digits the first chunk too."""
    chunk = os.urandom(3_000_000)
    if first:
        target, number = "1234567890123", 0
    else:
        target, number = ines.begin(b"one", total=3), 2
    with ThreadPoolExecutor(2) as pool:
        sends = [pool.submit(ines.post, chunk, target, number, 3) for _ in range(2)]
        answers = [ok(send.result()) for send in sends]
    assert answers[0]["fileId"] == answers[1]["fileId"]
    assert answers[0]["metadata"]["chunksReceived"] == (1 if first else 2)
    assert answers[1]["length"] == len(chunk) + (0 if first else 3)


def test_append_after_the_total_is_reached(ines: Person, zoe: Person) -> None:
    """AM-15, case 9: 409 upload_complete; to another user's upload 404."""
    file_id = ines.begin(b"a", total=2)
    ok(ines.post(b"b", file_id, 2))
    for number, total in ((None, None), (3, None), (None, 2)):
        refused(ines.post(b"c", file_id, number, total), 409, "upload_complete")
    refused(zoe.post(b"c", file_id), 404, "file_not_found")
    assert ines.content(file_id) == b"ab"


def test_files_of_other_dialects_take_no_chunks(ines: Person) -> None:
    """AM-15: a file from another door is complete, a protected one says that it is protected."""
    made = ines.http.post("/consigne/v1/files", params={"name": "n"}, content=b"native").json()
    refused(ines.post(b"more", made["id"]), 409, "upload_complete")
    boss = ines.space.person("admin")
    held = boss.http.put(f"/consigne/v1/files/{made['id']}/hold", json={"reason": "suit"})
    assert held.status_code == 200, held.text
    refused(ines.post(b"more", made["id"]), 409, "file_protected")
    mine = ines.keep(b"whole")["fileId"]
    refused(boss.post(b"more", mine), 403, "forbidden")
    assert ines.content(mine) == b"whole"


def test_totals_cannot_change(ines: Person) -> None:
    """AM-15: another total than before, or a number beyond it, is 400; the upload is intact."""
    file_id = ines.begin(b"a", total=3)
    for number, total in ((2, 4), (None, 2), (4, None), (100_001, None)):
        refused(ines.post(b"b", file_id, number, total), 400, "bad_header")
    assert ines.metadata(file_id)["metadata"]["chunksReceived"] == 1
    ok(ines.post(b"b", file_id, 2, 3))


def test_unknown_ids(ines: Person) -> None:
    """AM-14, AM-34: a UUID that is none of ours is 404 before the body counts."""
    refused(ines.post(b"x", UNKNOWN, 2), 404, "file_not_found")
    assert ines.files() == []
