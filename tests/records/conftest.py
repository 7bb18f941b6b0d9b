"""The sites of the core's tests, for the record model."""

from tests.core.conftest import settings, site, store

__all__ = ["settings", "site", "store"]
