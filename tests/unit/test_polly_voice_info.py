# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""All pages of all regions, with the filters asked for, and a denial is never an empty list."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.modules import polly_voice_info

from tests.unit.module_runner import ModuleRunner, StubbedClients, aws_error

RUTH = {
    "Id": "Ruth",
    "Name": "Ruth",
    "Gender": "Female",
    "LanguageCode": "en-US",
    "LanguageName": "US English",
    "SupportedEngines": ["generative", "neural"],
}
KAJAL = {**RUTH, "Id": "Kajal", "Name": "Kajal", "LanguageCode": "en-IN", "AdditionalLanguageCodes": ["hi-IN"]}


def test_a_row_per_voice_and_region(aws: StubbedClients, run_module: ModuleRunner) -> None:
    aws.answer("polly", "describe_voices", {"Voices": []})
    pages = [{"Voices": [RUTH], "NextToken": "more"}, {"Voices": [KAJAL]}]
    aws.answer("polly", "describe_voices", pages, region="us-east-1")

    result = run_module(polly_voice_info, {"regions": ["ca-central-1", "us-east-1"], "engines": ["generative"]})

    assert not result.failed, result.values
    assert not result.changed
    assert result["voices"] == [
        {
            "region": "us-east-1",
            "engine": "generative",
            "id": "Ruth",
            "name": "Ruth",
            "gender": "Female",
            "language_code": "en-US",
            "language_name": "US English",
            "additional_language_codes": [],
            "supported_engines": ["generative", "neural"],
        },
        {
            "region": "us-east-1",
            "engine": "generative",
            "id": "Kajal",
            "name": "Kajal",
            "gender": "Female",
            "language_code": "en-IN",
            "language_name": "US English",
            "additional_language_codes": ["hi-IN"],
            "supported_engines": ["generative", "neural"],
        },
    ]
    assert len(aws.calls("polly", "describe_voices", region="ca-central-1")) == 1


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        ({}, [{}]),
        ({"engines": ["long-form"]}, [{"Engine": "long-form"}]),
        ({"engines": ["neural", "generative"]}, [{"Engine": "neural"}, {"Engine": "generative"}]),
        ({"language_code": "en-US"}, [{"LanguageCode": "en-US"}]),
        (
            {"language_code": "en-US", "include_additional_language_codes": True},
            [{"LanguageCode": "en-US", "IncludeAdditionalLanguageCodes": True}],
        ),
    ],
)
def test_filters(
    aws: StubbedClients, run_module: ModuleRunner, arguments: dict[str, Any], asked: list[dict[str, Any]]
) -> None:
    aws.answer("polly", "describe_voices", {"Voices": []})
    assert run_module(polly_voice_info, {"regions": ["us-east-1"], **arguments})["voices"] == []
    assert sorted(map(str, (call.parameters for call in aws.calls("polly", "describe_voices")))) == sorted(
        map(str, asked)
    )


def test_a_denial_is_named(aws: StubbedClients, run_module: ModuleRunner) -> None:
    aws.answer("polly", "describe_voices", {"Voices": [RUTH]})
    denied = aws_error("AccessDeniedException", "DescribeVoices", "not allowed")
    aws.answer("polly", "describe_voices", denied, region="us-east-1")
    result = run_module(polly_voice_info, {"regions": ["ca-central-1", "us-east-1"]})
    assert result.failed
    assert result["msg"] == (
        "Failed to list the voices in us-east-1 (IAM action polly:DescribeVoices): An error occurred "
        "(AccessDeniedException) when calling the DescribeVoices operation: not allowed"
    )


def test_an_unknown_engine_is_refused(aws: StubbedClients, run_module: ModuleRunner) -> None:
    result = run_module(polly_voice_info, {"regions": ["us-east-1"], "engines": ["quantum"]})
    assert result.failed
    assert "engines must be one or more of: standard, neural, long-form, generative" in result["msg"]
    assert aws.recorded == []
