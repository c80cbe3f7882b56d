# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Each profile is read once and alone, and one that could not be read is told from one that is not there."""

from __future__ import annotations

from typing import Any

from ansible_collections.safesecrets.infra.plugins.modules import bedrock_inference_profile_info

from tests.unit.bedrock_answers import HAIKU_4_5, US_HAIKU_4_5, profile
from tests.unit.module_runner import ModuleRunner, StubbedClients, aws_error

APPLICATION = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/a1b2c3d4e5f6"


def requests(*pairs: tuple[str, str]) -> dict[str, Any]:
    return {"requests": [{"region": region, "model_id": model_id} for region, model_id in pairs]}


def test_a_row_per_profile(aws: StubbedClients, run_module: ModuleRunner) -> None:
    aws.answer("bedrock", "get_inference_profile", profile())
    application = profile(inferenceProfileArn=APPLICATION, inferenceProfileId="a1b2c3d4e5f6", type="APPLICATION")
    aws.answer("bedrock", "get_inference_profile", application, region="us-east-1")

    asked = requests(("ca-central-1", US_HAIKU_4_5), ("us-east-1", APPLICATION))
    result = run_module(bedrock_inference_profile_info, asked, check_mode=True)

    assert not result.failed, result.values
    assert not result.changed
    first, second = result["profiles"]
    assert (first["region"], first["model_id"], first["error"]) == ("ca-central-1", US_HAIKU_4_5, None)
    assert first["inference_profile"]["model_arns"] == [
        f"arn:aws:bedrock:us-east-1::foundation-model/{HAIKU_4_5}",
        f"arn:aws:bedrock:us-west-2::foundation-model/{HAIKU_4_5}",
    ]
    assert second["inference_profile"]["type"] == "APPLICATION"
    assert [call.operation for call in aws.recorded] == ["get_inference_profile"] * 2


def test_denied_is_not_absent_and_hides_no_other(aws: StubbedClients, run_module: ModuleRunner) -> None:
    denied = aws_error("AccessDeniedException", "GetInferenceProfile", "not allowed", 403)
    absent = aws_error("ResourceNotFoundException", "GetInferenceProfile", status=404)
    aws.answer("bedrock", "get_inference_profile", denied, region="ca-central-1")
    aws.answer("bedrock", "get_inference_profile", absent, region="us-east-1")
    aws.answer("bedrock", "get_inference_profile", profile(), region="us-west-2")

    pairs = [(region, US_HAIKU_4_5) for region in ("ca-central-1", "us-east-1", "us-west-2")]
    result = run_module(bedrock_inference_profile_info, requests(*pairs))

    assert not result.failed, result.values
    unread, nowhere, there = result["profiles"]
    assert unread["inference_profile"] is None
    assert unread["error"] == (
        f"Failed to look up the inference profile {US_HAIKU_4_5} in ca-central-1 (IAM action "
        "bedrock:GetInferenceProfile): An error occurred (AccessDeniedException) when calling the GetInferenceProfile "
        "operation: not allowed"
    )
    assert (nowhere["inference_profile"], nowhere["error"]) == (None, None)
    assert there["inference_profile"]["id"] == US_HAIKU_4_5


def test_what_is_no_identifier_is_refused(aws: StubbedClients, run_module: ModuleRunner) -> None:
    result = run_module(bedrock_inference_profile_info, requests(("ca-central-1", "claude")))
    assert result.failed
    assert "requests[0].model_id" in result["msg"]
    assert aws.recorded == []
