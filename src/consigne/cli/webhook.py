"""``consigne webhook``: webhooks of a space, over the native API. A secret is shown once."""

import time
from typing import Any

import click

from consigne.cli.exits import HELP, Exit, Failure
from consigne.cli.output import Output, with_output
from consigne.cli.remote import Remote, remote_options

_PATH = "/webhooks"
_WAIT = 60.0


@click.group(epilog=HELP)
def webhook() -> None:
    """Make webhooks and see what was delivered to them; for administrators of the space."""


@webhook.command(epilog=HELP)
@click.argument("name")
@click.argument("target", metavar="URL")
@click.option("--event", "events", multiple=True, required=True, metavar="EVENT",
              help="file.kept, record.*, *, or a point such as pre_store; repeatable.")  # fmt: skip
@click.option("--type", "types", multiple=True, metavar="TYPE",
              help="Only what is about records of this type; repeatable.")  # fmt: skip
@click.option("--on-failure", type=click.Choice(["refuse", "allow"]), default="refuse",
              show_default=True, help="What becomes of a save that gets no answer.")  # fmt: skip
@with_output
@remote_options
def add(
    output: Output,
    name: str,
    target: str,
    events: tuple[str, ...],
    types: tuple[str, ...],
    on_failure: str,
    remote: Remote,
) -> None:
    """Make a webhook and print its secret."""
    wish = {
        "name": name, "url": target, "events": list(events), "types": list(types),
        "on_failure": on_failure,
    }  # fmt: skip
    made = remote.json("POST", _PATH, body=wish)
    if output.as_json:
        output.json(made)
    output.line(made["secret"])
    output.notice(f"Made the webhook {made['id']}. Its secret is shown only now.")


@webhook.command("ls", epilog=HELP)
@with_output
@remote_options
def list_webhooks(output: Output, remote: Remote) -> None:
    """List the webhooks of the space."""
    found = list(remote.pages(_PATH, "webhooks", []))
    if output.as_json:
        for each in found:
            output.json(each)
        return
    output.table(
        ("id", "name", "url", "events", "state"),
        ((str(each["id"]), each["name"], each["url"], ",".join(each["events"]),
          "active" if each["active"] else each["reason"] or "disabled") for each in found),
    )  # fmt: skip


@webhook.command(epilog=HELP)
@click.argument("number", type=int, metavar="ID")
@with_output
@remote_options
def rm(output: Output, number: int, remote: Remote) -> None:
    """Delete a webhook with its log."""
    remote.call("DELETE", f"{_PATH}/{number}")
    if output.as_json:
        output.json({"id": number, "deleted": True})
    output.line(f"Deleted the webhook {number}.")


@webhook.command(epilog=HELP)
@click.argument("number", type=int, metavar="ID")
@with_output
@remote_options
def enable(output: Output, number: int, remote: Remote) -> None:
    """Enable a webhook, and send what was put aside for it."""
    _switch(output, remote, number, active=True)


@webhook.command(epilog=HELP)
@click.argument("number", type=int, metavar="ID")
@with_output
@remote_options
def disable(output: Output, number: int, remote: Remote) -> None:
    """Disable a webhook; what is to be sent waits."""
    _switch(output, remote, number, active=False)


@webhook.command(epilog=HELP)
@click.argument("number", type=int, metavar="ID")
@with_output
@remote_options
def rotate(output: Output, number: int, remote: Remote) -> None:
    """Give a webhook another secret and print it; for a day the old one signs, too."""
    rotated = remote.json("POST", f"{_PATH}/{number}/rotate", body={}, again=False)
    if output.as_json:
        output.json(rotated)
    output.line(rotated["secret"])
    output.notice("The secret is shown only now.")


@webhook.command(epilog=HELP)
@click.argument("number", type=int, metavar="ID")
@with_output
@remote_options
def ping(output: Output, number: int, remote: Remote) -> None:
    """Send a test message and wait for what comes of it."""
    sent = remote.json("POST", f"{_PATH}/{number}/ping", body={})
    deadline = time.monotonic() + _WAIT
    while sent["state"] == "pending" and time.monotonic() < deadline:
        time.sleep(0.2)
        sent = remote.json("GET", f"{_PATH}/{number}/deliveries/{sent['id']}")
    if sent["state"] != "delivered":
        raise Failure(
            f"The message did not arrive: {sent['error'] or sent['state']}",
            rule="webhook", hint="Check the URL, and that the receiver answers with 2xx.",
            exit=Exit.FAILED,
        )  # fmt: skip
    if output.as_json:
        output.json(sent)
    output.line(f"Delivered: HTTP {sent['status']} after {sent['duration']} ms.")


@webhook.command(epilog=HELP)
@click.argument("number", type=int, metavar="ID")
@click.option("--state", type=click.Choice(["pending", "paused", "delivered", "failed"]),
              help="Only deliveries in this state.")  # fmt: skip
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True,
              help="How many, the newest first.")  # fmt: skip
@with_output
@remote_options
def log(output: Output, number: int, state: str | None, limit: int, remote: Remote) -> None:
    """List what was sent, or is to be."""
    params = [("limit", str(limit)), *([("state", state)] if state else [])]
    page = remote.json("GET", f"{_PATH}/{number}/deliveries", params=params)
    if output.as_json:
        for each in page["deliveries"]:
            output.json(each)
        return
    output.table(
        ("id", "at", "event", "state", "attempts", "last"),
        ((each["id"], each["created_at"], each["event"], each["state"], str(each["attempts"]),
          each["error"] or str(each["status"] or "")) for each in page["deliveries"]),
    )  # fmt: skip


@webhook.command(epilog=HELP)
@click.argument("number", type=int, metavar="ID")
@click.argument("delivery")
@with_output
@remote_options
def replay(output: Output, number: int, delivery: str, remote: Remote) -> None:
    """Send a message once more. DELIVERY as 'webhook log' shows it."""
    sent: Any = remote.json("POST", f"{_PATH}/{number}/deliveries/{delivery}/replay", body={})
    if output.as_json:
        output.json(sent)
    output.line(f"{sent['message']} is sent once more.")


def _switch(output: Output, remote: Remote, number: int, *, active: bool) -> None:
    changed = remote.json("PATCH", f"{_PATH}/{number}", body={"active": active})
    if output.as_json:
        output.json(changed)
    output.line(f"The webhook {number} is {'active' if active else 'disabled'}.")
