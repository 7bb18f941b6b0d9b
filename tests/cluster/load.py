"""Mixed load by clients that try again as good ones do, and what was acknowledged to them."""

import asyncio
import base64
import hashlib
import os
import random
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from tests.parts.server import KEY

API = "/consigne/v1"
SIZES = (0, 1, 4_000, 40_000, 300_000, 2 << 20)
PATIENCE = 180.0  # for one request and all its repetitions
TUS = {"Tus-Resumable": "1.0.0"}


def digest_of(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


class Clients:
    """Clients at one address, until ``stop`` is called.

    ``files``: what each file must be, as SHA-256, None: deleted. ``acknowledged``: answers with a
    2xx to something that changes the vault. ``refused``: what was tried again, by its reason: a 503
    (which must carry ``Retry-After``) or a connection that broke. Anything else ends the load.
    """

    def __init__(self, url: str, seed: int) -> None:
        self.files: dict[str, str | None] = {}
        self.acknowledged = 0
        self.refused: Counter[str] = Counter()
        self._url = url
        self._random = random.Random(seed)
        self._claimed: set[str] = set()
        self._over = False

    def stop(self) -> None:
        """Let each client finish what it is at."""
        self._over = True

    async def run(self, each: int = 2) -> None:
        """Work until ``stop``."""
        works = (self._post, self._replace, self._delete, self._read, self._tus, self._appmixer)
        async with self.http() as client, asyncio.TaskGroup() as group:
            for work in works * each:
                group.create_task(self._forever(client, work))

    def http(self) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {KEY}"}
        return httpx.AsyncClient(base_url=self._url, headers=headers, timeout=60)

    async def send(
        self, client: httpx.AsyncClient, method: str, path: str, **more: Any
    ) -> tuple[httpx.Response, bool]:
        """Send a request until the answer is anything but 503; say whether it was repeated."""
        deadline, is_repeated = time.monotonic() + PATIENCE, False
        while True:
            try:
                answer = await client.request(method, path, **more)
            except httpx.TransportError as error:
                self.refused["connection"] += 1
                why: object = repr(error)
            else:
                if answer.status_code != 503:
                    return answer, is_repeated
                assert answer.headers.get("retry-after"), f"{method} {path}: {answer.text}"
                self.refused["503"] += 1
                why = answer.text
            assert time.monotonic() < deadline, f"{method} {path} is refused for ever: {why}"
            is_repeated = True
            await asyncio.sleep(0.2)

    async def compare(self) -> None:
        """Read every file; each must be what was acknowledged last."""
        async with self.http() as client:
            for file_id, expected in self.files.items():
                answer, _ = await self.send(client, "GET", f"{API}/files/{file_id}/content")
                found = None if answer.status_code == 404 else digest_of(answer.content)
                assert found == expected, f"{file_id}: {answer.status_code}, {expected}"

    async def _forever(
        self, client: httpx.AsyncClient, work: Callable[[httpx.AsyncClient], Awaitable[None]]
    ) -> None:
        while not self._over:
            await work(client)

    def _body(self) -> bytes:
        return os.urandom(self._random.choice(SIZES))

    def _now_is(self, file_id: str, digest: str | None) -> None:
        self.files[file_id] = digest
        self.acknowledged += 1
        self._claimed.discard(file_id)

    async def _claim(self, client: httpx.AsyncClient) -> tuple[str, str]:
        """Choose a file that is there and nobody else works on; make one if there is none."""
        while True:
            free = [
                (file_id, digest)
                for file_id, digest in self.files.items()
                if digest and file_id not in self._claimed
            ]
            if free:
                found = self._random.choice(free)
                self._claimed.add(found[0])
                return found
            await self._post(client)

    async def _post(self, client: httpx.AsyncClient) -> None:
        body, headers = self._body(), {"Idempotency-Key": secrets.token_hex(8)}
        answer, _ = await self.send(
            client, "POST", f"{API}/files?name=a.bin", content=body, headers=headers
        )
        assert answer.status_code == 201, f"{answer.status_code} {answer.text}"
        self._now_is(answer.json()["id"], digest_of(body))

    async def _replace(self, client: httpx.AsyncClient) -> None:
        (file_id, _), body = await self._claim(client), self._body()
        answer, _ = await self.send(client, "PUT", f"{API}/files/{file_id}/content", content=body)
        assert answer.status_code == 200, f"{answer.status_code} {answer.text}"
        self._now_is(file_id, digest_of(body))

    async def _delete(self, client: httpx.AsyncClient) -> None:
        file_id, _ = await self._claim(client)
        answer, is_repeated = await self.send(client, "DELETE", f"{API}/files/{file_id}")
        done = (204, 404) if is_repeated else (204,)
        assert answer.status_code in done, f"{answer.status_code} {answer.text}"
        self._now_is(file_id, None)
        await self._post(client)

    async def _read(self, client: httpx.AsyncClient) -> None:
        """Read a file; an answer that breaks off is read again, one that ends is right."""
        file_id, digest = await self._claim(client)
        answer, _ = await self.send(client, "GET", f"{API}/files/{file_id}/content")
        assert answer.status_code == 200, f"{answer.status_code} {answer.text}"
        assert digest_of(answer.content) == digest
        self._claimed.discard(file_id)

    async def _tus(self, client: httpx.AsyncClient) -> None:
        """Send a file in two pieces, each from where the server says that it is."""
        body = os.urandom(self._random.choice((2, 50_000, 400_000)))
        name = f"filename {base64.b64encode(b't.bin').decode()}"
        headers = TUS | {"Upload-Length": str(len(body)), "Upload-Metadata": name}
        made, _ = await self.send(client, "POST", "/tus", headers=headers)
        assert made.status_code == 201, f"{made.status_code} {made.text}"
        url, offset = made.headers["location"], 0
        while offset < len(body):
            headers = TUS | {"Upload-Offset": str(offset)}
            headers["Content-Type"] = "application/offset+octet-stream"
            piece = body[offset : offset + len(body) // 2]
            answer, _ = await self.send(client, "PATCH", url, content=piece, headers=headers)
            if answer.status_code != 204:
                # The piece had arrived, and the answer was lost; or the lost one still holds it.
                assert answer.status_code in (409, 423), f"{answer.status_code} {answer.text}"
            answer, _ = await self.send(client, "HEAD", url, headers=TUS)
            assert answer.status_code == 200, answer.status_code
            offset = int(answer.headers["upload-offset"])
        self._now_is(answer.headers["x-consigne-file"], digest_of(body))

    async def _appmixer(self, client: httpx.AsyncClient) -> None:
        """Send a file in three chunks."""
        chunks = [os.urandom(self._random.choice((900, 70_000))) for _ in range(3)]
        file_id = ""
        for number, chunk in enumerate(chunks, 1):
            headers = {"uploader-chunk-number": str(number), "uploader-chunks-total": "3"}
            headers |= {"uploader-file-id": file_id} if file_id else {}
            files = {"file": ("part", chunk, "application/octet-stream")}
            answer, _ = await self.send(client, "POST", "/files", files=files, headers=headers)
            assert answer.status_code == 200, f"{answer.status_code} {answer.text}"
            file_id = answer.json()["fileId"]
        self._now_is(file_id, digest_of(b"".join(chunks)))
