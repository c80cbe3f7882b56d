# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a step's own variables may be, and how each fault is said."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils.faults import explain_faults
from ansible_collections.safesecrets.infra.plugins.module_utils.step_variables import (
    bedrock_access_faults,
    egress_faults,
    iam_policy_variable_faults,
    polly_voices_faults,
)

HAIKU, SONNET, OPUS = "anthropic.haiku", "anthropic.sonnet", "anthropic.opus"
US = {
    "region": "us-east-1",
    "models": {"default": HAIKU, "allowlist": [HAIKU, SONNET], "optional": [OPUS]},
    "voices": {"engine": "generative", "required": ["Ruth"]},
}
REGIONS = {"US": US}
CONTROLS = {
    "iam_policy_control_region": "us-west-2",
    "iam_policy_control_model": "meta.llama",
    "iam_policy_control_profile": "",
}


def changed(**part: Any) -> dict[str, dict[str, Any]]:
    return {"US": {**US, **part}}


def test_good_variables_have_no_fault() -> None:
    assert bedrock_access_faults(REGIONS, 0, 1) == bedrock_access_faults(REGIONS, "15", "1.0") == []
    assert polly_voices_faults(REGIONS) == []
    assert iam_policy_variable_faults(REGIONS, "SafeSecrets+=,.@_-2", CONTROLS) == []
    assert iam_policy_variable_faults(REGIONS, "x" * 128, dict.fromkeys(CONTROLS, "")) == []


@pytest.mark.parametrize(
    ("regions", "minutes", "delay", "said"),
    [
        ({}, 1, 1, "bedrock_access_regions is empty, so there is no model to look at. Remedy: configure"),
        (
            changed(models={"default": OPUS, "allowlist": [HAIKU]}),
            1,
            1,
            "bedrock_access_regions.US.models.default is anthropic.opus, which its allow-list does not name. "
            "Remedy: add it to bedrock_access_regions.US.models.allowlist, or choose another default",
        ),
        (REGIONS, 15.1, 1, "bedrock_access_wait_minutes is 15.1. Remedy: give 0 to 15 minutes"),
        (REGIONS, "-1", 1, "bedrock_access_wait_minutes is -1. Remedy: give 0 to 15 minutes"),
        (REGIONS, "nan", 1, "bedrock_access_wait_minutes is nan."),
        (REGIONS, 1, 0.5, "bedrock_access_wait_delay is 0.5. Remedy: give at least 1 second between two looks"),
        (REGIONS, 1, "nan", "bedrock_access_wait_delay is nan."),
    ],
)
def test_faults_of_bedrock_access(regions: dict[str, Any], minutes: Any, delay: Any, said: str) -> None:
    faults = bedrock_access_faults(regions, minutes, delay)
    assert len(faults) == 1
    assert said in explain_faults(faults)


@pytest.mark.parametrize(
    ("regions", "said"),
    [
        ({}, "polly_voices_regions is empty, so there is no voice to look for. Remedy: configure safesecrets_regions"),
        (
            changed(voices={"engine": "turbo"}),
            "polly_voices_regions.US.voices.engine is turbo, which is no engine of Polly's. "
            "Remedy: write one of standard, neural, long-form, generative",
        ),
    ],
)
def test_faults_of_polly_voices(regions: dict[str, Any], said: str) -> None:
    faults = polly_voices_faults(regions)
    assert len(faults) == 1
    assert said in explain_faults(faults)


@pytest.mark.parametrize(
    ("regions", "name", "controls", "said"),
    [
        ({}, "Name", {}, "iam_policy_regions is empty. Remedy: name the regions that the role may use"),
        (REGIONS, "a name", {}, "iam_policy_name is 'a name', which is no name of a policy. Remedy: use 1 to 128"),
        (REGIONS, "", {}, "iam_policy_name is ''"),
        (REGIONS, "x" * 129, {}, "which is no name of a policy"),
        (REGIONS, "name\n", {}, "which is no name of a policy"),
        (
            REGIONS,
            "Name",
            {"iam_policy_control_region": "us-east-1"},
            "iam_policy_control_region is 'us-east-1', but the policy has to deny it. "
            "Remedy: name one that is none of us-east-1, or '' to do without this control",
        ),
        (REGIONS, "Name", {"iam_policy_control_region": "oregon"}, "is 'oregon', which is no name of an AWS region"),
        (
            REGIONS,
            "Name",
            {"iam_policy_control_model": OPUS},
            "iam_policy_control_model is 'anthropic.opus', but the policy has to deny it. "
            "Remedy: name one that is none of anthropic.haiku, anthropic.sonnet, anthropic.opus, or ''",
        ),
        (REGIONS, "Name", {"iam_policy_control_profile": SONNET}, "iam_policy_control_profile is 'anthropic.sonnet'"),
    ],
)
def test_faults_of_iam_policy(regions: dict[str, Any], name: str, controls: dict[str, str], said: str) -> None:
    faults = iam_policy_variable_faults(regions, name, controls)
    assert len(faults) == 1
    assert said in explain_faults(faults)


def test_every_fault_is_said_at_once() -> None:
    faults = iam_policy_variable_faults({}, "a name", {"iam_policy_control_region": "oregon"})
    assert [each["variable"] for each in faults] == [
        "iam_policy_regions",
        "iam_policy_name",
        "iam_policy_control_region",
    ]


def egress(**more: Any) -> dict[str, Any]:
    """Variables of egress without a fault, but for these."""
    files = ["/etc/resolv.conf", "/etc/chrony.d/*.conf"]
    where = {"instance_id": "i-0abc", "region": "ca-central-1", "regions": REGIONS}
    return {**where, "services": ["polly"], "host_files": files, **more}


@pytest.mark.parametrize("good", [{}, {"host_files": []}])
def test_good_variables_of_egress_have_no_fault(good: dict[str, Any]) -> None:
    assert egress_faults(egress(**good), "app") == []


UNKNOWN = "it is not known which EC2 instance app is. Remedy: run the role preflight on this host first, or set both"
NOTHING = "egress_regions or egress_services is empty. Remedy: name the regions"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"instance_id": ""}, "egress_instance_id is '' and egress_region is 'ca-central-1', so it is not known"),
        ({"instance_id": "none"}, UNKNOWN),
        ({"instance_id": "i-0abc\n"}, UNKNOWN),
        ({"region": ""}, UNKNOWN),
        ({"regions": {}}, NOTHING),
        ({"services": []}, NOTHING),
        ({"host_files": ["/etc/hosts; id", "/etc/resolv.conf"]}, 'egress_host_files has ["/etc/hosts; id"]. Remedy'),
        ({"host_files": ["/etc/hosts\n"]}, "give absolute paths"),
        ({"host_files": ["etc/hosts"]}, "give absolute paths"),
        ({"host_files": [1]}, "egress_host_files has [1]"),
    ],
)
def test_a_fault_of_egress_is_told_alone(wrong: dict[str, Any], said: str) -> None:
    faults = egress_faults(egress(**wrong), "app")
    assert len(faults) == 1
    assert said in explain_faults(faults)


def test_all_faults_of_egress_are_told() -> None:
    assert len(egress_faults(egress(region="", services=[], host_files=["x"]), "app")) == 3
