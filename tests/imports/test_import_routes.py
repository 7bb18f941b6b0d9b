"""Imports over HTTP: acceptance 12 to 15 of the specification, and everything that is refused."""

import time

import httpx
import pytest
from import_support import Desk, cells, codes
from tests.daxium.daxium_support import (
    NOBODY,
    PNG,
    Instance,
    found_instance,
    good,
    raw_request,
    refused,
)
from tests.parts.server import ServerStarter

UNKNOWN = "11111111-1111-4111-8111-111111111111"


def test_three_good_rows_and_two_bad_ones(desk: Desk) -> None:
    """DX-39, DX-41, DX-42, DX-44..49, C-52: `;`, BOM, accents; corrected and sent again."""
    header = "userEmail;title;amount;done;at;state#name;#note\r\n"
    rows = [
        f"{desk.email};Façade;1.5;true;2026-05-01T08:00:00+02:00;Open|Closed;a\r\n",
        f'{desk.email};"zwei; ""Zeilen""\nhier";;;;;b\r\n',
        f"{desk.email};drei;abc;;;;c\r\n",
        "nobody@example.org;=1+1;1,5;vrai;2026-05-01T08:00:00;Ouvert;d\r\n",
        f"{desk.email};fünf;7;false;;;\r\n",
    ]
    got = desk.send("\ufeff" + header + "".join(rows))
    started = good(got, 202)
    assert set(started) == {"worker_unique_id", "status", "server_time"}
    assert started["status"] == "pending"
    told = desk.wait(started["worker_unique_id"])
    assert {k: v for k, v in told.items() if not k.endswith("_at")} == {
        "worker_unique_id": started["worker_unique_id"], "type": "submission_import",
        "status": "done", "total": 5, "succeeded": 3, "failed": 2, "has_errors": True,
    }  # fmt: skip
    assert told["created_at"] <= told["started_at"] <= told["finished_at"] <= time.time()
    made = desk.submissions()
    assert [each["items"].get("title") for each in made] == [
        "Façade", 'zwei; "Zeilen"\nhier', "fünf"
    ]  # fmt: skip
    assert {each["user_id"] for each in made} == {str(desk.number)}
    first = made[0]["items"]
    assert first["amount"] == 1.5
    assert first["done"] is True
    assert first["at"] == 1777615200
    assert first["state"] == ["1", "2"]

    file = desk.errors(told["worker_unique_id"])
    assert file.status_code == 200
    assert file.headers["content-type"] == "application/octet-stream"
    assert file.headers["x-content-type-options"] == "nosniff"
    assert int(file.headers["content-length"]) == len(file.content)
    name = f"errors_{told['worker_unique_id']}.csv"
    assert file.headers["content-disposition"].startswith("attachment")
    assert name in file.headers["content-disposition"]
    assert desk.errors(told["worker_unique_id"]).content == file.content
    head = desk.http.head(str(file.url))
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(file.content)))
    assert file.content.startswith("\ufeffuserEmail;title;amount;done;at;state#name;#line".encode())
    bad = cells(file.content, ";")
    assert [(row["#line"], row["#field"], codes(row)) for row in bad] == [
        ("5", "amount", ["BAD_NUMBER"]),
        (
            "6",
            "amount | done | at | state | userEmail",
            ["BAD_NUMBER", "BAD_BOOLEAN", "BAD_DATE", "LIST_VALUE_UNKNOWN", "USER_NOT_FOUND"],
        ),
    ]
    assert bad[1]["title"] == "=1+1"  # untouched: it must come in when it is sent again
    assert bad[1]["userEmail"] == "nobody@example.org"

    text = file.content.decode()
    corrections = {
        "abc": "3", "1,5": "2", "vrai": "true", "nobody@example.org": desk.email,
        "T08:00:00;": "T08:00:00Z;", "Ouvert": "Open",
    }  # fmt: skip
    for wrong, right in corrections.items():
        text = text.replace(wrong, right, 1)
    again = desk.run(text)
    assert (again["succeeded"], again["failed"], again["has_errors"]) == (2, 0, False)
    assert [each["items"]["title"] for each in desk.submissions()][3:] == ["drei", "=1+1"]
    refused(desk.errors(again["worker_unique_id"]), 404, "FIL007", [{"status": "done"}])


def test_modes(desk: Desk) -> None:
    """DX-40, DX-42: add with a number, update without, an unknown one; absent and empty cells."""
    photo = desk.instance.upload()
    first = desk.form.create(title="eins", amount=3, photo=[photo])
    number = first["submission_number"]
    head, mine = "userEmail,submissionNumber,title", desk.email
    assert desk.refusals(f"{head}\n{mine},{number},x", mode="add") == [
        ("2", "submissionNumber", ["NUMBER_NOT_ALLOWED"])
    ]
    assert desk.refusals(f"{head}\n{mine},,x\n{mine},999,x\n{mine},x1,x", mode="update") == [
        ("2", "submissionNumber", ["REQUIRED"]),
        ("3", "submissionNumber", ["UNKNOWN_SUBMISSION"]),
        ("4", "submissionNumber", ["BAD_NUMBER"]),
    ]
    other = desk.instance.structure({"id": "title", "type": "text"}).create(title="anders")
    assert desk.refusals(f"{head}\n{mine},{other['submission_number']},x") == [
        ("2", "submissionNumber", ["UNKNOWN_SUBMISSION"])
    ]
    assert desk.refusals(f"{head},amount,photo\n{mine},{number},neu,,\n{mine},,zwei,,") == []
    changed, made = desk.submissions()
    assert "amount" not in changed["items"]
    assert changed["items"]["title"] == "neu"
    assert changed["items"]["photo"] == first["items"]["photo"]
    assert changed["user_id"] == first["user_id"] != str(desk.number)
    assert (made["items"], made["user_id"]) == ({"title": "zwei"}, str(desk.number))


def test_a_file_that_was_uploaded(desk: Desk) -> None:
    """DX-31, DX-39, DX-38: linked by the start, once; a refused start links nothing."""
    uuid = desk.instance.upload(f"userEmail,title\n{desk.email},a\n".encode())
    refused(desk.name(uuid, mode="wrong"), 400, "API1000")
    assert desk.instance.file(uuid)["state"] == "held"
    started = good(desk.name(uuid.upper()), 202)
    refused(desk.name(uuid), 409, "FIL005", [{"field": "file", "file": uuid}])
    assert desk.wait(started["worker_unique_id"])["succeeded"] == 1
    refused(desk.name(uuid), 409, "FIL005", [{"field": "file", "file": uuid}])
    refused(desk.form.post(items={"title": "x", "photo": [uuid]}), 409, "FIL005")
    refused(desk.name(UNKNOWN), 400, "FIL004", [{"field": "file", "file": UNKNOWN}])
    refused(desk.name("abc"), 400, "API1000")
    path = f"{desk.form.path}/import"
    for body in ([uuid], {"file": 7}, {}):
        got = desk.http.post(path, json=body, params={"structure_id": desk.form.id})
        refused(got, 400, "API1000")
    assert desk.http.delete(f"/consigne/v1/files/{uuid}").status_code == 409


def test_files_in_cells(desk: Desk) -> None:
    """DX-31, DX-35, DX-42, DX-46: uuids link once; each reason has its code."""
    one, two, text = desk.instance.upload(), desk.instance.upload(PNG + b"2"), "no picture"
    plain = desk.instance.upload(text.encode())
    head, mine = "userEmail,title,photo", desk.email
    rows = [f"{one}|{two}", one, plain, UNKNOWN, "https://files.example/a.png"]
    found = desk.refusals("\n".join([head, *(f"{mine},t{i},{row}" for i, row in enumerate(rows))]))
    assert found == [
        ("3", "photo", ["FILE_ALREADY_LINKED"]),
        ("4", "photo", ["FILE_TYPE"]),
        ("5", "photo", ["FILE_UNKNOWN"]),
        ("6", "photo", ["FILE_DOWNLOAD_FAILED"]),
    ]
    (made,) = desk.submissions()
    assert [each["id"] for each in made["items"]["photo"]] == [one, two]
    assert desk.instance.file(plain)["state"] == "held"


@pytest.mark.parametrize(
    ("data", "line", "code"),
    [
        (b"title\nx\n", "1", "MISSING_COLUMN"),
        (b"userEmail,nope\nx,y\n", "1", "UNKNOWN_COLUMN"),
        (b"userEmail,title#name\nx,y\n", "1", "UNKNOWN_COLUMN"),
        (b"userEmail,state#name,state#external\nx,y,z\n", "1", "DUPLICATE_COLUMN"),
        (b"userEmail,title,TITLE\nx,y,z\n", "1", "DUPLICATE_COLUMN"),
        ("userEmail,title\nx,é\n".encode("cp1252"), "0", "BAD_ENCODING"),
        ("userEmail,title\nx,y\n".encode("utf-16"), "0", "BAD_ENCODING"),
        (PNG, "0", "NOT_CSV"),
        (b"\n\r\n", "0", "NOT_CSV"),
        (b'userEmail,title\nx,"' + b"y" * (5 << 20) + b'"\n', "0", "NOT_CSV"),
    ],
)  # fmt: skip
def test_whole_file_faults(desk: Desk, data: bytes, line: str, code: str) -> None:
    """DX-47: nothing is saved, `failed`, one row."""
    told = desk.run(data)
    assert (told["status"], told["total"], told["has_errors"]) == ("failed", None, True)
    (row,) = cells(desk.errors(told["worker_unique_id"]).content)
    assert set(row) == {"#line", "#field", "#error"}
    assert (row["#line"], codes(row)) == (line, [code])
    assert desk.submissions() == []


def test_rows_of_all_shapes(desk: Desk) -> None:
    """DX-41, DX-46, DX-47: mixed line ends, blank lines, rows too short and too long, old marks."""
    mine = desk.email
    data = (
        f"userEmail\ttitle\t#error\tamount\r{mine}\ta\told\t1\n\n{mine}\tb\r\n"
        f"{mine}\tc\told\t1\tmore\tand\r\n   \r\n{mine}\t\told\t-1\r{mine}\td\t\t"
    )
    told = desk.run(data)
    assert (told["total"], told["succeeded"], told["failed"]) == (5, 2, 3)
    text = desk.errors(told["worker_unique_id"]).content.decode()
    lines = text.split("\r\n")
    assert lines[0] == "userEmail\ttitle\tamount\t#line\t#field\t#error"
    assert lines[1].startswith(f"{mine}\tb\t\t4\t\tMALFORMED_ROW: ")
    assert lines[2].startswith(f"{mine}\tc\t1\t5\t\tMALFORMED_ROW: ")
    assert lines[2].endswith("\tmore\tand")
    (row,) = cells(text.encode(), "\t")[2:]
    assert (row["#line"], row["#field"], codes(row)) == (
        "7", "amount | title", ["BAD_VALUE", "REQUIRED"],
    )  # fmt: skip


def test_workers(desk: Desk, stranger: Instance) -> None:
    """DX-10, DX-45, DX-49: newest first; nobody else's; no uuid is no route."""
    mine = [desk.run(f"userEmail,title\n{desk.email},{i}")["worker_unique_id"] for i in range(3)]
    path = f"{desk.instance.path}/workers"
    told = good(desk.http.get(path, params={"limit": 2}))
    assert [each["worker_unique_id"] for each in told["workers"]] == mine[:0:-1]
    assert (told["total_count"], told["total_pages"]) == (3, 2)
    last = good(desk.http.get(path, params={"limit": 2, "page": 2, "fields": "worker_unique_id"}))
    assert last["workers"] == [{"worker_unique_id": mine[0]}]
    errors = f"{desk.instance.path}/files/download_errors"
    for worker in ("abc", "1-2"):
        refused(desk.http.get(f"{path}/{worker}"), 404, "API1002")
        refused(desk.http.get(f"{errors}/{worker}"), 404, "API1002")
    for worker in (UNKNOWN, NOBODY):
        refused(desk.http.get(f"{path}/{worker}"), 404, "FIL007", [])
        refused(desk.http.get(f"{errors}/{worker}"), 404, "FIL007", [])
    refused(stranger.admin.get(f"{stranger.path}/workers/{mine[0]}"), 404, "FIL007", [])
    refused(
        stranger.admin.get(f"{stranger.path}/files/download_errors/{mine[0]}"), 404, "FIL007", []
    )
    assert good(stranger.admin.get(f"{stranger.path}/workers"))["workers"] == []


def test_what_a_start_refuses(desk: Desk, stranger: Instance) -> None:
    """DX-04, DX-16, DX-39: right, parameters and shape; nothing stays."""
    writer = desk.instance.person("writer").http
    data = f"userEmail,title\n{desk.email},a\n"
    refused(desk.send(data, http=writer), 403, "AUT002", [{"right": "manage"}])
    refused(writer.get(f"{desk.instance.path}/workers"), 403, "AUT002")
    path = f"{desk.instance.path}/files/download_errors/{UNKNOWN}"
    refused(writer.get(path), 403, "AUT002")
    refused(desk.send(data, http=stranger.admin), 404, "APP001")
    refused(desk.send(data, structure_id="x"), 400, "API1000")
    refused(desk.send(data, structure_id=None), 400, "API1000")
    refused(desk.send(data, structure_id=999_999), 404, "API1003")
    refused(desk.send(data, mode="replace"), 400, "API1000")
    refused(desk.send(b""), 400, "FIL001")
    refused(desk.send(data, headers={"Content-Encoding": "gzip"}), 415, "FIL009")
    refused(
        desk.send(data, headers={"Content-Type": "multipart/form-data; boundary=x"}), 415, "FIL009"
    )
    refused(desk.send(data, headers={"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}), 400, "FIL001")
    head = (
        f"POST {desk.form.path}/import?structure_id={desk.form.id} HTTP/1.1\nHost: 127.0.0.1\n"
        f"Authorization: {desk.http.headers['authorization']}\nContent-Length: {101 << 20}"
    )
    with raw_request(desk.instance.server, head) as connection:
        # Head and body may come one by one; the server closes behind them.
        assert b"DAERR-FIL002" in connection.makefile("rb").read()
    assert desk.instance.files() == []
    assert desk.instance.books() == (0, 0)


def test_a_repeated_start(desk: Desk) -> None:
    """DX-37: with its key an import is the one that there is; other content is refused."""
    data, key = f"userEmail,title\n{desk.email},a\n", {"headers": {"Idempotency-Key": "k1"}}
    first = good(desk.send(data, **key), 202)["worker_unique_id"]
    assert good(desk.send(data, **key), 202)["worker_unique_id"] == first
    desk.wait(first)
    again = good(desk.send(data, **key), 202)
    assert (again["worker_unique_id"], again["status"]) == (first, "done")
    refused(desk.send(data + "\n", **key), 409, "SUB002")
    refused(desk.send(data, mode="add", **key), 409, "SUB002")
    assert len(desk.submissions()) == 1
    assert len(desk.instance.files()) == 1
    uuid = desk.instance.upload(data.encode())
    named = {"headers": {"Idempotency-Key": "k2"}}
    second = good(desk.name(uuid, **named), 202)["worker_unique_id"]
    assert good(desk.name(uuid, **named), 202)["worker_unique_id"] == second
    desk.wait(second)


def test_kill_9_halfway(start_server: ServerStarter) -> None:
    """DX-44, DX-49, C-52: after a crash no row is lost and none is there twice."""
    server = start_server(env={"CONSIGNE_JOB_LEASE": "1"})
    desk = Desk.open(found_instance(server))
    rows = 1000
    data = "userEmail,title,amount\n" + "".join(
        f"{desk.email},row {i},{-1 if i % 10 == 0 else i}\n" for i in range(rows)
    )
    worker = good(desk.send(data), 202)["worker_unique_id"]
    while (desk.worker(worker)["succeeded"] or 0) < 200:
        time.sleep(0.005)
    infos = desk.errors(worker).json()["infos"]
    server.kill9()
    assert infos == [{"status": "running"}]
    server.start()
    told = desk.wait(worker)
    assert (told["total"], told["succeeded"], told["failed"]) == (rows, 900, 100)
    titles = _all_titles(desk)
    assert sorted(titles) == sorted(f"row {i}" for i in range(rows) if i % 10)
    bad = cells(desk.errors(worker).content)
    assert [int(row["#line"]) for row in bad] == [i + 2 for i in range(0, rows, 10)]
    server.terminate()


def _all_titles(desk: Desk) -> list[str]:
    titles, page = [], 1
    while True:
        params: dict[str, str | int] = {"structure_id": desk.form.id, "limit": 500, "page": page}
        found = good(desk.http.get(desk.form.path, params=params))["submissions"]
        if not found:
            return titles
        titles += [each["items"]["title"] for each in found]
        page += 1


def test_a_cancelled_import(desk: Desk) -> None:
    """DX-45, C-56: it belongs to who started it, and can be cancelled; the next one goes on."""
    rows = "".join(f"{desk.email},{i}\n" for i in range(3000))
    worker = good(desk.send("userEmail,title\n" + rows), 202)["worker_unique_id"]
    next_one = good(desk.send(f"userEmail,title\n{desk.email},last\n"), 202)["worker_unique_id"]
    assert desk.worker(next_one)["status"] == "pending"
    got = desk.http.delete(f"/consigne/v1/jobs/{worker}")
    assert got.status_code in (200, 204), got.text
    assert desk.worker(worker)["status"] == "failed"
    assert desk.wait(next_one)["succeeded"] == 1
    refused(desk.errors(worker), 404, "FIL007", [{"status": "failed"}])


def test_ten_thousand_columns(desk: Desk) -> None:
    """DX-41: a header of any width; the answer names what is unknown, briefly."""
    names = ",".join(f"#c{i}" for i in range(10_000))
    cell = ",".join("x" * 3 for _ in range(10_000))
    told = desk.run(f"userEmail,title,{names}\n{desk.email},a,{cell}\n")
    assert told["succeeded"] == 1


def test_a_full_space(desk: Desk) -> None:
    """DX-48: what was refused can be read even where there is no room for a byte."""
    data = f"userEmail,title\n{desk.email},\n"
    desk.instance.set_quota(len(data))
    told = desk.run(data)
    assert told["failed"] == 1
    assert b"REQUIRED" in desk.errors(told["worker_unique_id"]).content
    desk.instance.set_quota(1)
    refused(desk.send(data), 507, "FIL003")


def test_other_keys(desk: Desk) -> None:
    """DX-03: no token, no import."""
    with httpx.Client(base_url=desk.instance.url) as nobody:
        refused(desk.send("x", http=nobody), 401, "AUT001")
