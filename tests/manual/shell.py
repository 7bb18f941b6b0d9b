"""A terminal in which pages are typed."""

import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.parts.process import bound_to_us

from .snippets import Page, Step, agrees, steady

SHOWN_URL = "http://127.0.0.1:8080"
PATIENCE = 120.0
_PLACEHOLDER = re.compile(r"(?:export )?(\w+)=…(?:\s+#.*)?")
# The pages use ``last``, ``shown``, and ``ctrl_c``, which ends the server; ``running`` has the
# processes that end with the shell.
_PRELUDE = r"""
last() { python3 -c "import json, sys
found = json.load(open('.last'))
for key in sys.argv[1:]: found = found[int(key) if isinstance(found, list) else key]
print(found)" "$@"; }
shown() { python3 -c "import re, sys
blocks = re.findall('(?ms)^\`\`\`' + sys.argv[1] + '\n(.*?)^\`\`\`', open('.page').read())
print(blocks[int(sys.argv[2])])" "$@"; }
ctrl_c() {
    kill $SERVER_PID
    while grep -qs '^State:.[^ZX]' /proc/$SERVER_PID/status; do sleep 0.05; done
}
running=()
stays() {
    for i in $(seq 600); do
        grep -qE 'listening on|worker_started' $1 && return
        kill -0 $! 2>/dev/null || break
        sleep 0.1
    done
    cat $1
    return 1
}
"""


class Shell:
    """A bash in a folder, with the commands of this checkout; ``url`` is shown as SHOWN_URL."""

    def __init__(self, folder: Path, url: str, env: dict[str, str]) -> None:
        self._folder = folder
        self._url = url
        ours = {k: v for k, v in os.environ.items() if not k.startswith("CONSIGNE_")}
        bin_folder = str(Path(sys.executable).parent)
        self._env = ours | {
            "PATH": f"{bin_folder}:{os.environ['PATH']}:{env.get('FURTHER_PATH', '')}",
            "LC_ALL": "C.UTF-8",
            "COLUMNS": "100",
            "XDG_STATE_HOME": str(folder / ".state"),
            **env,
        }
        self._last = folder / ".last"
        self._bash = subprocess.Popen(
            bound_to_us(["bash", "--norc", "--noprofile"]),
            cwd=folder,
            env=self._env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.run(Step(_PRELUDE))

    def close(self) -> None:
        """End the shell, and what runs in it."""
        if self._bash.poll() is None:
            self.run(Step('kill "${running[@]}" 2>/dev/null; wait; true'))
        # All of its group: what a page has left running would hold the pipe, too.
        with suppress(ProcessLookupError):
            os.killpg(self._bash.pid, signal.SIGKILL)
        self._bash.wait()
        for pipe in (self._bash.stdin, self._bash.stdout):
            assert pipe
            with suppress(BrokenPipeError):
                pipe.close()

    def run(self, step: Step) -> tuple[str, int]:
        """Do a step; return what it printed, as a reader would see it, and its exit status."""
        if step.language == "python":
            program = self._folder / ".program.py"
            program.write_text(self._real(step.typed))
            command = f"{sys.executable} {program}"
        elif placeholder := _PLACEHOLDER.fullmatch(step.text.strip()):
            command = f'test -n "${placeholder[1]}" && export {placeholder[1]}'
        else:
            command = self._real(step.typed)
        if step.stays:
            bound = shlex.join(bound_to_us([]))
            log = f".stays-{step.line}"
            command = f"{{ exec {bound} {self._real(step.typed)}\n}} >{log} 2>&1 &\n"
            command += f"running+=($!); stays {log}"
        assert self._bash.stdin
        assert self._bash.stdout
        mark = f"--{os.urandom(8).hex()}--"
        self._bash.stdin.write(f"{{\n{command}\n}} </dev/null\nprintf '\\n{mark} %d\\n' $?\n")
        self._bash.stdin.flush()
        printed: list[str] = []
        watch = threading.Timer(PATIENCE, self._bash.kill)
        watch.start()
        try:
            for line in self._bash.stdout:
                if line.startswith(mark):
                    text = "".join(printed)[:-1]
                    self._last.write_text(text)
                    return self._shown(text), int(line.split()[1])
                printed.append(line)
        finally:
            watch.cancel()
        raise AssertionError(f"the shell ended in: {step.text}\n{''.join(printed)}")

    def _real(self, text: str) -> str:
        return text.replace(SHOWN_URL, self._url).replace(SHOWN_URL[7:], self._url[7:])

    def _shown(self, text: str) -> str:
        text = text.replace(self._url, SHOWN_URL).replace(self._url[7:], SHOWN_URL[7:])
        return text.replace(str(self._folder), "/home/ann")


def walk(page: Page, shell: Shell, seen: Callable[[Step, str], None] | None = None) -> None:
    """Do all steps of a page; an AssertionError says which one does not do what the page says."""
    for step in page.steps:
        printed, status = shell.run(step)
        place = f"{page.path.name}:{step.line}: {step.text.strip()}"
        assert status == step.status, f"{place}\nexit {status}, not {step.status}:\n{printed}"
        if seen is not None:
            seen(step, printed)
        elif step.shown is not None:
            assert agrees(step.shown, printed, mixed=step.mixed), (
                f"{place}\nshown:\n{step.shown}\nprinted:\n{printed}\n"
                f"--- without what varies:\n{steady(step.shown)}\n---\n{steady(printed)}"
            )
