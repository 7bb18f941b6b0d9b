"""The dashboard asks for metrics and labels that there are."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from consigne.meters import known
from consigne.meters.meter import Counter, Histogram, Meter

DASHBOARD = Path(__file__).parents[2] / "deploy/grafana/consigne.json"
METERS = {value.name: value for value in vars(known).values() if isinstance(value, Meter)}
# What the scrape adds, and what a bucket has.
ADDED = {"instance", "job", "le"}


def meter_of(name: str) -> Meter:
    """Return the meter of a series; a histogram has three that carry its name and an ending."""
    bare = re.sub("_(bucket|sum|count)$", "", name)
    if name not in METERS and isinstance(METERS.get(bare), Histogram):
        return METERS[bare]
    assert name in METERS, name
    assert not isinstance(METERS[name], Histogram), f"{name} has no series of that name"
    return METERS[name]


def expressions() -> list[tuple[str, dict[str, Any]]]:
    document = json.loads(DASHBOARD.read_text())
    return [
        (target["expr"], target)
        for panel in document["panels"]
        for target in panel.get("targets", [])
    ]


@pytest.mark.parametrize(("expression", "target"), expressions())
def test_what_it_asks_for_exists(expression: str, target: dict[str, Any]) -> None:
    found = re.findall(r"(consigne_\w+)\{([^}]*)\}", expression)
    assert len(found) == len(re.findall(r"consigne_\w+", expression)), "a metric without servers"
    known_labels: set[str] = set(ADDED)
    for name, selector in found:
        meter = meter_of(name)
        labels = set(re.findall(r'(\w+)=~?"', selector))
        assert labels <= {*meter.labels, *ADDED}, name
        assert "instance" in labels
        known_labels |= set(meter.labels)
        rated = re.search(rf"(rate|increase)\({name}\{{", expression)
        counts = isinstance(meter, Counter | Histogram) or name == "consigne_process_cpu_seconds"
        assert bool(rated) is counts, name
    for group in re.findall(r"by \(([^)]*)\)", expression):
        assert {label.strip() for label in group.split(",")} <= known_labels
    assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= known_labels
    assert expression.count("(") == expression.count(")")


def test_panels_have_their_places() -> None:
    """Ids are unique, and no panel covers another."""
    panels = json.loads(DASHBOARD.read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                 for y in range(place["y"], place["y"] + place["h"])}  # fmt: skip
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
