"""Webhooks that are asked before a save, and told after it (DY-58, C-53)."""

import json
import time
from typing import Any

import pytest
from hook_office import Office
from receiver import Got, Receiver
from tests.parts.server import RunningServer


@pytest.fixture
def office(host: RunningServer) -> Office:
    office = Office(host.client())
    office.type("PAPER")
    return office


def said(status: int, answer: Any) -> Any:
    return lambda got: (
        status,
        answer if isinstance(answer, bytes) else json.dumps(answer).encode(),
    )


def state(office: Office) -> Any:
    usage = office.call("GET", "/spaces/default/usage")
    return usage, office.call("GET", "/records")["records"]


def test_a_webhook_vetoes(office: Office, receiver: Receiver) -> None:
    """It is told what a plug-in is told, signed; nothing is stored, the held file stays (DY-58)."""
    made = office.webhook(receiver, "pre_store", "pre_insert")
    receiver.answer = said(200, {"allow": False, "message": "not in August"})
    scan = office.upload("scan.txt", b"what was sent", hold="true")
    before = state(office)
    refused = office.record(422, values={"title": "One"}, files={"scan": scan})
    assert (refused["code"], refused["detail"]) == ("hook_refused", "not in August")
    assert state(office) == before
    assert office.call("GET", f"/files/{scan}")["state"] == "held"
    (got,) = receiver.got
    told = got.verify(made["secret"])
    assert told["type"] == "pre_store"
    data = told["data"]
    assert (data["action"], data["type"], data["space"]) == ("create", "PAPER", "default")
    assert (data["record"], data["changes"]) == (None, {"title": "One"})
    assert (data["principal"]["role"], data["principal"]["email"]) == ("admin", "admin@example.org")
    (file,) = data["files"]
    assert (file["id"], file["name"], file["field"], file["size"]) == (scan, "scan.txt", "scan", 13)
    assert "content_id" not in file

    receiver.answer = lambda got: (
        (422, b'{"message": "no scans"}') if got.type == "pre_insert" else (204, b"")
    )
    refused = office.record(422, values={"title": "One"}, files={"scan": scan})
    assert refused["detail"] == "no scans"
    for answer in (said(204, b""), said(200, {"allow": True}), said(200, {}), said(200, b" ")):
        receiver.answer = answer
        office.record(values={"title": "One"})


FAILURES: list[tuple[Any, str]] = [
    (said(500, {"message": "boom"}), "HTTP 500"),
    (said(404, b"<html>nothing here</html>"), "HTTP 404"),
    (said(302, b""), "HTTP 302"),
    (said(200, b"ok"), "no JSON object"),
    (said(200, {"allow": "perhaps"}), "no JSON object"),
    (said(200, [1]), "no JSON object"),
    (said(200, b"\xff\xfe"), "no JSON object"),
    (said(200, b"x" * 1_000_000), "no JSON object"),
    (lambda got: (time.sleep(3), (204, b""))[1], "No answer within 1 seconds"),
]


def test_a_webhook_that_fails_refuses_or_lets_pass(office: Office, receiver: Receiver) -> None:
    """The policy of each decides; the log has the failure (DY-58, C-53)."""
    made = office.webhook(receiver, "pre_store")
    path = f"/webhooks/{made['id']}"
    for answer, problem in FAILURES:
        receiver.answer = answer
        refused = office.record(422, values={"title": "One"})
        assert refused["code"] == "hook_refused"
        assert refused["detail"].startswith("The webhook 'ledger' gave no answer: "), refused
        assert problem in refused["detail"]
        logged = office.deliveries(made["id"], state="failed")[0]
        assert problem in logged["error"]
    receiver.close()
    assert "gave no answer" in office.record(422, values={"title": "One"})["detail"]
    assert office.call("GET", "/records")["records"] == []
    office.call("PATCH", path, json={"on_failure": "allow"})
    office.record(values={"title": "One"})
    office.call("PATCH", path, json={"on_failure": "refuse", "active": False})
    office.record(values={"title": "Two"})
    assert len(office.deliveries(made["id"])) == len(FAILURES) + 2


def test_which_types_ask(office: Office, receiver: Receiver) -> None:
    """A type may name the webhooks that it uses, a webhook the types (DY-60)."""
    office.type("QUIET", hooks=["another"])
    office.type("LOUD", hooks=["Ledger"])
    office.webhook(receiver, "pre_store", types=["LOUD", "QUIET"])
    receiver.answer = said(403, {"message": "no"})
    office.record(type="PAPER", values={"title": "a"})
    office.record(type="QUIET", values={"title": "b"})
    office.record(422, type="LOUD", values={"title": "c"})
    assert len(receiver.got) == 1


def test_post_store_is_told_once_after_the_commit(office: Office, receiver: Receiver) -> None:
    """Booked in the commit, so that a refused save tells nobody, and delivered like events are."""
    made = office.webhook(receiver, "pre_store", "post_store")

    def answer(got: Got) -> tuple[int, bytes]:
        if got.type == "pre_store" and got.data["changes"].get("title") == "no":
            return 400, b'{"message": "no"}'
        return 204, b""

    receiver.answer = answer
    office.record(422, values={"title": "no"})
    kept = office.record(values={"title": "yes"})
    got = receiver.wait(lambda: receiver.of("post_store"))[0]
    told = got.verify(made["secret"])["data"]
    assert (told["record"]["uuid"], told["record"]["title"]) == (kept["id"], "yes")
    receiver.wait(lambda: office.deliveries(made["id"], state="delivered"))
    office.call("POST", f"/webhooks/{made['id']}/ping", 202)
    receiver.wait(lambda: receiver.of("consigne.ping"))
    assert len(receiver.of("post_store")) == 1
