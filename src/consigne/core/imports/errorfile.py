"""The error file: the refused rows as they came, with what is wrong with each (DX-46, DX-47).

It can be corrected and sent as it is. So cells stay untouched, those that a spreadsheet would take
for a formula too.
"""

import csv
import io
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Sequence

from consigne.core.imports.columns import Columns
from consigne.core.imports.csvs import Row, Table
from consigne.model.imports import Fault, ImportRow

MARKS = ("#line", "#field", "#error")
_JOINT = " | "
_FLUSH = 64 << 10
_BOM = "\ufeff"

Faulty = Callable[[int], Awaitable[Sequence[ImportRow]]]
"""Returns some of the refused rows behind a line, in their order; none: there are no more."""


async def error_file(
    table: Table, rows: AsyncIterable[list[Row]], columns: Columns, faulty: Faulty
) -> AsyncIterator[bytes]:
    """Yield the error file: header and refused rows of ``rows``, which begin with the header."""
    sheet = _Sheet(table)
    page = list(await faulty(0))
    kept = [index for index in range(columns.width) if index not in columns.ignored]
    is_first, at = True, 0
    async for batch in rows:
        for row in batch:
            if is_first:
                sheet.begin(table)
                sheet.write([*(row.cells[index] for index in kept), *MARKS])
                is_first = False
                continue
            if page[at].line != row.line:
                continue
            cells = [row.cells[index] if index < len(row.cells) else "" for index in kept]
            more = row.cells[columns.width :]
            sheet.write([*cells, str(row.line), *_told(page[at].found), *more])
            at += 1
            if at == len(page):
                page, at = list(await faulty(row.line)), 0
            if not page:
                break
        if sheet.size > _FLUSH or not page:
            yield sheet.take()
        if not page:
            return


def whole_file_error(line: int, faults: Sequence[Fault], delimiter: str) -> bytes:
    """Return the error file of a file that cannot be imported at all: one row."""
    table = Table()
    table.delimiter = delimiter
    sheet = _Sheet(table)
    sheet.begin(table)
    sheet.write(MARKS)
    sheet.write([str(line), *_told(faults)])
    return sheet.take()


class _Sheet:
    """CSV under construction, in the manner of the file that it is about."""

    def __init__(self, table: Table) -> None:
        self._text = io.StringIO(newline="")
        self._writer = csv.writer(self._text)
        self.begin(table)

    def begin(self, table: Table) -> None:
        """Take over delimiter and BOM, which are known once the header is."""
        self._text = io.StringIO(newline="")
        self._text.write(_BOM if table.has_bom else "")
        self._writer = csv.writer(self._text, delimiter=table.delimiter, lineterminator="\r\n")

    @property
    def size(self) -> int:
        return self._text.tell()

    def write(self, cells: Sequence[str]) -> None:
        self._writer.writerow(cells)

    def take(self) -> bytes:
        data = self._text.getvalue().encode()
        self._text.seek(0)
        self._text.truncate()
        return data


def _told(faults: Sequence[Fault]) -> tuple[str, str]:
    fields = _JOINT.join(fault.field for fault in faults)
    return fields, _JOINT.join(f"{fault.code}: {fault.text}" for fault in faults)
