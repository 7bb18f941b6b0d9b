"""From meters to the text that Prometheus reads (exposition format 0.0.4)."""

from collections.abc import Iterator

from consigne.meters.board import Board
from consigne.meters.meter import Counted, Gauge, Histogram, Meter, widths

CONTENT_TYPE = "text/plain; version=0.0.4"

_ESCAPED = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})

Values = dict[tuple[str, ...], list[float]]


class Sheet:
    """One answer to a scrape: what the processes of a board have counted, and gauges."""

    def __init__(self, board: Board) -> None:
        self._values = _merged(board)

    def set(self, gauge: Gauge, value: float, *labels: str) -> None:
        """Give a gauge its value."""
        assert len(labels) == len(gauge.labels), (gauge.name, labels)
        self._values.setdefault(gauge.name, {})[labels] = [float(value)]

    def text(self) -> str:
        """Return everything that has a value, in the order of its declaration."""
        return "".join(
            line
            for name, meter in Meter.known.items()
            if name in self._values
            for line in _lines(meter, self._values[name])
        )


def _merged(board: Board) -> dict[str, Values]:
    wide, merged = widths(), dict[str, Values]()
    for part in board.parts:
        for name, labels, cell in part.series(wide):
            meter = Meter.known.get(name)
            if not isinstance(meter, Counted):
                continue
            own = list(part.values[cell : cell + meter.width])
            past = merged.setdefault(name, {}).get(labels)
            if past is not None:
                pick = max if meter.merge == "max" else float.__add__
                own = [pick(one, other) for one, other in zip(own, past, strict=True)]
            merged[name][labels] = own
    return merged


def _lines(meter: Meter, values: Values) -> Iterator[str]:
    yield f"# HELP {meter.name} {meter.help}\n# TYPE {meter.name} {meter.kind}\n"
    for labels in sorted(values):
        pairs = [
            f'{name}="{value.translate(_ESCAPED)}"'
            for name, value in zip(meter.labels, labels, strict=True)
        ]
        if isinstance(meter, Histogram):
            yield from _histogram(meter, pairs, values[labels])
        else:
            yield _line(meter.name, pairs, values[labels][0])


def _histogram(meter: Histogram, pairs: list[str], values: list[float]) -> Iterator[str]:
    *counts, total = values
    so_far = 0.0
    for bound, count in zip([*meter.bounds, "+Inf"], counts, strict=True):
        so_far += count
        yield _line(f"{meter.name}_bucket", [*pairs, f'le="{bound}"'], so_far)
    yield _line(f"{meter.name}_sum", pairs, total)
    yield _line(f"{meter.name}_count", pairs, so_far)


def _line(name: str, pairs: list[str], value: float) -> str:
    labels = f"{{{','.join(pairs)}}}" if pairs else ""
    return f"{name}{labels} {value:.17g}\n"
