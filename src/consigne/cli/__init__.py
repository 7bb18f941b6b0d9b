"""The command ``consigne``: one file per family of commands; ``docs/cli.md`` is its page.

``serve``, ``fsck``, ``doctor``, ``space``, ``user`` and ``key`` work on the data folder and the
settings of this machine; ``put``, ``get``, ``ls``, ``find`` and ``rm`` are clients of the native
API of any Consigne. Every command has ``--json``, prints results to standard output and everything
else to standard error, and ends with a status of ``exits.Exit``.
"""

from consigne.cli.main import main

__all__ = ["main"]
