# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Key and endpoint in the environment file, the key from Secrets Manager."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

REPOSITORY = Path(__file__).resolve().parents[3]
ENDPOINT = "https://api.smallest.ai/waves/v1/lightning-v3.1/get_speech"


def test_the_application_reads_key_and_endpoint(environment_file: Path, aws: Callable[..., Any]) -> None:
    secret = aws("secretsmanager").get_secret_value(SecretId="safesecrets/smartest-ai")["SecretString"]
    values = dotenv_values(environment_file)
    assert values["SMARTEST_AI_API_KEY"] == secret
    assert values["SMARTEST_AI_ENDPOINT"] == ENDPOINT


def test_the_file_that_holds_the_key_is_for_its_owner_alone(host: Any, environment_file: Path) -> None:
    assert host.file(str(environment_file)).mode == 0o600


def test_what_stood_there_is_kept(environment_file: Path) -> None:
    before = environment_file.read_text().partition("# BEGIN safesecrets.infra smartest_ai\n")[0]
    assert "NODE_ENV=production\n" in before
    assert "SMARTEST" not in before
