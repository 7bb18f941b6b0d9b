"""Proof: that the catalog and the bytes agree, both ways, and the repair where they do not.

``Proof.check`` is ``consigne fsck``. Rules:

- Memory does not grow with the catalog or the store: everything goes by pages, and a report keeps
  a bounded number of findings of each kind (the counts are complete).
- It is right beside a running server. What is written in one transaction is checked in one
  snapshot; where bytes and rows cannot be seen at the same moment, a suspect is looked at again, in
  the order in which things are written and removed, before it becomes a finding; and things younger
  than the age guard, which may be on their way, are left alone.
- A repair checks again inside its transaction. It never removes what a row names, and never invents
  bytes: what is lost is reported, with the files that it belonged to.
"""

from consigne.core.proof.check import Proof
from consigne.core.proof.report import Finding, Kind, Options, Report

__all__ = ["Finding", "Kind", "Options", "Proof", "Report"]
