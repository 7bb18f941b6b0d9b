"""The native API, as far as tests of webhooks need it."""

from typing import Any

import httpx
from receiver import Receiver

API = "/consigne/v1"
# How the servers of these tests run: they may send to this machine, and do not take long.
ENV = {
    "CONSIGNE_WEBHOOK_ALLOW_PRIVATE": "127.0.0.1",
    "CONSIGNE_WEBHOOK_TIME": "2",
    "CONSIGNE_WEBHOOK_PRE_TIME": "1",
    "CONSIGNE_WEBHOOK_RETRY_FIRST": "0.2",
    "CONSIGNE_WEBHOOK_EVERY": "0.1",
    "CONSIGNE_JOB_POLL": "0.05",
}


class Office:
    """An administrator of a space."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http

    def call(self, method: str, path: str, status: int = 200, **options: Any) -> Any:
        got = self.http.request(method, API + path, **options)
        assert got.status_code == status, f"{method} {path}: {got.status_code} {got.text}"
        return got.json() if got.content else None

    def webhook(self, receiver: Receiver, *events: str, **more: Any) -> Any:
        wish = {"name": "ledger", "url": receiver.url, "events": list(events), **more}
        return self.call("POST", "/webhooks", 201, json=wish)

    def upload(self, name: str = "a.txt", body: bytes = b"hello", **params: str) -> str:
        made = self.call("POST", "/files", 201, params={"name": name, **params}, content=body)
        return str(made["id"])

    def deliveries(self, number: int, **params: str) -> list[Any]:
        page = self.call("GET", f"/webhooks/{number}/deliveries", params=params)
        return list(page["deliveries"])

    def type(self, name: str = "PAPER", **more: Any) -> None:
        fields = [{"id": "title", "type": "text", "in_title": True}, {"id": "scan", "type": "file"}]
        self.call("POST", "/types", 201, json={"name": name, "fields": fields, **more})

    def record(self, status: int = 201, type: str = "PAPER", **wish: Any) -> Any:
        return self.call("POST", "/records", status, json={"type": type, **wish})
