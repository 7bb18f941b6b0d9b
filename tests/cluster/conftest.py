"""A set-up of our own for tests that kill its parts."""

from collections.abc import Iterator

import pytest

from tests.parts.cluster import RunningSetUp, running_set_up

SETTINGS = {
    "CONSIGNE_LEASE": "3",
    "CONSIGNE_JOB_LEASE": "3",
    "CONSIGNE_S3_TOTAL_TIME": "20",
    "CONSIGNE_S3_IDLE_TIME": "10",
    "CONSIGNE_CATALOG_LOCK_TIME": "2",
}


@pytest.fixture(scope="session")
def set_up() -> Iterator[RunningSetUp]:
    """Run the whole set-up; a test that damages it mends it."""
    with running_set_up(SETTINGS) as running:
        yield running
        running.end()
