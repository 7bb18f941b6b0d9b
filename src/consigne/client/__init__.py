"""A client of Consigne for Python, blocking and asynchronous; see docs/client.md.

>>> from consigne.client import Client
>>> with Client("https://files.example.org", key) as consigne:          # doctest: +SKIP
...     file = consigne.upload("scan.pdf", folder="Invoices/2026")
...     consigne.download(file, "copy.pdf")
"""

from consigne.client.awaiting import AsyncClient
from consigne.client.blocking import Client
from consigne.client.errors import (
    Changed,
    ClientError,
    Conflict,
    Corrupt,
    Denied,
    Missing,
    NoRoom,
    NotConsigne,
    Refused,
    Unavailable,
    Unreachable,
)
from consigne.client.things import File, Folder, Hit, Snippet, Version

__all__ = [
    "AsyncClient",
    "Changed",
    "Client",
    "ClientError",
    "Conflict",
    "Corrupt",
    "Denied",
    "File",
    "Folder",
    "Hit",
    "Missing",
    "NoRoom",
    "NotConsigne",
    "Refused",
    "Snippet",
    "Unavailable",
    "Unreachable",
    "Version",
]
