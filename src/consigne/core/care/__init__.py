"""Care for stored bytes while the service runs: read again, copied, mended, moved.

- ``scrub``: everything is read again from time to time, at a rate of its own.
- ``healing``: what becomes of a content whose bytes are damaged.
- ``turn``, ``pace``: who does a work, and how fast.
"""
