"""The composition root: settings → drivers → depot → dialects → ASGI application.

This is the only place that names concrete classes. ``prepare`` runs once before any server process
(migrations, first start); ``create_app`` makes the application of one process; ``serve`` runs them;
``work`` runs a worker apart.
"""

from consigne.app.building import (
    build_caring,
    build_depot,
    build_proof,
    build_sender,
    build_sweeper,
    build_text_worker,
    build_worker,
    start_traces,
    stop_traces,
)
from consigne.app.opening import (
    catalog_url,
    location_of,
    open_archive,
    open_bucket,
    open_catalog,
    open_driver,
    open_stores,
    place_of,
    require_whole,
)
from consigne.app.serving import create_app, serve
from consigne.app.starting import FIRST_SPACE, FIRST_USER, FirstStart, prepare
from consigne.app.working import work

__all__ = [
    "FIRST_SPACE",
    "FIRST_USER",
    "FirstStart",
    "build_caring",
    "build_depot",
    "build_proof",
    "build_sender",
    "build_sweeper",
    "build_text_worker",
    "build_worker",
    "catalog_url",
    "create_app",
    "location_of",
    "open_archive",
    "open_bucket",
    "open_catalog",
    "open_driver",
    "open_stores",
    "place_of",
    "prepare",
    "require_whole",
    "serve",
    "start_traces",
    "stop_traces",
    "work",
]
