"""Consigne: the self-hosted file service that business applications hand their files to."""

__version__ = "0.1.0"
