"""The Appmixer files API: chunked uploads, lists by filter, deletion by filter (``README.md``)."""

from consigne.dialects.appmixer.routes import dialect

__all__ = ["dialect"]
