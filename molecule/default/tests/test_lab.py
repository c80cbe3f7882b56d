# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The scenarios' lab stands: its account answers the operator, its host has its file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any


def test_the_operator_is_known_in_the_account(lab: dict[str, Any], aws: Callable[..., Any]) -> None:
    assert aws("sts").get_caller_identity()["Account"] == lab["account_id"]


def test_the_host_has_its_environment_file(environment_file: Path) -> None:
    assert "AWS_REGION=ca-central-1" in environment_file.read_text().splitlines()
