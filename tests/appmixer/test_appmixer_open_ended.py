"""Open-ended files: complete at every moment, and longer with every request (AM-15)."""

import os
from concurrent.futures import ThreadPoolExecutor

from tests.appmixer.support import Person, Space, form, md5, ok, refused
from tests.parts.server import ServerStarter


def test_later_requests_append(ines: Person) -> None:
    """AM-15, case 8: same id, bytes appended, new md5, listed throughout."""
    first, second = os.urandom(200_000), os.urandom(1_500_000)
    file = ok(ines.post(first, name="log.bin"))
    assert [f["fileId"] for f in ines.files()] == [file["fileId"]]
    grown = ok(ines.post(second, file["fileId"]))
    assert grown["fileId"] == file["fileId"]
    assert grown["filename"] == "log.bin"
    assert grown["length"] == 1_700_000
    assert grown["md5"] == md5(first + second)
    assert grown["uploadDate"] >= file["uploadDate"]
    assert ines.files() == [grown]
    assert ines.metadata(file["fileId"]) == grown
    assert ines.content(file["fileId"]) == first + second
    assert ines.space.usage() == (1_700_000, 0)
    versions = ines.http.get(f"/consigne/v1/files/{file['fileId']}/versions").json()
    assert [v["size"] for v in versions["versions"]] == [1_700_000, 200_000]


def test_many_small_appends(ines: Person) -> None:
    """AM-15: line by line, with and without numbers."""
    file_id = ok(ines.post(b"0\n", None, 1, name="log.txt"))["fileId"]
    lines = [b"0\n"]
    for number in range(2, 20):
        lines.append(b"%d\n" % number)
        answer = ok(ines.post(lines[-1], file_id, number if number % 2 else None))
        assert answer["md5"] == md5(b"".join(lines))
    assert ines.space.usage() == (len(b"".join(lines)), 0)
    assert ines.files()[0]["contentType"] == "text/plain"


def test_repeats_of_numbered_chunks(ines: Person) -> None:
    """AM-15: a numbered chunk counts once; the first one is chunk 1."""
    file_id = ok(ines.post(b"one,"))["fileId"]
    two = ok(ines.post(b"two,", file_id, 2))
    for number, data in ((2, b"two,"), (1, b"one,")):
        assert ok(ines.post(data, file_id, number)) == two
    for number in (1, 2):
        refused(ines.post(b"TWO,", file_id, number), 409, "chunk_conflict")
    assert refused(ines.post(b"four", file_id, 4), 409, "chunk_out_of_order")["expected"] == 3
    assert ines.content(file_id) == b"one,two,"


def test_a_total_closes_it(ines: Person) -> None:
    """AM-15: a total announced later closes the file when it is reached."""
    file_id = ok(ines.post(b"a"))["fileId"]
    ok(ines.post(b"b", file_id, 2, 3))
    for number, total in ((3, 4), (4, None), (None, 1), (4, 3)):
        refused(ines.post(b"c", file_id, number, total), 400, "bad_header")
    last = ok(ines.post(b"c", file_id))
    assert last["md5"] == md5(b"abc")
    refused(ines.post(b"d", file_id), 409, "upload_complete")
    refused(ines.post(b"d", file_id, 4), 409, "upload_complete")
    assert ok(ines.post(b"c", file_id, 3, 3)) == last


def test_a_total_may_come_with_a_repeat(ines: Person) -> None:
    """AM-15: the total is reached also when the last chunk was there already."""
    file_id = ok(ines.post(b"a"))["fileId"]
    ok(ines.post(b"b", file_id, 2))
    ok(ines.post(b"b", file_id, 2, 2))
    refused(ines.post(b"c", file_id), 409, "upload_complete")
    assert ines.content(file_id) == b"ab"


def test_at_the_same_moment(ines: Person) -> None:
    """AM-15, AM-16: appends are serialised; nothing is lost and a numbered one counts once."""
    file_id = ok(ines.post(b""))["fileId"]
    chunks = [bytes([65 + n]) * 100_000 for n in range(6)]
    with ThreadPoolExecutor(6) as pool:
        sends = [pool.submit(ines.post, chunk, file_id) for chunk in chunks]
        for send in sends:
            ok(send.result())
    content = ines.content(file_id)
    pieces = {content[at : at + 100_000] for at in range(0, len(content), 100_000)}
    assert pieces == set(chunks)
    with ThreadPoolExecutor(2) as pool:
        sends = [pool.submit(ines.post, b"once", file_id, 8) for _ in range(2)]
        assert ok(sends[0].result()) == ok(sends[1].result())
    assert ines.content(file_id) == content + b"once"


def test_bad_appends_change_nothing(ines: Person) -> None:
    """AM-15, AM-16: what is wrong with a chunk leaves the file, its quota and its stages alone."""
    file_id = ok(ines.post(b"whole"))["fileId"]
    ok(ines.post(b".", file_id))
    before, file = ines.space.traces(), ines.metadata(file_id)
    body, headers = form(('Content-Disposition: form-data; name="other"', b"x"))
    sent = {**headers, "uploader-file-id": file_id}
    refused(ines.http.post("/files", content=body, headers=sent), 400, "bad_multipart")
    big = os.urandom(2_000_000)
    refused(ines.post(big, file_id, uploader_chunk_size="7"), 400, "chunk_size_mismatch")
    refused(ines.post(big, file_id, 5), 409, "chunk_out_of_order")
    assert ines.space.traces() == before
    assert ines.metadata(file_id) == file


def test_who_may_append(ines: Person, zoe: Person) -> None:
    """AM-15, AM-33: others get 404, an admin who sees the file may not, a hold protects it."""
    file_id = ok(ines.post(b"mine"))["fileId"]
    boss = ines.space.person("admin")
    refused(zoe.post(b"x", file_id), 404, "file_not_found")
    refused(boss.post(b"x", file_id), 403, "forbidden")
    path = f"/consigne/v1/files/{file_id}/hold"
    assert boss.http.put(path, json={"reason": "suit"}).status_code == 200
    refused(ines.post(b"x", file_id), 409, "file_protected")
    assert boss.http.delete(path).status_code == 200
    ok(ines.post(b"x", file_id))
    ok(ines.http.delete(f"/files/{file_id}"))
    refused(ines.post(b"x", file_id), 404, "file_not_found")


def test_after_a_replacement(ines: Person) -> None:
    """AM-15: a replacement by the native API is appended to as it stands then."""
    file_id = ok(ines.post(b"old"))["fileId"]
    ok(ines.post(b" log", file_id, 2))
    new = ines.http.put(f"/consigne/v1/files/{file_id}/content", content=b"new")
    assert new.status_code == 200, new.text
    assert ok(ines.post(b" log", file_id))["md5"] == md5(b"new log")


def test_numbers_outlive_the_memory_of_chunks(ines: Person) -> None:
    """AM-15, AM-18: after a day repeats cannot be compared any more, and numbers go on."""
    file_id = ok(ines.post(b"a"))["fileId"]
    ok(ines.post(b"b", file_id, 2))
    with ines.space.catalog() as db:
        db.execute("DELETE FROM part WHERE upload_id IN (SELECT id FROM upload)")
        db.execute("DELETE FROM upload WHERE space_id = ?", (ines.space.id,))
    refused(ines.post(b"b", file_id, 2), 409, "chunk_conflict")
    assert ok(ines.post(b"c", file_id, 3))["md5"] == md5(b"abc")


def test_quota_and_limit(start_server: ServerStarter) -> None:
    """AM-32, AM-38: only the chunk is charged; appends have a limit of their own."""
    running = start_server(env={"CONSIGNE_APPEND_MAX_SIZE": "3000000"})
    space = Space(running, quota=2_500_000)
    ines = space.person()
    file_id = ok(ines.post(os.urandom(1_500_000)))["fileId"]
    refused(ines.post(os.urandom(1_100_000), file_id), 507, "quota_exceeded")
    assert space.usage() == (1_500_000, 0)
    ok(ines.post(os.urandom(900_000), file_id))
    assert space.usage() == (2_400_000, 0)
    space.change(quota=None)
    refused(ines.post(os.urandom(700_000), file_id), 413, "file_too_large")
    assert space.usage() == (2_400_000, 0)


def test_they_are_no_unfinished_uploads(start_server: ServerStarter) -> None:
    """AM-38: an open-ended file is complete, so it does not count against the uploads' limit."""
    running = start_server(env={"CONSIGNE_UPLOADS_PER_USER": "1"})
    ines = Space(running).person()
    for _ in range(3):
        ok(ines.post(b"b", ok(ines.post(b"a"))["fileId"]))
    ines.begin(b"x")
