"""Plug-ins that tests write, in a folder as ``pip install --target`` makes it."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.parts.sites import Site

from consigne.catalog import jobs
from consigne.core.outbox import Outbox
from consigne.core.secrets import Secrets, master_key
from consigne.jobs.hooks import KIND, HookDesk

# What it does follows from the title of the record that is saved, so that one plug-in serves all.
WHIMS = """
import hashlib, json, os, signal, socket, sys, time
from pathlib import Path

from consigne.plugins import hookimpl

DIARY = Path(os.environ["TEST_DIARY"])


def note(ctx, **more):
    line = {"point": ctx.point, "action": ctx.action, "pid": os.getpid(),
            "space": ctx.space, "type": ctx.type, "who": ctx.principal.email,
            "role": ctx.principal.role, "changes": dict(ctx.changes),
            "record": ctx.record and ctx.record.id, "document": ctx.document and ctx.document.title,
            "redelivered": ctx.redelivered,
            "files": [[f.field, f.index, f.name, f.detected_type, f.size] for f in ctx.files]}
    with DIARY.open("a") as diary:
        diary.write(json.dumps(line | more) + "\\n")


def act(ctx):
    title = str(ctx.changes.get("ct_title") or "")
    at, _, whim = title.partition(" ")
    if at != ctx.point:
        return None
    if whim == "hang":
        time.sleep(600)
    if whim == "raise":
        raise RuntimeError("not today")
    if whim == "exit":
        sys.exit("enough")
    if whim == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if whim == "eat":
        return "x" * (1 << 40)
    if whim == "rubbish":
        return 42
    if whim == "surrogate":
        return "no \\ud800 way"
    if whim == "print":
        print("a line that must not get into the talk")
        sys.stdout.flush()
        return None
    if whim == "look":
        handles = {os.readlink(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd")
                   if os.path.exists(f"/proc/self/fd/{n}")}
        return json.dumps({"environ": sorted(os.environ), "handles": sorted(handles)})
    if whim == "read":
        return " ".join(hashlib.sha256(f.open().read()).hexdigest() for f in ctx.files)
    return whim or None


@hookimpl
def consigne_pre_store(ctx):
    note(ctx)
    return act(ctx)


@hookimpl
def consigne_pre_insert(ctx):
    note(ctx)
    return act(ctx)


@hookimpl
def consigne_post_store(ctx):
    note(ctx)
    return act(ctx)


def whimsical(field, value, record, index):
    if value == "hang":
        time.sleep(600)
    if value == "raise":
        raise RuntimeError("not today")
    if value == "die":
        os._exit(3)
    answers = {"text": "not like that", "false": False, "true": True, "empty": "",
               "suggest": ("no such colour", ["red", "blue"]), "rubbish": 7}
    return answers.get(value)


def starts_with_pdf(field, value, record, index):
    with value.open() as file:
        return file.read(4) == b"%PDF" or f"{value.name} in row {index} is no PDF"


@hookimpl
def consigne_constraints():
    return {"whimsical": whimsical, "is_pdf": starts_with_pdf}
"""

BROKEN = "raise ImportError('a library is missing')\n"


def write_plugin(folder: Path, name: str = "whims", source: str = WHIMS) -> Path:
    """Write a plug-in into a folder and return the folder."""
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.py").write_text(source)
    facts = folder / f"{name}-1.0.dist-info"
    facts.mkdir(exist_ok=True)
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(f"[consigne.plugins]\n{name} = {name}\n")
    return folder


@dataclass
class Hooked:
    """A site with plug-ins, and what they have written down."""

    site: Site
    desk: HookDesk
    diary: Path

    async def rewrite(self, source: str) -> None:
        """Give the plug-in another source; a new process loads it."""
        folder = self.diary.parent / "plugins"
        shutil.rmtree(folder / "__pycache__", ignore_errors=True)
        (folder / "whims.py").write_text(source)
        await self.desk._pool.close()

    async def jobs(self) -> int:
        """Return how many saves plug-ins are still to be told of."""
        return int(await self.site.run(lambda tx: jobs.count(tx, kind=KIND)))

    def notes(self, *points: str) -> list[dict[str, Any]]:
        if not self.diary.exists():
            return []
        lines = [json.loads(line) for line in self.diary.read_text().splitlines()]
        return [line for line in lines if not points or line["point"] in points]


def hook_up(site: Site) -> HookDesk:
    """Give a site the hooks that the application would give it."""
    depot, settings = site.depot, site.settings
    keeper = Secrets(depot.catalog, master_key(settings.master_key, settings.data_path))
    outbox = Outbox(depot.catalog, keeper, settings)
    desk = HookDesk(depot.catalog, depot.bucket, outbox, settings)
    depot.records._hooks = desk
    return desk
