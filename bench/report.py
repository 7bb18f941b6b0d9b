"""The result of a run: a table for people and a JSON file for later."""

import json
import os
import platform
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from bench.peers.peer import Peer
from bench.rows import ROWS, Row

RESULTS = Path(__file__).with_name("results")
NOTHING = "–"


@dataclass
class Report:
    """The samples of a run, by row and server; the first server is the one the ratios are about."""

    peers: list[Peer]
    settings: dict[str, object]
    samples: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    def add(self, peer: Peer, row: str, value: float) -> None:
        """Add a sample."""
        self.samples.setdefault(row, {}).setdefault(peer.name, []).append(value)

    def median(self, row: str, peer: Peer) -> float | None:
        """Return the middle of a server's samples, None if it has none."""
        samples = self.samples.get(row, {}).get(peer.name)
        return median(samples) if samples else None

    def ratio(self, row: str, peer: Peer) -> float | None:
        """Return ours divided by the peer's."""
        ours, theirs = self.median(row, self.peers[0]), self.median(row, peer)
        return ours / theirs if ours and theirs else None

    def table(self) -> str:
        """Lay out the medians, with the ratio of ours to each peer's in brackets."""
        lines = [["", *(f"{peer.name} {peer.version}" for peer in self.peers)]]
        for key, row in ROWS.items():
            lines.append([_label(row), *(self._cell(key, peer) for peer in self.peers)])
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        text = [
            line[0].ljust(widths[0])
            + "".join(
                f"  {cell.rjust(width)}" for cell, width in zip(line[1:], widths[1:], strict=True)
            )
            for line in lines
        ]
        notes = [f"  {peer.name}: {peer.durability}" for peer in self.peers]
        legend = (
            f"In brackets: {self.peers[0].name} divided by the peer; only ratios mean anything."
        )
        return "\n".join([*text, "", legend, "What a 2xx answer to an upload promises:", *notes])

    def save(self) -> Path:
        """Write everything as JSON; return where."""
        now = datetime.now(UTC)
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"{now:%Y-%m-%dT%H%M%SZ}.json"
        about = {peer.name: _about(peer) for peer in self.peers}
        rows = {
            key: {
                peer.name: {
                    "median": self.median(key, peer),
                    "ours_divided_by_it": self.ratio(key, peer),
                    "samples": self.samples.get(key, {}).get(peer.name, []),
                }
                for peer in self.peers
            }
            for key in ROWS
        }
        machine = {"cpus": os.cpu_count(), "kernel": platform.release()}
        machine["python"] = platform.python_version()
        content = {"date": now.isoformat(), "machine": machine, "settings": self.settings}
        path.write_text(json.dumps(content | {"servers": about, "rows": rows}, indent=2) + "\n")
        return path

    def _cell(self, row: str, peer: Peer) -> str:
        value, ratio = self.median(row, peer), self.ratio(row, peer)
        if value is None:
            return NOTHING
        if ratio is None or peer is self.peers[0]:
            return f"{value:,.0f}"
        return f"{value:,.0f} ({ratio:.2f})"


def _label(row: Row) -> str:
    hint = ", less is better" if row.less_is_better else ""
    return f"{row.title}, {row.unit}{hint}"


def _about(peer: Peer) -> dict[str, str]:
    return {"version": peer.version, "durability": peer.durability}
