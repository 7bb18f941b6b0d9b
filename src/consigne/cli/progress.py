"""Progress of transfers: bars for people, silence otherwise. Safe to call from any thread."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from consigne.cli.output import Output, printable, size_text
from consigne.cli.remote import Remote


class Meter(Protocol):
    """Shows how far transfers are."""

    def begin(self, name: str, size: int) -> int:
        """Show a transfer of ``size`` bytes; return its number."""

    def advance(self, number: int, size: int) -> None:
        """Say that ``size`` more bytes are done."""

    def expect(self, files: int, size: int) -> None:
        """Say how much there is to do in all, from now on."""

    def end(self, number: int) -> None:
        """Take a transfer that ended off the screen."""


class Silent:
    """A meter for scripts."""

    def begin(self, name: str, size: int) -> int:
        return 0

    def advance(self, number: int, size: int) -> None:
        """Show nothing."""

    def expect(self, files: int, size: int) -> None:
        """Show nothing."""

    def end(self, number: int) -> None:
        """Show nothing."""


def advancing(meter: Meter, number: int, remote: Remote) -> Callable[[int, int | None], None]:
    """Return what a transfer tells how far it is; raises Stopped where somebody wants to stop."""
    shown = 0

    def progress(done: int, _: int | None) -> None:
        nonlocal shown
        remote.require_going_on()
        meter.advance(number, done - shown)
        shown = done

    return progress


@contextmanager
def meter(output: Output) -> Iterator[Meter]:
    """Give the meter that suits the output."""
    if not output.is_lively:
        yield Silent()
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TaskID,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description:<32.32}"),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        total = bars.add_task("in all", total=0, visible=False)
        expected = 0

        class Bars:
            def begin(self, name: str, size: int) -> int:
                return bars.add_task(escape(printable(name)), total=size)

            def advance(self, number: int, size: int) -> None:
                bars.advance(TaskID(number), size)
                bars.advance(total, size)

            def expect(self, files: int, size: int) -> None:
                nonlocal expected
                expected += size
                label = f"in all ({files} files)"
                bars.update(total, total=expected, visible=files > 1, description=label)

            def end(self, number: int) -> None:
                bars.remove_task(TaskID(number))

        yield Bars()


@contextmanager
def steps(output: Output) -> Iterator[Callable[[str, int, int], None]]:
    """Give the function that shows how far each step is (name, done, total or 0): bars for people,
    silence otherwise."""
    if not output.is_lively:
        yield lambda step, done, total: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("{task.description:<14}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bars:
        tasks = {}

        def show(step: str, done: int, total: int) -> None:
            if step not in tasks:
                tasks[step] = bars.add_task(step, total=total or None)
            bars.update(tasks[step], completed=done, total=total or None)

        yield show


@contextmanager
def contents(output: Output) -> Iterator[Callable[[int, int, int], None]]:
    """Give the function that shows how many contents are done (done, total or 0, bytes so far)."""
    if not output.is_lively:
        yield lambda done, total, size: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("contents"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bytes_done = TextColumn("{task.fields[size]}")
    with Progress(*columns, bytes_done, console=Console(stderr=True)) as bars:
        task = bars.add_task("contents", total=None, size="")

        def show(done: int, total: int, size: int) -> None:
            bars.update(task, completed=done, total=total or None, size=size_text(size))

        yield show
