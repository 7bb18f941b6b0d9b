"""Fetch the peers and the load generator into `.cache/bench`; nothing is installed system-wide."""

import os
import subprocess
import sys
from pathlib import Path

from tests.parts.process import node

CACHE = Path(".cache/bench").resolve()


class MissingPart(RuntimeError):
    """Something that the benchmark needs cannot be had; the message says what."""


def debian_program(package: str, program: str, *libraries: str) -> tuple[Path, dict[str, str]]:
    """Unpack Debian packages and return a program of theirs with the environment it needs.

    The packages are only unpacked: no service is started, and root is not needed.
    """
    root = CACHE / "debian"
    path = root / program
    if not path.exists():
        folder = CACHE / "packages"
        folder.mkdir(parents=True, exist_ok=True)
        _run(["apt-get", "download", package, *libraries], cwd=folder, hint="apt-get update")
        for archive in folder.glob("*.deb"):
            _run(["dpkg", "--extract", str(archive), str(root)], cwd=folder)
            archive.unlink()
    found = ":".join(str(lib.parent) for lib in root.glob("usr/lib/*/lib*.so*"))
    return path, {"LD_LIBRARY_PATH": found}


def python_program(package: str, program: str) -> tuple[Path, str]:
    """Install a Python package into an environment of its own; return a program and the version."""
    environment = CACHE / "python"
    python = environment / "bin/python"
    if not python.exists():
        _run([sys.executable, "-m", "venv", "--upgrade-deps", str(environment)])
    path = environment / "bin" / program
    if not path.exists():
        _run([str(python), "-m", "pip", "install", "--quiet", package])
    code = f"from importlib.metadata import version; print(version({package!r}))"
    return path, _run([str(python), "-c", code]).strip()


def node_packages(*packages: str) -> tuple[Path, str]:
    """Install npm packages into a folder; return it and the version of the first package."""
    folder = CACHE / "node"
    folder.mkdir(parents=True, exist_ok=True)
    manifest = folder / "node_modules" / packages[0] / "package.json"
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "NODE_USE_SYSTEM_CA": "1",
    }
    if not manifest.exists():
        command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder)]
        _run([*command, *packages], environment=environment)
    code = f"console.log(require({str(manifest)!r}).version)"
    return folder, _run([str(node()), "-e", code]).strip()


def _run(
    command: list[str],
    *,
    cwd: Path | None = None,
    environment: dict[str, str] | None = None,
    hint: str = "",
) -> str:
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env=os.environ | (environment or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
        )
    except FileNotFoundError as error:
        raise MissingPart(f"'{command[0]}' is missing") from error
    except subprocess.CalledProcessError as error:
        advice = f" (perhaps '{hint}' helps)" if hint else ""
        raise MissingPart(f"{' '.join(command)} failed{advice}:\n{error.stderr}") from error
    return done.stdout
