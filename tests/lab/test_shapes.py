"""The check of responses against botocore's models finds what is wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.lab.shapes import missing, problems

MODEL = "anthropic.claude-3-haiku-20240307-v1:0"
AVAILABILITY: dict[str, Any] = {
    "modelId": MODEL,
    "agreementAvailability": {"status": "AVAILABLE"},
    "authorizationStatus": "AUTHORIZED",
    "entitlementAvailability": "AVAILABLE",
    "regionAvailability": "AVAILABLE",
}
WITHOUT_REGION = {key: value for key, value in AVAILABILITY.items() if key != "regionAvailability"}
WRONG: dict[str, tuple[int, dict[str, Any], str]] = {
    "status": (202, AVAILABILITY, "status 202"),
    "unknown member": (200, AVAILABILITY | {"price": 1}, ".price is unknown"),
    "unknown member within": (200, AVAILABILITY | {"agreementAvailability": {"status": "AVAILABLE", "x": 1}}, ".x is"),
    "missing member": (200, WITHOUT_REGION, ".regionAvailability is missing"),
    "enum": (200, AVAILABILITY | {"authorizationStatus": "MAYBE"}, "breaks AuthorizationStatus's enum"),
    "pattern": (200, AVAILABILITY | {"modelId": "Claude 3"}, "breaks BedrockModelId's pattern"),
    "length": (200, AVAILABILITY | {"modelId": f"anthropic.{'x' * 60}.{'x' * 60}.{'x' * 60}"}, "max 140"),
    "type": (200, AVAILABILITY | {"agreementAvailability": {"status": 1}}, "1 is no string"),
}


def test_a_right_answer_has_no_problems() -> None:
    body = json.dumps(AVAILABILITY).encode()
    assert problems("bedrock", "GetFoundationModelAvailability", 200, {}, body) == []


@pytest.mark.parametrize(("status", "content", "problem"), WRONG.values(), ids=WRONG)
def test_a_wrong_answer_has(status: int, content: dict[str, Any], problem: str) -> None:
    found = problems("bedrock", "GetFoundationModelAvailability", status, {}, json.dumps(content).encode())
    assert any(problem in text for text in found), found


KEYS = "<ContextKeyNames><member>aws:username</member></ContextKeyNames>"
XML = {
    "right": (KEYS, "GetContextKeysForCustomPolicyResponse", None),
    "envelope": (KEYS, "Response", "the envelope is wrong"),
    "unknown element": (f"{KEYS}<More/>", "GetContextKeysForCustomPolicyResponse", ".More is unknown"),
    "no member": (KEYS.replace("member", "key"), "GetContextKeysForCustomPolicyResponse", ".key is no list's member"),
}


@pytest.mark.parametrize(("content", "root", "problem"), XML.values(), ids=XML)
def test_xml(content: str, root: str, problem: str | None) -> None:
    result = f"<GetContextKeysForCustomPolicyResult>{content}</GetContextKeysForCustomPolicyResult>"
    metadata = "<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>"
    body = f'<{root} xmlns="https://iam.amazonaws.com/doc/2010-05-08/">{result}{metadata}</{root}>'.encode()
    found = problems("iam", "GetContextKeysForCustomPolicy", 200, {}, body)
    assert found == [] if problem is None else any(problem in text for text in found), found


LISTS = "<prefixListSet><item><prefixListId>pl-1</prefixListId></item></prefixListSet>"
EC2 = {
    "right": (LISTS, "<requestId>1</requestId>", None),
    "misspelt element": (
        LISTS.replace("prefixListId>", "prefixlistId>"),
        "<requestId>1</requestId>",
        ".prefixlistId is",
    ),
    "no item": (LISTS.replace("item", "member"), "<requestId>1</requestId>", ".member is no list's member"),
    "enum": (LISTS.replace("</item>", "<state>made</state></item>"), "<requestId>1</requestId>", "State's enum"),
    "envelope": (LISTS, "", "the envelope is wrong"),
}


@pytest.mark.parametrize(("content", "told", "problem"), EC2.values(), ids=EC2)
def test_ec2(content: str, told: str, problem: str | None) -> None:
    name = "DescribeManagedPrefixLists"
    body = f'<{name}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">{told}{content}</{name}Response>'
    found = problems("ec2", name, 200, {}, body.encode())
    assert found == [] if problem is None else any(problem in text for text in found), found


def test_what_is_missing_is_found() -> None:
    answer = {"Vpcs": [{"VpcId": "vpc-1", "Tags": []}, {"CidrBlock": "10.0.0.0/16"}]}
    present = ["Vpcs", "Vpcs[]"]
    absent = ["Vpcs[].VpcId", "Vpcs[].Tags", "Vpcs.VpcId", "NextToken", "Vpcs[].Tags[].Key"]
    assert missing([*present, *absent], answer) == absent
    assert missing(["Vpcs[]"], {"Vpcs": []}) == ["Vpcs[]"]
