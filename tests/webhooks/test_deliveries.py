"""Events that are posted to others: signed, retried, logged, replayed; none is lost (DY-58)."""

import json
from typing import Any

import httpx
import pytest
from hook_office import Office
from receiver import Receiver
from standardwebhooks.webhooks import WebhookVerificationError
from tests.parts.server import RunningServer

SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def office(host: RunningServer) -> Office:
    return Office(host.client())


def test_an_event_arrives_signed(office: Office, receiver: Receiver, host: RunningServer) -> None:
    """Standard Webhooks: id, time, signature, as the library of others has them (DY-58, C-05)."""
    made = office.webhook(receiver, "file.kept")
    file = office.upload(body=b"some bytes")
    got = receiver.wait(lambda: receiver.of("file.kept"))[0]
    told = got.verify(made["secret"])
    assert told["type"] == "file.kept"
    assert told["timestamp"].endswith("Z")
    data = told["data"]
    assert (data["subject"], data["space"], data["record"]) == (file, "default", None)
    assert got.headers["content-type"] == "application/json"
    assert got.headers["user-agent"].startswith("Consigne/")
    with pytest.raises(WebhookVerificationError):
        got.verify(SECRET)
    got.body += b" "
    with pytest.raises(WebhookVerificationError):
        got.verify(made["secret"])

    def delivered() -> Any:
        return [each for each in office.deliveries(made["id"]) if each["state"] == "delivered"]

    (one,) = receiver.wait(delivered)
    assert (one["message"], one["event"], one["status"]) == (got.id, "file.kept", 204)
    assert (one["attempts"], one["error"], one["next_at"]) == (1, None, None)
    whole = office.call("GET", f"/webhooks/{made['id']}/deliveries/{one['id']}")
    assert whole["payload"]["data"]["subject"] == file
    look = office.call("GET", f"/webhooks/{made['id']}")
    assert "secret" not in look
    assert look["succeeded_at"] is not None
    assert receiver.wait(lambda: "webhook_sent" in host.log)
    assert "Traceback" not in host.log


def test_only_what_is_wanted_comes(office: Office, receiver: Receiver) -> None:
    """Filters by event and by the type of the record (DY-58)."""
    office.upload("before.txt")  # told of to nobody: the webhook came later
    office.type("PAPER")
    office.type("OTHER")
    files = office.webhook(receiver, "file.*", name="files", url=receiver.url + "/files")
    office.webhook(
        receiver, "record.*", "file.linked", name="papers", types=["paper"],
        url=receiver.url + "/papers",
    )  # fmt: skip
    scan = office.upload("scan.txt", hold="true")
    other = office.record(type="OTHER", values={"title": "x"})
    mine = office.record(values={"title": "y"}, files={"scan": scan})
    office.call("DELETE", f"/records/{mine['id']}", 204, params={"purge": "true"})
    last = office.upload("last.txt")
    receiver.wait(lambda: [got for got in receiver.of("file.kept") if got.data["subject"] == last])
    papers = [got for got in receiver.got if got.path.endswith("/papers")]
    kinds = {got.type for got in papers}
    assert {"record.created", "file.linked"} <= kinds
    assert {got.data["record"]["type"] for got in papers} == {"PAPER"}
    assert other["id"] not in json.dumps([got.data for got in papers])
    assert {got.type.partition(".")[0] for got in receiver.got if got.path.endswith("/files")} == {
        "file"
    }
    log = office.deliveries(files["id"])
    assert "before.txt" not in json.dumps(log)


def test_a_failure_is_tried_again_under_the_same_id(office: Office, receiver: Receiver) -> None:
    """5xx, redirects, lost connections: again, later, the same id and body (DY-58)."""
    trouble = iter([(500, b"boom"), (302, b"", {"location": "http://127.0.0.1:1/"}), (429, b"")])
    receiver.answer = lambda got: next(trouble, (200, b"fine"))
    made = office.webhook(receiver, "file.kept")
    office.upload()
    receiver.wait(lambda: len(receiver.got) >= 4)
    assert len({got.id for got in receiver.got}) == 1
    assert len({got.body for got in receiver.got}) == 1
    for got in receiver.got:
        got.verify(made["secret"])

    def delivered() -> Any:
        return [each for each in office.deliveries(made["id"]) if each["state"] == "delivered"]

    (one,) = receiver.wait(delivered)
    assert (one["attempts"], one["status"], one["response"]) == (4, 200, "fine")
    assert office.call("GET", f"/webhooks/{made['id']}")["failed_at"] is not None


def test_replay_ping_and_pages(office: Office, receiver: Receiver) -> None:
    """A message can be had again under its id; a test message is no event (DY-58)."""
    made = office.webhook(receiver, "file.kept")
    number = made["id"]
    for index in range(5):
        office.upload(f"{index}.txt")
    receiver.wait(lambda: len(office.deliveries(number, state="delivered")) == 5)
    first = office.call("GET", f"/webhooks/{number}/deliveries", params={"limit": "2"})
    seen = [each["id"] for each in first["deliveries"]]
    cursor = first["next"]
    while cursor:
        params = {"limit": "2", "cursor": cursor}
        page = office.call("GET", f"/webhooks/{number}/deliveries", params=params)
        seen += [each["id"] for each in page["deliveries"]]
        cursor = page["next"]
    assert len(seen) == len(set(seen)) == 5

    one = first["deliveries"][0]
    office.call("POST", f"/webhooks/{number}/deliveries/{one['id']}/replay", 202)
    again = receiver.wait(lambda: [g for g in receiver.got if g.id == one["message"]][1:])
    assert again[0].verify(made["secret"])["type"] == "file.kept"

    sent = office.call("POST", f"/webhooks/{number}/ping", 202)
    got = receiver.wait(lambda: receiver.of("consigne.ping"))[0]
    assert got.id == sent["message"]
    assert got.verify(made["secret"])["data"] == {"space": "default", "webhook": "ledger"}


def test_rotation(office: Office, receiver: Receiver) -> None:
    """For a while both secrets sign; then only the new one. A secret may be one's own (C-05)."""
    made = office.webhook(receiver, "file.kept", secret=SECRET)
    assert made["secret"] == SECRET
    path = f"/webhooks/{made['id']}"
    both = office.call("POST", f"{path}/rotate", json={"overlap": 3600})
    assert both["secret"] != SECRET
    assert both["old_secret_until"] is not None
    office.call("POST", f"{path}/ping", 202)
    got = receiver.wait(lambda: list(receiver.got))[0]
    got.verify(SECRET)
    got.verify(both["secret"])
    alone = office.call("POST", f"{path}/rotate", json={"overlap": 0})
    office.call("POST", f"{path}/ping", 202)
    got = receiver.wait(lambda: receiver.got[1:])[0]
    got.verify(alone["secret"])
    for old in (SECRET, both["secret"]):
        with pytest.raises(WebhookVerificationError):
            got.verify(old)


def test_disabled_by_hand_and_by_the_receiver(office: Office, receiver: Receiver) -> None:
    """What waits is put aside, and sent when the webhook is enabled again; 410 disables (DY-58)."""
    made = office.webhook(receiver, "file.kept")
    path = f"/webhooks/{made['id']}"
    receiver.answer = lambda got: (503, b"")
    office.upload()
    receiver.wait(lambda: receiver.got)
    off = office.call("PATCH", path, json={"active": False})
    assert (off["active"], off["reason"]) == (False, "Disabled by hand.")
    office.call("POST", f"{path}/ping", 409)
    assert [each["state"] for each in office.deliveries(made["id"])] == ["paused"]
    receiver.answer = lambda got: (204, b"")
    on = office.call("PATCH", path, json={"active": True})
    assert (on["active"], on["reason"]) == (True, None)
    receiver.wait(lambda: office.deliveries(made["id"], state="delivered"))
    receiver.answer = lambda got: (410, b"")
    office.upload()
    receiver.wait(lambda: not office.call("GET", path)["active"])
    assert "410" in office.call("GET", path)["reason"]
    assert office.deliveries(made["id"], state="failed")[0]["status"] == 410


def test_nobody_else_may(host: RunningServer, office: Office, receiver: Receiver) -> None:
    """Webhooks are for those who administer the space (C-02)."""
    made = office.webhook(receiver, "file.kept")
    user = {"email": "m@example.org", "password": "a password for tests"}
    office.call("POST", "/users", 201, json=user)
    office.call("PUT", "/spaces/default/members/m@example.org", json={"role": "manager"})
    login = {"login": user["email"], "password": user["password"]}
    token = office.call("POST", "/session", 201, json=login)["token"]
    manager = httpx.Client(
        base_url=host.url + "/consigne/v1",
        headers={"Authorization": f"Bearer {token}", "X-Consigne-Space": "default"},
    )
    one = f"/webhooks/{made['id']}"
    for method, path in (
        ("GET", "/webhooks"), ("POST", "/webhooks"), ("GET", one), ("PATCH", one), ("DELETE", one),
        ("POST", f"{one}/ping"), ("POST", f"{one}/rotate"), ("GET", f"{one}/deliveries"),
    ):  # fmt: skip
        body = {"name": "x", "url": receiver.url, "events": ["*"]}
        got = manager.request(method, path, json=body if path == "/webhooks" else {})
        assert (got.status_code, got.json()["code"]) == (403, "right_missing"), (method, path)


BAD = [
    ({"url": "ftp://example.org/"}, "url"),
    ({"url": "http://"}, "url"),
    ({"url": "http://user:pass@example.org/"}, "url"),
    ({"url": "http://example.org/#part"}, "url"),
    ({"url": "http://example.org:0/"}, "url"),
    ({"url": "http://exämple.org/"}, "url"),
    ({"url": "http://example.org/\r\nx: y"}, "url"),
    ({"url": "file:///etc/passwd"}, "url"),
    ({"events": []}, "events"),
    ({"events": ["file.keept"]}, "events"),
    ({"events": ["nothing.*"]}, "events"),
    ({"types": ["NOWHERE"]}, "types"),
    ({"name": "no spaces"}, "name"),
    ({"name": ""}, "name"),
    ({"secret": "whsec_c2hvcnQ="}, "secret"),
    ({"secret": "whsec_???"}, "secret"),
]


def test_bad_input(office: Office, receiver: Receiver) -> None:
    """Each is refused by name, and leaves nothing (C-02)."""
    good = {"name": "ledger", "url": receiver.url, "events": ["file.kept"]}
    for wrong, parameter in BAD:
        got = office.http.post("/consigne/v1/webhooks", json=good | wrong)
        assert got.status_code == 400, (wrong, got.text)
        assert got.json()["parameter"] == parameter, (wrong, got.text)
    for broken in (b"{", b'{"name": 1}', b"[]", b'{"name":"a","url":"b","events":["*"],"x":1}'):
        got = office.http.post(
            "/consigne/v1/webhooks", content=broken, headers={"Content-Type": "application/json"}
        )
        assert (got.status_code, got.json()["code"]) == (400, "bad_body"), got.text
    assert office.call("GET", "/webhooks")["webhooks"] == []
    made = office.webhook(receiver, "file.kept")
    again = office.http.post("/consigne/v1/webhooks", json=good | {"name": "LEDGER"})
    assert (again.status_code, again.json()["code"]) == (409, "name_taken")
    for path in ("/webhooks/0", "/webhooks/x", "/webhooks/99999999999999999999"):
        assert office.call("GET", path, 404)["code"] == "webhook_not_found"
    for ident in ("x", "11111111-1111-4111-8111-111111111111"):
        path = f"/webhooks/{made['id']}/deliveries/{ident}"
        assert office.call("GET", path, 404)["code"] == "webhook_not_found"
        assert office.call("POST", f"{path}/replay", 404)["code"] == "webhook_not_found"
    office.call("GET", f"/webhooks/{made['id']}/deliveries", 400, params={"state": "lost"})
    office.call("GET", f"/webhooks/{made['id']}/deliveries", 400, params={"cursor": "x"})
    for wrong, _ in BAD:
        if "secret" not in wrong:
            office.call("PATCH", f"/webhooks/{made['id']}", 400, json=wrong)
    look = office.call("GET", f"/webhooks/{made['id']}")
    assert (look["name"], look["url"], look["updated_at"]) == ("ledger", receiver.url, None)
    office.call("DELETE", f"/webhooks/{made['id']}", 204)
    office.call("DELETE", f"/webhooks/{made['id']}", 404)
