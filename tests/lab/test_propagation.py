"""A change of IAM is read back at once and counts a while later: a role that does not wait is caught."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab.accounts import Timing
from tests.lab.direct_lab import allow, error
from tests.lab.signed_lab import SignedLab

ROLE = {"RoleName": "MM-KA-SceneBeat-SafeSecretsEC2Role"}
ROLE_ARN = f"arn:aws:iam::210987654321:role/{ROLE['RoleName']}"
SPEECH = {"Text": "Yes", "VoiceId": "Joanna", "Engine": "neural", "OutputFormat": "mp3"}
DELAY = timedelta(seconds=Timing().iam_propagation)
MOMENT = timedelta(milliseconds=1)
SPEAK = json.dumps(allow("polly:SynthesizeSpeech"))
DENY = json.dumps({"Statement": [{"Effect": "Deny", "Action": "polly:*", "Resource": "*"}], "Version": "2012-10-17"})


def is_no_denial(error: ClientError) -> bool:
    """False; any other error ends the test."""
    if error.response["Error"]["Code"] not in ("AccessDeniedException", "UnauthorizedOperation"):
        raise error
    return False


class Host(SignedLab):
    """What the role may do in us-east-1."""

    def speaks(self) -> bool:
        try:
            self.signed("polly", credentials=self.role()).synthesize_speech(**SPEECH)
        except ClientError as denial:
            return is_no_denial(denial)
        return True

    def simulated(self) -> bool:
        entries = [
            {"ContextKeyName": "aws:RequestedRegion", "ContextKeyValues": ["us-east-1"], "ContextKeyType": "string"}
        ]
        (result,) = self.signed("iam").simulate_principal_policy(
            PolicySourceArn=ROLE_ARN, ActionNames=["polly:SynthesizeSpeech"], ContextEntries=entries
        )["EvaluationResults"]
        return bool(result["EvalDecision"] == "allowed")

    def seen(self) -> bool:
        """The services and the simulator agree."""
        served = self.speaks()
        assert self.simulated() is served
        return served

    def put(self, name: str, document: str) -> None:
        self.signed("iam").put_role_policy(**ROLE, PolicyName=name, PolicyDocument=document)


@pytest.fixture
def host() -> Host:
    return Host()


def test_a_policy_counts_only_after_a_while_but_is_read_at_once(host: Host) -> None:
    host.put("More", SPEAK)
    iam = host.signed("iam")
    assert iam.get_role_policy(**ROLE, PolicyName="More")["PolicyDocument"] == json.loads(SPEAK)
    assert "More" in iam.list_role_policies(**ROLE)["PolicyNames"]
    assert host.seen() is False
    host.now += DELAY - MOMENT
    assert host.seen() is False
    host.now += MOMENT
    assert host.seen() is True


def test_what_is_taken_back_goes_on_for_a_while(host: Host) -> None:
    host.put("More", SPEAK)
    host.now += DELAY
    host.signed("iam").delete_role_policy(**ROLE, PolicyName="More")
    assert "More" not in host.signed("iam").list_role_policies(**ROLE)["PolicyNames"]
    assert host.seen() is True
    host.now += DELAY
    assert host.seen() is False


def test_a_denial_counts_only_after_a_while_too(host: Host) -> None:
    host.put("More", SPEAK)
    host.now += DELAY
    host.put("Lock", DENY)
    assert host.seen() is True
    host.now += DELAY
    assert host.seen() is False


def test_changes_arrive_one_after_the_other(host: Host) -> None:
    host.put("More", SPEAK)
    host.now += DELAY / 2
    host.put("Lock", DENY)
    assert host.seen() is False
    host.now += DELAY / 2
    assert host.seen() is True, "the first has arrived, the second has not"
    host.now += DELAY / 2
    assert host.seen() is False


def test_managed_policies_and_boundaries_take_as_long(host: Host) -> None:
    iam = host.signed("iam")
    speak = iam.create_policy(PolicyName="Speak", PolicyDocument=SPEAK)["Policy"]["Arn"]
    limit = iam.create_policy(PolicyName="Limit", PolicyDocument=DENY)["Policy"]["Arn"]
    iam.attach_role_policy(**ROLE, PolicyArn=speak)
    assert host.seen() is False
    host.now += DELAY
    assert host.seen() is True
    iam.create_policy_version(PolicyArn=speak, PolicyDocument=DENY, SetAsDefault=True)
    assert host.seen() is True
    host.now += DELAY
    assert host.seen() is False
    iam.create_policy_version(PolicyArn=speak, PolicyDocument=SPEAK, SetAsDefault=True)
    host.now += DELAY
    assert host.seen() is True
    iam.put_role_permissions_boundary(**ROLE, PermissionsBoundary=limit)
    assert host.seen() is True
    host.now += DELAY
    assert host.seen() is False


def test_a_new_role_is_unknown_to_the_simulator_for_a_while(host: Host) -> None:
    iam = host.signed("iam")
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
    arn = iam.create_role(RoleName="New", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    assert iam.get_role(RoleName="New")["Role"]["Arn"] == arn
    asked = {"PolicySourceArn": arn, "ActionNames": ["polly:SynthesizeSpeech"]}
    assert error(iam.simulate_principal_policy, **asked)[0] == "NoSuchEntity"
    host.now += DELAY
    assert iam.simulate_principal_policy(**asked)["EvaluationResults"][0]["EvalDecision"] == "implicitDeny"


def test_a_users_policies_take_as_long(host: Host) -> None:
    iam = host.signed("iam")
    iam.create_user(UserName="new")
    key = iam.create_access_key(UserName="new")["AccessKey"]
    credentials = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    iam.put_user_policy(UserName="new", PolicyName="P", PolicyDocument=SPEAK)
    polly = host.signed("polly", credentials=credentials)
    assert error(polly.synthesize_speech, **SPEECH)[0] == "AccessDeniedException"
    host.now += DELAY
    assert polly.synthesize_speech(**SPEECH)["ContentType"] == "audio/mpeg"


def test_reading_and_failing_changes_nothing(host: Host) -> None:
    host.put("More", SPEAK)
    for _ in range(4):
        host.now += DELAY / 4
        host.signed("iam").get_role_policy(**ROLE, PolicyName="More")
        assert error(host.signed("iam").delete_role_policy, **ROLE, PolicyName="None")[0] == "NoSuchEntity"
    assert host.seen() is True


def test_the_same_in_the_server_and_for_what_ministack_answers(lab_factory: Callable[[str], Any]) -> None:
    lab = lab_factory("today")
    role = {"RoleName": lab.facts["role_name"], "PolicyName": "More"}
    credentials, iam = lab.role_credentials(), lab.client("iam")
    document = json.dumps(allow("polly:SynthesizeSpeech", "ec2:DescribeVpcs"))
    calls = (
        lambda: lab.client("polly", "us-east-1", credentials).synthesize_speech(**SPEECH),
        lambda: lab.client("ec2", "ca-central-1", credentials).describe_vpcs(),
    )
    for change, before in (
        (lambda: iam.put_role_policy(**role, PolicyDocument=document), False),
        (lambda: iam.delete_role_policy(**role), True),
    ):
        change()
        assert [allowed(call) for call in calls] == [before, before]
        time.sleep(Timing().iam_propagation)
        assert [allowed(call) for call in calls] == [not before, not before]


def allowed(call: Callable[[], object]) -> bool:
    try:
        call()
    except ClientError as denial:
        return is_no_denial(denial)
    return True
