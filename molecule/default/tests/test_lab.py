# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The lab and its host stand: the account answers the operator, the host its administrator and its health URL."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any


def test_the_operator_is_known_in_the_account(lab: dict[str, Any], aws: Callable[..., Any]) -> None:
    assert aws("sts").get_caller_identity()["Account"] == lab["account_id"]


def test_the_host_has_its_environment_file(on_host: Callable[[str], str]) -> None:
    assert "AWS_REGION=ca-central-1" in on_host("sudo cat /etc/safesecrets.env").splitlines()


def test_the_application_is_healthy_after_a_restart(on_host: Callable[[str], str]) -> None:
    retried = "curl --silent --retry 20 --retry-delay 1 --retry-connrefused http://127.0.0.1:3000/health"
    page = json.loads(on_host(f"sudo service safesecrets restart && {retried}"))
    assert page["status"] == "ok"
    assert "BEDROCK_MODEL_ID" in page["variables"]
