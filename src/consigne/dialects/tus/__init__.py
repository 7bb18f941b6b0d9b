"""tus 1.0: uploads that survive a lost connection, at ``/tus``."""

from consigne.dialects.tus.routes import dialect

__all__ = ["dialect"]
