# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What holds on the host, and for it, after the whole chain."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dotenv import dotenv_values

CALL = r"""
set -eu
metadata=http://169.254.169.254/latest
token=$(curl -sf -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' $metadata/api/token)
get() { curl -sf -H "X-aws-ec2-metadata-token: $token" "$metadata/meta-data/$1"; }
credentials=$(get "iam/security-credentials/$(get iam/security-credentials/)")
field() { printf %s "$credentials" | sed -n "s/.*\"$1\" *: *\"\([^\"]*\)\".*/\1/p"; }
curl -s --max-time 20 -o /dev/null -w '%{http_code}' --aws-sigv4 aws:amz:REGION:polly \
  --user "$(field AccessKeyId):$(field SecretAccessKey)" -H "X-Amz-Security-Token: $(field Token)" \
  -H 'Content-Type: application/json' \
  --data '{"OutputFormat": "mp3", "Text": "Hello.", "VoiceId": "Joanna", "Engine": "generative"}' \
  https://polly.REGION.amazonaws.com/v1/speech
"""

#: What find cannot enter, processes that end meanwhile among it, is no failure.
LEFT = "sudo find / -xdev -name '{}' 2>/dev/null || true"


def test_environment_is_on_the_host(lab: dict[str, Any], on_host: Callable[[str], str], tmp_path: Path) -> None:
    copy = tmp_path / "safesecrets.env"
    copy.write_text(on_host("sudo cat /etc/safesecrets.env"))
    variables = dotenv_values(copy)
    assert variables["AWS_REGION_USA"] == "us-east-1"
    assert variables["BEDROCK_MODEL_ID_US"] == "anthropic.claude-3-haiku-20240307-v1:0"
    assert variables["NODE_ENV"] == "production", "what was there before is gone"
    assert not Path("/etc/safesecrets.env").exists(), "the controller's own /etc was written"


def test_nothing_of_the_probe_is_left_on_the_host(on_host: Callable[[str], str]) -> None:
    assert on_host(LEFT.format("safesecrets.env")) != "", "it finds what is there"
    assert on_host(LEFT.format("service-probe*")) == ""
    assert on_host("pgrep -f '[s]ervice-probe' || [ $? = 1 ]") == ""


@pytest.mark.parametrize(("region", "status"), [("ca-central-1", "200"), ("us-east-1", "200"), ("us-west-2", "403")])
def test_calls_from_the_host_are_served_where_configured(
    on_host: Callable[[str], str], region: str, status: str
) -> None:
    assert on_host(CALL.replace("REGION", region)) == status
