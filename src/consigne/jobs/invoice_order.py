"""What the child that looks for invoices is told: one value, as JSON on its command line."""

import msgspec


class InvoiceOrder(msgspec.Struct, frozen=True):
    """Memory in bytes, ``cpu`` in seconds, ``parent`` the process without which it ends."""

    memory: int
    cpu: int
    parent: int

    def dump(self) -> str:
        return msgspec.json.encode(self).decode()

    @staticmethod
    def parse(text: str) -> "InvoiceOrder":
        return msgspec.json.decode(text, type=InvoiceOrder)
