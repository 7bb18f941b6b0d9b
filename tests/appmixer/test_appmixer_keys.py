"""Uploads under a key of the client's own digits, numbered from 0 (AM-18)."""

import os

import pytest

from tests.appmixer.support import Person, Space, form, md5, ok, refused

KEY = "1753170000123"


def test_three_chunks(ines: Person) -> None:
    """AM-18: 0-based numbers; total - 1 completes; answers carry the UUID."""
    chunks = [os.urandom(70_000) for _ in range(3)]
    answers = [ok(ines.post(chunk, KEY, n, 3, name="blob")) for n, chunk in enumerate(chunks)]
    assert len({answer["fileId"] for answer in answers}) == 1
    assert answers[0]["metadata"]["chunksReceived"] == 1
    assert answers[0]["metadata"]["chunksTotal"] == 3
    assert answers[2]["md5"] == md5(b"".join(chunks))
    assert ines.files() == [answers[2]]
    assert answers[2]["fileId"].count("-") == 4


@pytest.mark.parametrize("key", ["0", "7", "00000000000000000007", "99999999999999999999"])
def test_keys_of_1_to_20_digits(ines: Person, key: str) -> None:
    """AM-18: the digits are a name, not a number."""
    assert ok(ines.post(b"x", key, 0, 1))["length"] == 1


def test_keys_belong_to_space_and_principal(ines: Person, zoe: Person) -> None:
    """AM-18, case 11: two users, one key, two files; unknown key and number 1 -> 404."""
    first = ok(ines.post(b"ines", KEY, 0, 2))
    refused(zoe.post(b"zoe1", KEY, 1, 2), 404, "upload_unknown")
    second = ok(zoe.post(b"zoe0", KEY, 0, 2))
    assert first["fileId"] != second["fileId"]
    assert ok(ines.post(b"!", KEY, 1, 2))["md5"] == md5(b"ines!")
    assert ok(zoe.post(b"zoe1", KEY, 1, 2))["md5"] == md5(b"zoe0zoe1")
    answer = ines.post(b"x", "42", 1, 2)
    refused(answer, 404, "upload_unknown")
    assert answer.json()["message"] == "No upload under this key"


def test_the_name_counts_with_the_first_chunk(ines: Person) -> None:
    """AM-14, AM-18: no file exists yet under the key, so the header names it."""
    first = ok(ines.post(b"x", KEY, 0, 2, name="blob", uploader_file_name="plan.png"))
    assert first["filename"] == "plan.png"
    last = ok(ines.post(b"y", KEY, 1, 2, name="blob", uploader_file_name="other.png"))
    assert last["filename"] == "plan.png"


def test_an_empty_file(ines: Person) -> None:
    """AM-18: total 0, number 0, empty part."""
    file = ok(ines.post(b"", KEY, 0, 0))
    assert (file["length"], file["md5"]) == (0, md5(b""))
    assert ines.content(file["fileId"]) == b""
    assert ok(ines.post(b"", KEY, 0, 0)) == file
    before = ines.space.traces()
    refused(ines.post(b"x", "77", 0, 0), 400, "chunk_size_mismatch")
    refused(ines.post(b"", "77", 0, 0, uploader_chunk_size="5"), 400, "chunk_size_mismatch")
    assert ines.space.traces() == before


def test_repeats_conflicts_and_order(ines: Person) -> None:
    """AM-15, AM-18: as with ids, in the client's own numbers, after completion too."""
    ok(ines.post(b"zero", KEY, 0, 3))
    assert refused(ines.post(b"two", KEY, 2, 3), 409, "chunk_out_of_order")["expected"] == 1
    one = ok(ines.post(b"one", KEY, 1, 3))
    assert ok(ines.post(b"one", KEY, 1, 3)) == one
    assert ok(ines.post(b"zero", KEY, 0, 3)) == one
    refused(ines.post(b"ONE", KEY, 1, 3), 409, "chunk_conflict")
    refused(ines.post(b"two", KEY, 2, 4), 400, "bad_header")
    last = ok(ines.post(b"two", KEY, 2, 3))
    assert ok(ines.post(b"two", KEY, 2, 3)) == last
    assert ok(ines.post(b"zero", KEY, 0, 3)) == last
    refused(ines.post(b"ZERO", KEY, 0, 3), 409, "chunk_conflict")


def test_key_and_id_are_one_upload(ines: Person) -> None:
    """AM-17, AM-18: what began under a key can be looked at, carried on and deleted by its id."""
    file_id = ok(ines.post(b"zero", KEY, 0, 3))["fileId"]
    assert ines.metadata(file_id)["metadata"]["chunksReceived"] == 1
    ok(ines.post(b"one", file_id, 2, 3))
    ok(ines.post(b"two", KEY, 2, 3))
    assert ines.content(file_id) == b"zeroonetwo"
    ok(ines.http.delete(f"/files/{file_id}"))
    refused(ines.post(b"two", KEY, 2, 3), 404, "file_not_found")


def test_an_aborted_key_is_free_again(ines: Person) -> None:
    """AM-17, AM-18: DELETE ends the upload and its key."""
    file_id = ok(ines.post(b"zero", KEY, 0, 3))["fileId"]
    ok(ines.http.delete(f"/files/{file_id}"))
    refused(ines.post(b"one", KEY, 1, 3), 404, "upload_unknown")
    assert ok(ines.post(b"zero", KEY, 0, 1))["length"] == 4


def test_a_failed_first_chunk_leaves_no_key(ines: Person) -> None:
    """AM-16, AM-18: neither row nor key nor bytes."""
    before = ines.space.traces()
    body, headers = form(('Content-Disposition: form-data; name="file"', b"x" * 99_999))
    sent = {
        **headers,
        "uploader-file-id": KEY,
        "uploader-chunk-number": "0",
        "uploader-chunks-total": "2",
    }
    broken = ines.http.post("/files", content=body[:-6], headers=sent)
    refused(broken, 400, "bad_multipart")
    assert ines.space.traces() == before
    refused(ines.post(b"one", KEY, 1, 2), 404, "upload_unknown")
    assert ok(ines.post(b"zero", KEY, 0, 2))["metadata"]["chunksReceived"] == 1


def test_the_key_lives_a_day_after_completion(ines: Person, space: Space) -> None:
    """AM-18: until 24 h after completion the key means this file."""
    file = ok(ines.post(b"x", KEY, 0, 1))
    with space.catalog() as db:
        row = db.execute(
            "SELECT expires_at - updated_at FROM upload WHERE client_key = ? AND space_id = ?",
            (KEY, space.id),
        ).fetchone()
        assert row == (86_400_000,)
        db.execute("DELETE FROM upload WHERE space_id = ?", (space.id,))
    assert ok(ines.post(b"y", KEY, 0, 1))["fileId"] != file["fileId"]
