"""The metadata service keeps IMDSv2's rules, and what it hands out is worth what the role is worth."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.utils import InstanceMetadataFetcher

from lab.instance_metadata import Instance, InstanceMetadata
from lab.service import Response
from tests.lab.direct_lab import NOW, DirectLab

META = "/latest/meta-data"


def test_nothing_without_a_token(lab: Any) -> None:
    assert lab.metadata(f"{META}/instance-id")[0] == 401
    guess = {"x_aws_ec2_metadata_token": "guess"}
    assert lab.metadata(f"{META}/instance-id", **guess)[0] == 401


@pytest.mark.parametrize("seconds", ["", "0", "-1", "21601", "ten", "1.5"])
def test_a_token_needs_a_lifetime_up_to_six_hours(lab: Any, seconds: str) -> None:
    assert lab.metadata("/latest/api/token", "PUT", x_aws_ec2_metadata_token_ttl_seconds=seconds)[0] == 400
    assert lab.metadata("/latest/api/token", "PUT")[0] == 400


def test_a_token_is_given_by_put_and_not_through_a_proxy(lab: Any) -> None:
    ttl = {"x_aws_ec2_metadata_token_ttl_seconds": "60"}
    assert lab.metadata("/latest/api/token", "GET", **ttl)[0] == 405
    assert lab.metadata("/latest/api/token", "PUT", x_forwarded_for="10.0.0.1", **ttl)[0] == 403
    assert lab.metadata("/latest/api/token", "PUT", **ttl)[0] == 200


def test_instance_is_the_one_that_ec2_describes(lab: Any) -> None:
    token = lab.metadata_token()
    tagged = [{"Name": "tag:Application", "Values": ["safesecrets"]}]
    (reservation,) = lab.client("ec2").describe_instances(Filters=tagged)["Reservations"]
    (instance,) = reservation["Instances"]
    (interface,) = instance["NetworkInterfaces"]
    seen = {
        path: lab.metadata(f"{META}/{path}", x_aws_ec2_metadata_token=token)[1]
        for path in ("instance-id", "placement/region", "placement/availability-zone", "local-ipv4", "ami-id", "mac")
    }
    assert seen == {
        "instance-id": instance["InstanceId"],
        "placement/region": "ca-central-1",
        "placement/availability-zone": instance["Placement"]["AvailabilityZone"],
        "local-ipv4": instance["PrivateIpAddress"],
        "ami-id": instance["ImageId"],
        "mac": interface["MacAddress"],
    }
    assert interface["Groups"] == instance["SecurityGroups"]
    assert instance["MetadataOptions"]["HttpTokens"] == "required"
    profile = json.loads(lab.metadata(f"{META}/iam/info", x_aws_ec2_metadata_token=token)[1])
    assert profile["InstanceProfileArn"] == instance["IamInstanceProfile"]["Arn"]
    assert profile["InstanceProfileId"] == instance["IamInstanceProfile"]["Id"]


def test_identity_document_names_account_region_and_instance(lab: Any) -> None:
    path = "/latest/dynamic/instance-identity/document"
    document = json.loads(lab.metadata(path, x_aws_ec2_metadata_token=lab.metadata_token())[1])
    assert (document["accountId"], document["region"], document["instanceId"]) == (
        lab.facts["account_id"],
        lab.facts["region"],
        lab.facts["instance_id"],
    )


def test_folders_list_what_is_in_them(lab: Any) -> None:
    token = lab.metadata_token()
    assert lab.metadata(f"{META}/iam/", x_aws_ec2_metadata_token=token)[1].split() == ["info", "security-credentials/"]
    names = lab.metadata(f"{META}/", x_aws_ec2_metadata_token=token)[1].split()
    assert {"instance-id", "iam/", "placement/", "mac"} <= set(names)
    assert lab.metadata(f"{META}/nothing-of-the-kind", x_aws_ec2_metadata_token=token)[0] == 404


def test_botocore_gets_credentials_of_the_role_with_the_instance_as_session_name(lab: Any) -> None:
    fetcher = InstanceMetadataFetcher(base_url=lab.facts["imds_endpoint"] + "/", env={})
    fetched = fetcher.retrieve_iam_role_credentials()
    assert fetched["role_name"] == lab.facts["role_name"]
    credentials = {
        "aws_access_key_id": fetched["access_key"],
        "aws_secret_access_key": fetched["secret_key"],
        "aws_session_token": fetched["token"],
    }
    identity = lab.client("sts", credentials=credentials).get_caller_identity()
    role, instance = lab.facts["role_name"], lab.facts["instance_id"]
    assert identity["Arn"] == f"arn:aws:sts::{lab.facts['account_id']}:assumed-role/{role}/{instance}"
    assert identity["UserId"].endswith(f":{instance}")
    ends_in = datetime.fromisoformat(fetched["expiry_time"]) - datetime.now(UTC)
    assert timedelta(hours=5) < ends_in <= timedelta(hours=6)


def test_credentials_are_kept_until_they_near_their_end(lab: Any) -> None:
    assert lab.role_credentials() == lab.role_credentials()


def test_without_a_profile_there_is_nothing_under_iam(lab_factory: Callable[[str], Any]) -> None:
    lab = lab_factory("no_instance_profile")
    token = lab.metadata_token()
    for path in ("iam", "iam/", "iam/info", "iam/security-credentials/"):
        assert lab.metadata(f"{META}/{path}", x_aws_ec2_metadata_token=token) == (404, "")
    assert lab.metadata(f"{META}/instance-id", x_aws_ec2_metadata_token=token)[0] == 200


def test_the_profile_may_carry_another_role(lab_factory: Callable[[str], Any]) -> None:
    lab = lab_factory("wrong_role")
    role = lab.metadata(f"{META}/iam/security-credentials/", x_aws_ec2_metadata_token=lab.metadata_token())[1]
    assert role == "MM-KA-SceneBeat-LegacyEC2Role"
    identity = lab.client("sts", credentials=lab.role_credentials()).get_caller_identity()
    assert "/MM-KA-SceneBeat-LegacyEC2Role/" in identity["Arn"]


class Metadata:
    """A metadata service in this process, whose clock the test moves."""

    def __init__(self) -> None:
        self.lab = DirectLab()
        profile = self.lab.account.role.name
        here = Instance("i-1", "ami-1", "t3.medium", "10.0.0.1", "02:00", "ca-central-1", "ca-central-1a", NOW, profile)
        self._service = InstanceMetadata(self.lab.state, here)

    def token(self, seconds: int) -> str:
        headers = {"x-aws-ec2-metadata-token-ttl-seconds": str(seconds)}
        return self._service.answer("PUT", "/latest/api/token", headers).body.decode()

    def get(self, path: str, token: str) -> Response:
        return self._service.answer("GET", f"{META}/{path}", {"x-aws-ec2-metadata-token": token})

    def credentials(self, token: str) -> dict[str, str]:
        return json.loads(self.get(f"iam/security-credentials/{self.lab.account.role.name}", token).body)


def test_a_token_ends_with_its_lifetime() -> None:
    service = Metadata()
    short, long = service.token(1), service.token(21_600)
    service.lab.now += timedelta(seconds=1)
    assert service.get("instance-id", short).status == 401
    assert service.get("instance-id", long).status == 200


def test_credentials_are_new_before_the_old_ones_end() -> None:
    service = Metadata()
    token = service.token(21_600)
    first = service.credentials(token)
    ends = datetime.fromisoformat(first["Expiration"])
    service.lab.now = ends - timedelta(minutes=5, seconds=1)
    assert service.credentials(token) == first
    service.lab.now = ends - timedelta(minutes=5)
    second = service.credentials(token)
    assert second["AccessKeyId"] != first["AccessKeyId"]
    assert datetime.fromisoformat(second["Expiration"]) == service.lab.now + timedelta(hours=6)
