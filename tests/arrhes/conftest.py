"""Organizations and years for the tests of the Arrhes dialect."""

import pytest
from arrhes_support import Organization, Year, found_organization
from tests.parts.server import RunningServer


@pytest.fixture
def organization(server: RunningServer) -> Organization:
    """An empty organization of this test's own."""
    return found_organization(server)


@pytest.fixture
def year(organization: Organization) -> Year:
    """An open year in it."""
    return organization.year()


@pytest.fixture
def stranger(server: RunningServer) -> Organization:
    """Another organization."""
    return found_organization(server)
