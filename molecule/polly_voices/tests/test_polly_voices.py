# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The role only looks, and the voices that it confirms are those that Polly lists."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def test_the_role_changed_nothing(snapshot: dict[str, Any]) -> None:
    prepared = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"], "prepared.json")
    assert snapshot == json.loads(prepared.read_text())


@pytest.mark.parametrize("voice", ["Ruth", "Matthew", "Joanna"])
def test_the_voice_that_passed_speaks_on_its_engine(aws: Callable[..., Any], voice: str) -> None:
    listed = aws("polly", "us-east-1").describe_voices(Engine="generative", LanguageCode="en-US")["Voices"]
    assert voice in {each["Id"] for each in listed}
