"""The lab's policies end where AWS's do: sizes, versions, attachments. And it judges the generated policy, too."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils import iam_policy_document, model_routes
from botocore.exceptions import ClientError

from lab.policy_documents import parse
from lab.policy_evaluation import decide
from tests.lab.direct_lab import allow, error
from tests.lab.signed_lab import SignedLab

ROLE = {"RoleName": "MM-KA-SceneBeat-SafeSecretsEC2Role"}
ARN = "arn:aws:iam::210987654321:policy/Ours"
OTHER = "arn:aws:iam::210987654321:policy/Other"


def of_size(characters: int) -> str:
    """A policy document with as many characters as IAM counts, in more that it does not."""
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*", "Sid": ""}]}
    missing = characters - len(json.dumps(document, separators=(",", ":")))
    document["Statement"][0]["Sid"] = "x" * missing  # type: ignore[index]
    return json.dumps(document, indent=4)


@pytest.fixture
def lab() -> SignedLab:
    return SignedLab()


@pytest.fixture
def iam(lab: SignedLab) -> Any:
    return lab.signed("iam")


def test_a_managed_policy_has_its_size(iam: Any) -> None:
    refusal = error(iam.create_policy, PolicyName="Ours", PolicyDocument=of_size(6145))
    assert refusal == ("LimitExceeded", "Cannot exceed quota for PolicySize: 6144", 409)
    iam.create_policy(PolicyName="Ours", PolicyDocument=of_size(6144))
    assert error(iam.create_policy_version, PolicyArn=ARN, PolicyDocument=of_size(6145))[0] == "LimitExceeded"


def test_all_inline_policies_of_a_role_have_theirs_together(iam: Any) -> None:
    there = iam.get_role_policy(**ROLE, PolicyName="SafeSecretsServices")["PolicyDocument"]
    room = 10240 - len("".join(json.dumps(there).split()))
    refusal = error(iam.put_role_policy, **ROLE, PolicyName="Ours", PolicyDocument=of_size(room + 1))
    assert (refusal[0], refusal[2]) == ("LimitExceeded", 409)
    for _again in range(2):  # a policy does not count beside its own next version
        iam.put_role_policy(**ROLE, PolicyName="Ours", PolicyDocument=of_size(room))


def test_there_are_five_versions_and_one_of_them_is_the_default(iam: Any) -> None:
    iam.create_policy(PolicyName="Ours", PolicyDocument=of_size(100))
    for size in range(101, 105):
        iam.create_policy_version(PolicyArn=ARN, PolicyDocument=of_size(size))
    assert error(iam.create_policy_version, PolicyArn=ARN, PolicyDocument=of_size(105))[0] == "LimitExceeded"
    iam.set_default_policy_version(PolicyArn=ARN, VersionId="v4")
    versions = iam.list_policy_versions(PolicyArn=ARN)["Versions"]
    assert [each["VersionId"] for each in versions if each["IsDefaultVersion"]] == ["v4"]
    assert iam.get_policy(PolicyArn=ARN)["Policy"]["DefaultVersionId"] == "v4"
    assert error(iam.delete_policy_version, PolicyArn=ARN, VersionId="v4")[0] == "DeleteConflict"
    assert error(iam.set_default_policy_version, PolicyArn=ARN, VersionId="v9")[::2] == ("NoSuchEntity", 404)
    assert error(iam.set_default_policy_version, PolicyArn=OTHER, VersionId="v1")[::2] == ("NoSuchEntity", 404)


def test_a_versions_identifier_is_never_given_twice(iam: Any) -> None:
    iam.create_policy(PolicyName="Ours", PolicyDocument=of_size(100))
    for made in ("v2", "v3", "v4"):
        version = iam.create_policy_version(PolicyArn=ARN, PolicyDocument=of_size(101))["PolicyVersion"]
        assert (version["VersionId"], version["IsDefaultVersion"]) == (made, False)
        iam.delete_policy_version(PolicyArn=ARN, VersionId=made)
    default = iam.create_policy_version(PolicyArn=ARN, PolicyDocument=of_size(102), SetAsDefault=True)["PolicyVersion"]
    assert (default["VersionId"], default["IsDefaultVersion"]) == ("v5", True)
    assert iam.get_policy(PolicyArn=ARN)["Policy"]["DefaultVersionId"] == "v5"
    iam.delete_policy_version(PolicyArn=ARN, VersionId="v1")
    iam.delete_policy(PolicyArn=ARN)
    iam.create_policy(PolicyName="Ours", PolicyDocument=of_size(100))
    again = iam.create_policy_version(PolicyArn=ARN, PolicyDocument=of_size(101))["PolicyVersion"]
    assert again["VersionId"] == "v2", "another policy of the same name counts anew"
    malformed = error(iam.create_policy_version, PolicyArn=ARN, PolicyDocument="{}")
    assert malformed[::2] == ("MalformedPolicyDocument", 400)


def test_the_default_version_is_the_one_that_counts(lab: SignedLab, iam: Any) -> None:
    lab.state.iam._delay *= 0
    speech = {"Text": "Yes", "VoiceId": "Joanna", "Engine": "neural", "OutputFormat": "mp3"}
    iam.create_policy(PolicyName="Ours", PolicyDocument=json.dumps(allow("polly:DescribeVoices")))
    iam.attach_role_policy(**ROLE, PolicyArn=ARN)
    iam.create_policy_version(PolicyArn=ARN, PolicyDocument=json.dumps(allow("polly:SynthesizeSpeech")))
    polly = lab.signed("polly", credentials=lab.role())
    assert error(polly.synthesize_speech, **speech)[0] == "AccessDeniedException"
    iam.set_default_policy_version(PolicyArn=ARN, VersionId="v2")
    polly.synthesize_speech(**speech)


def test_nothing_can_be_attached_that_is_not_there(iam: Any) -> None:
    assert error(iam.attach_role_policy, **ROLE, PolicyArn=ARN)[::2] == ("NoSuchEntity", 404)


def test_permissions_are_by_policy_and_by_what_is_attached(lab: SignedLab, iam: Any) -> None:
    lab.state.iam._delay *= 0
    for name in ("Ours", "Other"):
        iam.create_policy(PolicyName=name, PolicyDocument=of_size(100))
    bound = {"Effect": "Allow", "Action": ["iam:AttachRolePolicy", "iam:DetachRolePolicy"], "Resource": "*"}
    bound |= {"Condition": {"ArnLike": {"iam:PolicyARN": "arn:aws:iam::*:policy/Ours"}}}
    write = {"Effect": "Allow", "Action": "iam:CreatePolicy", "Resource": "arn:aws:iam::*:policy/Ours*"}
    limited = lab.signed("iam", credentials=lab.user("limited", {"Version": "2012-10-17", "Statement": [bound, write]}))
    limited.attach_role_policy(**ROLE, PolicyArn=ARN)
    limited.detach_role_policy(**ROLE, PolicyArn=ARN)
    limited.create_policy(PolicyName="OursToo", PolicyDocument=of_size(100))
    for refused, parameters in (
        (limited.attach_role_policy, {**ROLE, "PolicyArn": OTHER}),
        (limited.create_policy, {"PolicyName": "Theirs", "PolicyDocument": of_size(100)}),
    ):
        with pytest.raises(ClientError, match="is not authorized to perform: iam:"):
            refused(**parameters)


HAIKU_45 = "anthropic.claude-haiku-4-5-20251001-v1:0"
REGIONS = {
    "CA": {"region": "ca-central-1", "models": {"default": "anthropic.claude-3-haiku-20240307-v1:0"}},
    "US": {"region": "us-east-1", "models": {"default": f"us.{HAIKU_45}", "allowlist": [f"global.{HAIKU_45}"]}},
}
PLACES = ("ca-central-1", "us-east-1", "us-east-2", "us-west-2", "eu-west-1", "")


def model(region: str, model_id: str = HAIKU_45) -> str:
    return f"arn:aws:bedrock:{region}::foundation-model/{model_id}"


def row(profile_id: str, *destinations: str) -> dict[str, Any]:
    arn = f"arn:aws:bedrock:us-east-1:210987654321:inference-profile/{profile_id}"
    arns = [model(each) for each in destinations]
    profile = {"arn": arn, "type": "SYSTEM_DEFINED", "model_arns": arns}
    return {"region": "us-east-1", "model_id": profile_id, "inference_profile": profile}


ROWS = [row(f"us.{HAIKU_45}", "us-east-1", "us-east-2", "us-west-2"), row(f"global.{HAIKU_45}", "us-east-1", "")]


@pytest.mark.parametrize(
    "model_id", [HAIKU_45, "anthropic.claude-3-haiku-20240307-v1:0", "meta.llama3-8b-instruct-v1:0"]
)
def test_the_lab_judges_the_generated_policy_as_the_routes_have_it(model_id: str) -> None:
    """A second evaluator than the collection's own, over every model, place and profile."""
    statements = parse(iam_policy_document.multi_region_policy_document(REGIONS, ROWS))
    routes = model_routes.model_routes(REGIONS, ROWS)
    through = {route.arn: {*route.granted_model_arns} for route in routes if route.is_profile}
    direct = {route.arn for route in routes if not route.is_profile}
    assert len(through) == 2
    for region in PLACES:
        for profile in [None, *through]:
            keys = {"aws:requestedregion": [region or "unspecified"]}
            keys |= {"bedrock:inferenceprofilearn": [profile]} if profile else {}
            arn = model(region, model_id)
            wanted = arn in direct | through.get(profile or "", set())
            decision = decide(statements, "bedrock:InvokeModelWithResponseStream", arn, keys).decision
            assert (decision == "allowed") is wanted, (arn, profile)
    for arn in through:
        assert (
            decide(statements, "bedrock:InvokeModel", arn, {"aws:requestedregion": ["us-east-1"]}).decision == "allowed"
        )
        elsewhere = arn.replace("us-east-1", "us-west-2")
        assert (
            decide(statements, "bedrock:InvokeModel", elsewhere, {"aws:requestedregion": ["us-west-2"]}).decision
            != "allowed"
        )
