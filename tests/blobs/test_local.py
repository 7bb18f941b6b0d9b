"""What only the local driver can be asked: order of writes, damage on disk, several processes."""

import asyncio
import errno
import os
import secrets
import sqlite3
import subprocess
import sys
import time
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from blob_support import Fields, chunks, leftovers, stored

from consigne.blobs import local_stage
from consigne.blobs.bucket import Bucket
from consigne.blobs.driver import KeyMissing, NoSpace
from consigne.blobs.handles import Handles
from consigne.blobs.local import LocalDriver
from consigne.blobs.small import SmallStore
from consigne.errors import Corrupt, StorageFull
from consigne.testing.blobs import listed

MIB = 1 << 20
BLOCK = 256 * 1024


@pytest.fixture
async def local(tmp_path: Path) -> AsyncIterator[Bucket]:
    bucket = Bucket(LocalDriver(tmp_path / "store"))
    await bucket.open()
    yield bucket
    await bucket.close()


@pytest.fixture
def driver(local: Bucket) -> LocalDriver:
    """The bucket's driver."""
    driver = local._driver
    assert isinstance(driver, LocalDriver)
    return driver


def damage(driver: LocalDriver, key: str, at: int, *, cut: bool = False) -> None:
    """Flip a byte of a content at ``at``, or end it there."""
    if key[0] == "s":
        connection = sqlite3.connect(driver._root / "small.db", isolation_level=None)
        id = bytes.fromhex(key[2:])
        (data,) = connection.execute("SELECT data FROM content WHERE id = ?", (id,)).fetchone()
        bad = data[:at] if cut else data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        connection.execute("UPDATE content SET data = ? WHERE id = ?", (bad, id))
        connection.close()
        return
    with driver._path(key).open("r+b") as file:
        if cut:
            file.truncate(at)
            return
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))


async def delivered(bucket: Bucket, fields: Fields, offset: int = 0) -> tuple[bytes, Corrupt]:
    """Read until Corrupt; return what came before it."""
    got = b""
    try:
        async for piece in bucket.read(*fields, offset):
            got += piece
    except Corrupt as error:
        return got, error
    raise AssertionError("the damage was not noticed")


@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize(
    ("size", "at"),
    [(100, 50), (32768, 0), (100_000, 99_999), (BLOCK + 1, BLOCK), (3 * MIB, 2 * MIB + 5)],
)
async def test_damage_is_found(
    driver: LocalDriver, local: Bucket, size: int, at: int, cut: bool
) -> None:
    """A flipped byte or a cut is found, and no byte of its block leaves (C-22, C-25)."""
    data = os.urandom(size)
    fields = await stored(local, data)
    assert await local.read_all(*fields) == data  # the handle is open by now
    damage(driver, fields[0], at, cut=cut)
    got, error = await delivered(local, fields)
    assert data.startswith(got)
    assert len(got) <= at - at % BLOCK
    assert error.details["problem"] == ("truncated" if cut else "block")
    with pytest.raises(Corrupt):
        await local.read_all(*fields)
    if not cut:
        assert error.details["block"] == at // BLOCK
        before = [piece async for piece in local.read(*fields, 0, at - at % BLOCK)]
        assert b"".join(before) == data[: at - at % BLOCK]
    with pytest.raises(Corrupt):
        _ = [piece async for piece in local.read(*fields, at, 1)]


async def test_a_mangled_database_is_corrupt(driver: LocalDriver, local: Bucket) -> None:
    """A page of small.db that SQLite itself rejects is Corrupt too, not a crash (C-25)."""
    fields = await stored(local, os.urandom(30_000))
    await driver.close()
    path = driver._root / "small.db"
    raw = path.read_bytes()
    path.write_bytes(raw[:16384] + b"\xff" * (len(raw) - 16384))
    driver._small = SmallStore(path)
    try:
        driver._small._reader = driver._small._connect()
        with pytest.raises(Corrupt):
            await local.read_all(*fields)
    finally:
        path.write_bytes(raw)
        await driver.open()


async def test_order_of_a_commit(
    driver: LocalDriver, local: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes are synchronised before they get their name, the name before the answer (C-20)."""
    steps: list[str] = []
    for name in ("fsync", "link", "ftruncate"):
        plain = getattr(os, name)

        def spy(*arguments: object, plain: object = plain, name: str = name) -> None:
            what = arguments[0]
            folder = isinstance(what, int) and os.path.isdir(f"/proc/self/fd/{what}")
            plain(*arguments)  # type: ignore[operator]
            steps.append(name + (" folder" if folder else ""))

        monkeypatch.setattr(os, name, spy)
    await stored(local, bytes(100_000))
    assert steps == ["ftruncate", "fsync", "link", "fsync folder"]


async def test_a_part_is_durable(local: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """An accepted part is synchronised, and so is the name of its stage (C-23)."""
    steps: list[str] = []
    monkeypatch.setattr(os, "fdatasync", lambda fd: steps.append("bytes"))
    monkeypatch.setattr(os, "fsync", lambda fd: steps.append("name"))
    await local.append("0" * 32, 0, chunks(b"x"))
    assert steps == ["bytes", "name"]


async def test_a_late_commit_is_new(driver: LocalDriver) -> None:
    """A content is as old as its commit, or the sweeper's age guard would not guard it (C-20)."""
    name = secrets.token_hex(16)
    stage = await driver.stage(name)
    await stage.write(0, b"slowly")
    os.utime(driver._staging / name, (1, 1))
    await stage.commit(6)
    (found,) = await listed(driver.keys())
    assert abs(found.modified_at / 1000 - time.time()) < 60


async def test_a_shrunk_stage_is_not_padded(driver: LocalDriver) -> None:
    """A commit never invents zeros for bytes that the stage has lost."""
    name = secrets.token_hex(16)
    stage = await driver.stage(name)
    await stage.write(0, b"123456")
    os.truncate(driver._staging / name, 3)
    with pytest.raises(OSError, match="lost bytes"):
        await stage.commit(6)
    await stage.discard()


async def test_a_committed_stage_does_not_change(local: Bucket) -> None:
    """A part that comes after the commit never reaches the content's bytes (C-20, C-23)."""
    name, data = secrets.token_hex(16), os.urandom(100_000)
    await local.append(name, 0, chunks(data))
    draft = await local.finish(name, len(data))
    key = await draft.store()
    with pytest.raises(OSError, match="has been committed"):
        await local.append(name, 0, chunks(b"late"))
    with pytest.raises(OSError, match="has been committed"):
        await (await local.finish(name, 50_000)).store()
    again = await (await local.finish(name, len(data))).store()
    await local.abandon(name)
    for each in (key, again):
        verdict = await local.verify(each, draft.size, draft.sha256, draft.block_size, draft.blocks)
        assert verdict.ok


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
@pytest.mark.parametrize("call", ["pwrite", "fsync", "link"])
async def test_full_disk(
    local: Bucket, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    """However the system says "full", it is StorageFull, and nothing stays."""

    def full(*arguments: object) -> None:
        raise OSError(number, "full")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        with pytest.raises(StorageFull):
            await stored(local, bytes(100_000))
    assert await leftovers(local) == (0, 0)


async def test_a_failed_folder_sync_takes_the_name_back(
    local: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A content whose name may not be durable is not left in place under it."""
    plain = os.fsync

    def fsync(fd: int) -> None:
        if os.path.isdir(f"/proc/self/fd/{fd}"):
            raise OSError(errno.EIO, "bad disk")
        plain(fd)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        with pytest.raises(OSError, match="bad disk"):
            await stored(local, bytes(100_000))
    assert await leftovers(local) == (0, 0)


async def test_full_database(driver: LocalDriver) -> None:
    """SQLite's "database or disk is full" is NoSpace, and the next put works."""
    await driver.put(b"x")
    store = driver._small
    plain = store._apply
    reply: list[Exception | None] = []

    def apply(connection: sqlite3.Connection, batch: list[object]) -> Exception | None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
        reply.append(plain(connection, batch))  # type: ignore[arg-type]
        connection.execute("PRAGMA max_page_count = 1000000")
        return reply[-1]

    store._apply = apply  # type: ignore[method-assign, assignment]
    with pytest.raises(NoSpace):
        await driver.put(os.urandom(100_000))
    del store._apply
    key = await driver.put(b"again")
    assert await driver.get(key, 0, 5) == b"again"


async def test_who_waits_writes_for_all(driver: LocalDriver) -> None:
    """One thread that waits for a promise makes all that were given durable, in one transaction."""
    batches: list[int] = []
    store = driver._small
    plain = store._apply

    def apply(connection: sqlite3.Connection, batch: list[object]) -> Exception | None:
        batches.append(len(batch))
        return plain(connection, batch)  # type: ignore[arg-type]

    store._apply = apply  # type: ignore[method-assign, assignment]
    made = [driver.promise(b"%d" % number) for number in range(20)]
    promised = [each for each in made if each is not None]
    assert batches == []
    await asyncio.to_thread(promised[7][1].wait)
    assert batches == [20]
    for _, promise in promised:
        promise.wait()
    assert batches == [20]
    found = [await driver.get(key, 0, 9) for key, _ in promised]
    assert found == [b"%d" % number for number in range(20)]


async def test_large_bodies_are_written_while_they_arrive(
    driver: LocalDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system begins to write before the last byte is in, every 8 MiB."""
    begun: list[int] = []
    plain = local_stage.begin_writing

    def noted(fd: int) -> None:
        begun.append(os.fstat(fd).st_size >> 20)
        plain(fd)

    monkeypatch.setattr(local_stage, "begin_writing", noted)
    stage = await driver.stage("0" * 32)
    for number in range(20):
        await stage.write(number << 20, bytes(1 << 20))
    assert begun == [8, 16]
    key = await stage.commit(20 << 20)
    await stage.discard()
    assert await driver.get(key, (20 << 20) - 1, 9) == b"\0"


async def test_a_cancelled_put_leaves_nothing(driver: LocalDriver) -> None:
    """Nobody knows the key of a cancelled put, so its bytes go."""
    tasks = [asyncio.create_task(driver.put(bytes(1000))) for _ in range(50)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    last = await driver.put(b"behind what the writer had taken")
    await driver.delete(last)  # and behind what it then had to remove
    assert await listed(driver.keys()) == []


async def test_handles_close_when_nobody_reads(tmp_path: Path) -> None:
    """A descriptor outlives its place in the cache as long as a reader uses it, not longer."""
    handles = Handles(limit=1, idle=0.01)
    fds = [os.open(tmp_path, os.O_RDONLY) for _ in range(3)]
    one = handles.add("one", fds[0])
    two = handles.add("two", fds[1])  # pushes "one" out
    os.fstat(fds[0])
    handles.give(one)
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(fds[0])
    again = handles.add("two", fds[2])  # two readers missed at once: the second is not kept
    handles.give(again)
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(fds[2])
    handles.give(two)
    assert handles.take("two") is two
    handles.give(two)
    await asyncio.sleep(0.05)
    assert handles.take("two") is None
    handles.close()


async def test_reads_work_without_nowait(driver: LocalDriver, local: Bucket) -> None:
    """A file system without RWF_NOWAIT is read in threads."""
    data = os.urandom(100_000)
    fields = await stored(local, data)
    driver._nowait = False
    assert await local.read_all(*fields) == data
    assert await local.read_all(*fields) == data


async def test_constant_memory(tmp_path: Path) -> None:
    """512 MiB pass through with a few blocks of memory."""
    bucket = Bucket(LocalDriver(tmp_path / "store", sync=False))
    await bucket.open()
    chunk = os.urandom(65536)

    async def source() -> AsyncIterator[bytes]:
        for _ in range(512 * MIB // len(chunk)):
            yield chunk

    tracemalloc.start()
    try:
        async with await bucket.draft(source()) as draft:
            assert draft.size == 512 * MIB
        assert tracemalloc.get_traced_memory()[1] < 16 * MIB
    finally:
        tracemalloc.stop()
    await bucket.close()


WRITER = """
import asyncio, sys
from pathlib import Path
from consigne.blobs.local import LocalDriver

async def main():
    driver = LocalDriver(Path(sys.argv[1]))
    await driver.open()
    async def work(number):
        for step in range(25):
            key = await driver.put(f"{sys.argv[2]} {number} {step}".encode())
            if step % 5 == 4:
                await driver.delete(key)
            else:
                print(key, sys.argv[2], number, step)
    await asyncio.gather(*map(work, range(8)))
    await driver.close()

asyncio.run(main())
"""


async def test_many_processes(driver: LocalDriver) -> None:
    """Several processes put and delete in one folder at once; nothing is lost or mixed up."""
    processes = [
        subprocess.Popen(  # noqa: ASYNC220  (they work while we put, too)
            [sys.executable, "-c", WRITER, str(driver._root), str(number)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    ours = [await driver.put(b"ours") for _ in range(20)]
    outputs = await asyncio.gather(*(asyncio.to_thread(each.communicate) for each in processes))
    assert [each.returncode for each in processes] == [0] * 4
    expected = dict.fromkeys(ours, b"ours")
    for out, _ in outputs:
        for line in out.splitlines():
            key, _, text = line.partition(" ")
            expected[key] = text.encode()
    assert len(expected) == 20 + 4 * 8 * 20
    for key, data in expected.items():
        assert await driver.get(key, 0, 100) == data
    assert {each.key for each in await listed(driver.keys())} == set(expected)


async def test_killed_in_the_middle(tmp_path: Path) -> None:
    """After kill -9 every key that was answered has its bytes (C-20)."""
    code = WRITER.replace("range(25)", "range(10**9)").replace("print(", "print(flush=True, *(")
    code = code.replace("number, step)\n    await", "number, step))\n    await")
    root = tmp_path / "store"
    process = subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-c", code, str(root), "0"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    lines = [await asyncio.to_thread(process.stdout.readline) for _ in range(200)]
    process.kill()
    rest = await asyncio.to_thread(process.stdout.read)
    process.wait()
    process.stdout.close()
    driver = LocalDriver(root)
    await driver.open()
    answered = [*lines, *rest.splitlines(keepends=True)]
    for line in answered:
        key, _, text = line.rstrip("\n").partition(" ")
        if line.endswith("\n"):
            assert await driver.get(key, 0, 100) == text.encode()
    with pytest.raises(KeyMissing):
        await driver.get("s-" + "0" * 32, 0, 1)
    await driver.close()
