# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The harness of the module tests must notice what AWS would: wrong parameters, and answers that AWS never gives."""

from __future__ import annotations

from types import ModuleType

import pytest
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry
from botocore.exceptions import BotoCoreError, ClientError

from tests.unit.module_runner import ModuleRunner, StubbedClients, aws_error

RUTH = {"Id": "Ruth", "SupportedEngines": ["generative"]}


@pytest.fixture
def voices() -> ModuleType:
    """Give a module that lists the voices of two regions."""

    def main() -> None:
        module = AnsibleAWSModule(
            argument_spec={"engine": {"type": "str"}, "key": {"type": "str", "no_log": True}},
            supports_check_mode=True,
        )
        found = {}
        for region in ("ca-central-1", "us-east-1"):
            client = module.client("polly", region=region, retry_decorator=AWSRetry.jittered_backoff())
            try:
                pages = client.get_paginator("describe_voices").paginate(Engine=module.params["engine"])
                found[region] = [voice["Id"] for page in pages for voice in page["Voices"]]
                client.describe_voices(LanguageCode="en-US", aws_retry=True)
            except (ClientError, BotoCoreError) as error:
                module.fail_json_aws(error, msg=f"Failed to list voices in {region}")
        module.exit_json(changed=not module.check_mode, voices=found, key=module.params["key"])

    module = ModuleType("voices")
    module.main = main  # type: ignore[attr-defined]
    return module


def test_gives_pages_by_region_and_records_the_calls(
    aws: StubbedClients, run_module: ModuleRunner, voices: ModuleType
) -> None:
    aws.answer("polly", "describe_voices", {"Voices": []})
    first, last = {"Voices": [RUTH], "NextToken": "more"}, {"Voices": [{"Id": "Joanna"}]}
    aws.answer("polly", "describe_voices", [first, last], region="us-east-1")

    result = run_module(voices, {"engine": "generative", "key": "hidden"})

    assert (result.failed, result.changed) == (False, True)
    assert result["voices"] == {"ca-central-1": [], "us-east-1": ["Ruth", "Joanna"]}
    assert result["key"] == "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
    assert [call.parameters for call in aws.calls("polly", "describe_voices", region="us-east-1")] == [
        {"Engine": "generative"},
        {"Engine": "generative", "NextToken": "more"},
        {"LanguageCode": "en-US"},
    ]


def test_check_mode_reaches_the_module(aws: StubbedClients, run_module: ModuleRunner, voices: ModuleType) -> None:
    aws.answer("polly", "describe_voices", lambda asked: {"Voices": [RUTH] if asked.get("Engine") else []})
    assert not run_module(voices, {"engine": "generative"}, check_mode=True).changed


def test_raises_what_aws_answers(aws: StubbedClients, run_module: ModuleRunner, voices: ModuleType) -> None:
    aws.answer("polly", "describe_voices", aws_error("AccessDeniedException", "DescribeVoices", "not authorized"))
    result = run_module(voices, {"engine": "neural"})
    assert result.failed
    assert result["error"] == {"code": "AccessDeniedException", "message": "not authorized"}
    assert result["msg"].startswith("Failed to list voices in ca-central-1: An error occurred (AccessDeniedException)")


def test_retries_are_made_without_waiting(aws: StubbedClients, run_module: ModuleRunner, voices: ModuleType) -> None:
    throttled = aws_error("Throttling", "DescribeVoices")
    aws.answer("polly", "describe_voices", [{"Voices": []}, throttled, throttled, {"Voices": []}])
    assert not run_module(voices, {"engine": "neural"}).failed
    assert len(aws.calls("polly", "describe_voices", region="ca-central-1")) == 4


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (
            {"Voices": [{"Id": "NobodyAtAll", "Engines": ["generative"]}]},
            'Unknown parameter in Voices\\[0\\]: "Engines"',
        ),
        ({"Voices": "Ruth"}, "Invalid type for parameter Voices"),
    ],
)
def test_refuses_an_answer_that_aws_never_gives(
    aws: StubbedClients, run_module: ModuleRunner, voices: ModuleType, answer: dict[str, object], fault: str
) -> None:
    aws.answer("polly", "describe_voices", answer)
    with pytest.raises(AssertionError, match=fault):
        run_module(voices, {"engine": "neural"})


def test_refuses_a_call_without_an_answer(aws: StubbedClients, run_module: ModuleRunner, voices: ModuleType) -> None:
    with pytest.raises(AssertionError, match=r"no answer was set for Call.*describe_voices"):
        run_module(voices, {"engine": "neural"})


def test_refuses_parameters_that_aws_does_not_know(aws: StubbedClients) -> None:
    with pytest.raises(BotoCoreError, match='Unknown parameter in input: "Engin"'):
        aws.client("polly").describe_voices(Engin="neural")
