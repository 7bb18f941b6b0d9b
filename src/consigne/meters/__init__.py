"""Meters: what a process counts while it works, for Prometheus (``known`` is the list of all)."""
