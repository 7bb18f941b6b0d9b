"""The child process that looks for an invoice: ``python -m consigne.jobs.invoice_child``.

The one argument is the JSON of ``InvoiceOrder``. It says (see ``child``) nothing where the PDF
carries none, else::

    {"fields": {"number": "FA-118", …}}     once
    {"data": "…"}                           the XML as it is, in pieces, as base64
"""

import sys
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

from consigne.jobs import child
from consigne.jobs.invoice_order import InvoiceOrder

_PIECE = 768 << 10


def main(argv: list[str]) -> None:
    """Do what the order says."""
    order = InvoiceOrder.parse(argv[1])
    child.run(search, memory=order.memory, cpu=order.cpu, parent=order.parent)


def search() -> Iterator[dict[str, Any]]:
    """Yield the fields of the invoice, then its XML."""
    from consigne.jobs.facturx import embedded_xml, fields_of

    xml = embedded_xml(sys.stdin.buffer)
    if xml is not None:
        yield {"fields": fields_of(xml)}
        for at in range(0, len(xml), _PIECE):
            yield {"data": b64encode(xml[at : at + _PIECE]).decode()}


if __name__ == "__main__":
    main(sys.argv)
