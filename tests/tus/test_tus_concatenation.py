"""The concatenation extension of tus 1.0: one file of several uploads (issue 6)."""

import os
from concurrent.futures import ThreadPoolExecutor

from tus_support import Tus, metadata, refused


def _piece(tus: Tus, data: bytes) -> str:
    return tus.begin(len(data), data or None, Upload_Concat="partial")


def test_partial_uploads_make_one_file(ines: Tus) -> None:
    """tus, concatenation: bytes in the order told, one file, one charge, nothing beside it."""
    first, second, third = (os.urandom(n) for n in (300_000, 5, 1_200_000))
    with ThreadPoolExecutor(3) as pool:
        urls = list(pool.map(lambda data: _piece(ines, data), (third, first, second)))
    for url in urls:
        head = ines.head(url)
        assert head.headers["upload-concat"] == "partial"
        assert "x-consigne-file" not in head.headers
    assert ines.space.usage() == (0, 1_500_005)
    order = [urls[1], ines.space.server.url + urls[2], urls[0]]
    sent = metadata(filename="joined.bin", tags="x")
    done = ines.join(order, Upload_Metadata=sent)
    assert done.status_code == 201, done.text
    assert ines.content(done) == first + second + third
    file = ines.file(done)
    assert (file["name"], file["tags"], file["state"]) == ("joined.bin", ["x"], "kept")
    used, reserved, files, uploads, *_ = ines.space.traces()
    assert (used, reserved, files, uploads) == (1_500_005, 0, 1, 1)
    final = done.headers["location"]
    head = ines.head(final)
    assert head.headers["upload-concat"] == f"final;{' '.join(order)}"
    assert head.headers["upload-offset"] == head.headers["upload-length"] == "1500005"
    assert head.headers["upload-metadata"] == sent
    refused(ines.patch(final, 1_500_005, b""), 403)
    refused(ines.patch(final, 0, b"x"), 403)
    for url in urls:
        refused(ines.head(url), 404)


def test_asked_again(ines: Tus) -> None:
    """A lost answer costs nothing: the same join, also two at once, is the same upload."""
    urls = [_piece(ines, os.urandom(400_000)) for _ in range(3)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: ines.join(urls), range(4)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert ines.join(urls).headers["location"] == answers[0].headers["location"]
    assert ines.space.usage() == (1_200_000, 0)
    assert ines.delete(answers[0].headers["location"]).status_code == 204
    refused(ines.join(urls), 404)


def test_a_tight_quota(ines: Tus) -> None:
    """C-24: joining needs no more room than the parts have reserved."""
    ines.space.change(quota=1_000_000)
    urls = [_piece(ines, os.urandom(500_000)) for _ in range(2)]
    assert ines.join(urls).status_code == 201
    assert ines.space.usage() == (1_000_000, 0)


def test_held_and_empty(ines: Tus) -> None:
    """Issue 6: a joined file is held as its own metadata asks; empty parts are parts."""
    urls = [_piece(ines, b""), _piece(ines, b"abc"), _piece(ines, b"")]
    done = ines.join(urls, Upload_Metadata=metadata(hold="true"))
    assert ines.content(done) == b"abc"
    assert ines.file(done)["state"] == "held"


def test_what_cannot_be_joined(ines: Tus) -> None:
    """tus, concatenation: unfinished, unknown, whole or repeated uploads; a body; a length."""
    whole = ines.begin(3, b"abc")
    ready = _piece(ines, b"abc")
    started = ines.begin(5, b"ab", Upload_Concat="partial")
    before = ines.space.traces()
    refused(ines.join([ready, started]), 409, "upload_incomplete")
    refused(ines.join([ready, whole]), 404)
    refused(ines.join([ready, ready]), 400)
    refused(ines.join([ready, "/tus/x/y"]), 400)
    refused(ines.create(3, Upload_Concat=f"final;{ready}"), 400)
    refused(ines.create(None, b"abc", Upload_Concat=f"final;{ready}"), 400)
    refused(ines.join([ready], Upload_Metadata=metadata(folder="none")), 400)
    assert ines.space.traces() == before
    assert ines.patch(started, 2, b"cde").status_code == 204
    assert ines.content(ines.join([ready, started])) == b"abcabcde"


def test_a_partial_upload_is_no_file(ines: Tus) -> None:
    """A complete part is in no list, and the native door cannot finish it."""
    _piece(ines, b"abc")
    (found,) = ines.http.get("/consigne/v1/uploads").json()["uploads"]
    answer = ines.http.post(f"/consigne/v1/uploads/{found['id']}/finish", json={})
    assert answer.status_code == 409, answer.text
    assert ines.http.get("/consigne/v1/files").json()["files"] == []
