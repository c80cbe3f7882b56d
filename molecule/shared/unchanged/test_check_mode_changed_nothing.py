# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs between a scenario's check and its converge."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def test_check_mode_changed_neither_account_nor_host(snapshot: dict[str, Any]) -> None:
    prepared = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"], "prepared.json")
    assert snapshot == json.loads(prepared.read_text())
