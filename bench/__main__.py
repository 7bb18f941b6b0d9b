"""Measure Consigne and its peers side by side: `make bench`, or `python -m bench --help`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import httpx

from bench.load import LargeFile, LoadError, Wrk
from bench.memory import measure_memory
from bench.parts import MissingPart
from bench.peers.consigne import Consigne
from bench.peers.nginx import Nginx
from bench.peers.peer import Peer, Running, scratch_folder
from bench.peers.pocketbase import PocketBase
from bench.peers.seaweedfs import SeaweedFS
from bench.peers.tus import Tus
from bench.report import Report
from bench.rows import Stand, resident_memory

PEERS: dict[str, type[Peer]] = {
    "consigne": Consigne,
    "nginx": Nginx,
    "pocketbase": PocketBase,
    "tus": Tus,
    "seaweedfs": SeaweedFS,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; return the exit status."""
    options = _parse(arguments)
    with scratch_folder() as name, Running() as running:
        folder = Path(name)
        if options.memory:
            print(measure_memory(Consigne(folder / "consigne"), running, folder))
            return 0
        stands = _start(options.peers, running, folder)
        if not stands:
            return 1
        report = _measure(stands, options, folder)
    print(report.table())
    print(f"\nWritten to {report.save()}")
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    add = parser.add_argument
    add("--rounds", type=int, default=3, help="rounds over all servers (default: 3)")
    add("--seconds", type=int, default=5, help="seconds per row of small requests (default: 5)")
    add("--size", type=int, default=256, help="MiB of the large file (default: 256)")
    add("--peers", nargs="+", choices=PEERS, default=list(PEERS), help="which servers, ours first")
    add("--memory", action="store_true", help="instead: ours with ten 2 GiB files in and out")
    return parser.parse_args(arguments)


def _start(names: Sequence[str], running: Running, folder: Path) -> list[Stand]:
    """Start and fill the servers; leave out, with a word, those that cannot be had."""
    stands = []
    for name in names:
        peer = PEERS[name](folder / name)
        _say(f"{peer.name}: install, start, seed …")
        try:
            peer.install()
            running.start(peer)
            stand = Stand(peer, folder / f"{name}.paths")
            stand.seed()
        except (MissingPart, RuntimeError, httpx.HTTPError) as error:
            _say(f"{peer.name} is left out: {error}")
        else:
            stands.append(stand)
    return stands


def _measure(stands: list[Stand], options: argparse.Namespace, folder: Path) -> Report:
    """Go over all servers round by round, each time beginning with another one."""
    settings = {"rounds": options.rounds, "seconds": options.seconds, "large_mib": options.size}
    report = Report([stand.peer for stand in stands], settings)
    wrk, large = Wrk(options.seconds), LargeFile(folder, options.size << 20)
    for number in range(options.rounds):
        first = number % len(stands)
        for stand in stands[first:] + stands[:first]:
            _say(f"round {number + 1} of {options.rounds}: {stand.peer.name} …")
            try:
                for row, value in stand.round(wrk, large):
                    report.add(stand.peer, row, value)
            except LoadError as error:
                _say(f"{stand.peer.name}: the rest of this round is left out: {error}")
    for stand in stands:
        report.add(stand.peer, "memory", resident_memory(stand.peer.pid))
    return report


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
