"""Backup and restore: a consistent cut of catalog and bytes, kept as described in
``docs/backup.md``.

Rules:

- The catalog is read first, in one snapshot; then the bytes that it names, which nobody removes
  meanwhile (``hold``). So a cut has every file that was acknowledged before it, and no half one.
- Nothing is read unchecked: contents by their block checksums and their SHA-256, what a backup
  says by its manifest. What is damaged is named, and does not keep the rest from being saved.
- A cut exists once its manifest does, which is written last; what was copied before a crash is
  found by the next one. An object is never changed, only removed when no cut names it.
- Memory does not grow with the vault: a 256th of the names of all contents is held at a time.
"""
