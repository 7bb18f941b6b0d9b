"""What hatchling runs before it packs: the wheel carries the documentation site, built."""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).parent))
import docs


class ManualHook(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the site. An editable installation is left to ``scripts/setup``."""
        if version != "editable":
            docs.build()
