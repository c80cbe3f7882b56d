# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The version of this collection, for plugins that run on the controller."""

from __future__ import annotations

import json
import re
from pathlib import Path

UNKNOWN = "unknown"


def collection_version(root: Path) -> str:
    """Return the version from the artifact's manifest, or from galaxy.yml in a checkout."""
    try:
        if (root / "MANIFEST.json").exists():
            manifest = json.loads((root / "MANIFEST.json").read_text(encoding="utf-8"))
            return str(manifest["collection_info"]["version"])
        found = re.search(r"^version:\s*(\S+)\s*$", (root / "galaxy.yml").read_text(encoding="utf-8"), re.MULTILINE)
    except (OSError, ValueError, KeyError):
        return UNKNOWN
    return found[1] if found else UNKNOWN
