"""What was promised to receivers survives any crash, and arrives at least once (DY-58)."""

import time

from hook_office import ENV, Office
from receiver import Receiver
from tests.parts.server import ServerStarter


def test_killed_at_any_instant_nothing_is_lost(
    start_server: ServerStarter, receiver: Receiver, soak_rounds: int
) -> None:
    """kill -9 in the middle of sending: every file that was acknowledged is told of, and each
    message that comes twice has the same id and body (DY-58, C-50)."""
    server = start_server(env=ENV)
    office = Office(server.client())
    made = office.webhook(receiver, "file.kept")
    slow = {"answers": 0}

    def answer(got: object) -> tuple[int, bytes]:
        slow["answers"] += 1
        if slow["answers"] % 3 == 0:
            time.sleep(0.3)
        return (500, b"") if slow["answers"] % 5 == 0 else (204, b"")

    receiver.answer = answer
    files: list[str] = []
    for round in range(min(soak_rounds, 5)):
        office = Office(server.client())
        files += [office.upload(f"{round}-{index}.txt", b"%d" % index) for index in range(4)]
        time.sleep(0.15 * round)
        server.kill9()
        server.start()
    office = Office(server.client())
    told = receiver.wait(
        lambda: {got.data["subject"] for got in receiver.got} >= set(files) or None, 90
    )
    assert told
    by_subject: dict[str, set[tuple[str, bytes]]] = {}
    for got in receiver.got:
        got.verify(made["secret"])
        by_subject.setdefault(got.data["subject"], set()).add((got.id, got.body))
    assert set(by_subject) == set(files)
    assert all(len(each) == 1 for each in by_subject.values())
    receiver.wait(lambda: len(office.deliveries(made["id"], state="delivered")) == len(files), 90)


def test_given_up_after_its_time(start_server: ServerStarter, receiver: Receiver) -> None:
    """What fails for the whole of its time fails, and the webhook is disabled and says why."""
    server = start_server(env=ENV | {"CONSIGNE_WEBHOOK_RETRY_FOR": "2"})
    office = Office(server.client())
    made = office.webhook(receiver, "file.kept")
    watching = office.webhook(
        receiver, "webhook.disabled", name="watch", url=receiver.url + "/watch"
    )
    receiver.answer = lambda got: (204, b"") if "watch" in got.path else (500, b"")
    office.upload()
    path = f"/webhooks/{made['id']}"
    receiver.wait(lambda: not office.call("GET", path)["active"])
    look = office.call("GET", path)
    assert look["reason"].startswith("Nothing has arrived since ")
    assert look["reason"].endswith("HTTP 500")
    (failed,) = office.deliveries(made["id"])
    assert (failed["state"], failed["status"]) == ("failed", 500)
    assert failed["attempts"] >= 3
    told = receiver.wait(lambda: receiver.of("webhook.disabled"))[0].verify(watching["secret"])
    assert told["data"]["subject"] == str(made["id"])
    receiver.answer = lambda got: (204, b"")
    office.call("POST", f"{path}/deliveries/{failed['id']}/replay", 409)
    office.call("PATCH", path, json={"active": True})
    office.call("POST", f"{path}/deliveries/{failed['id']}/replay", 202)
    receiver.wait(lambda: office.deliveries(made["id"], state="delivered"))
