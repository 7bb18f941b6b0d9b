"""What the OCR child is told to do: one value, passed as JSON on its command line."""

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Order:
    """``task``: "probe" counts pages, "read" reads them. Sizes in bytes, times in seconds."""

    task: str
    media_type: str
    languages: str
    max_pages: int
    max_pixels: int
    memory: int
    cpu: int
    page_time: float
    parent: int

    def dump(self) -> str:
        return json.dumps(asdict(self))

    @staticmethod
    def parse(text: str) -> "Order":
        return Order(**json.loads(text))
