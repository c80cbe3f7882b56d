"""Bad input is refused before anything is changed, with the variable, the fault and the remedy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from tests.end_to_end.playbook_run import REPOSITORY, Lab, running_lab

CONFIGURATION = yaml.safe_load((REPOSITORY / "inventory/production/group_vars/all/safesecrets.yml").read_text())
REGIONS: dict[str, Any] = CONFIGURATION["safesecrets_regions"]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One lab for the table: each run must leave it as it was, so they can share it."""
    with running_lab("today", tmp_path_factory.mktemp("bad-input")) as started:
        yield started


def regions(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """The customer's regions with one fault."""
    changed = deepcopy(REGIONS)
    change(changed)
    return {"safesecrets_regions": changed}


CASES = {
    "unknown region code as default": ({"safesecrets_default_region": "EU"}, ["safesecrets_default_region", "EU"]),
    "two codes for one region": (
        regions(lambda r: r["US"].update(region="ca-central-1")),
        ["safesecrets_regions", "ca-central-1", "CA", "US"],
    ),
    "region code that is no name": (regions(lambda r: r.update({"u-s": r.pop("US")})), ["safesecrets_regions", "u-s"]),
    "malformed region": (
        regions(lambda r: r["US"].update(region="us_east_1")),
        ["safesecrets_regions.US.region", "us_east_1"],
    ),
    "model ID that is none": (
        regions(lambda r: r["US"]["models"].update(default="claude", allowlist=["claude"])),
        ["safesecrets_regions.US.models", "claude"],
    ),
    "empty allow-list": (
        regions(lambda r: r["US"]["models"].update(allowlist=[])),
        ["safesecrets_regions.US.models.allowlist", "empty"],
    ),
    "default outside its allow-list": (
        regions(lambda r: r["US"]["models"].update(default="anthropic.claude-3-opus-20240229-v1:0", optional=[])),
        ["safesecrets_regions.US.models.default", "allowlist"],
    ),
    "name unsafe for the file's readers": (
        regions(lambda r: r["US"].update(name="US A$")),
        ["safesecrets_regions.US.name"],
    ),
    "endpoint without TLS": (
        {"smartest_ai_endpoint": "http://api.smallest.ai/speech"},
        ["smartest_ai_endpoint", "https"],
    ),
    "endpoint with a password": (
        {"smartest_ai_endpoint": "https://user:pass@api.smallest.ai/speech"},
        ["smartest_ai_endpoint", "credentials"],
    ),
    "two sources of the key": (
        {"smartest_ai_api_key": "x" * 32},
        ["smartest_ai_api_key", "smartest_ai_api_key_secret_id"],
    ),
    "no source of the key": (
        {"smartest_ai_api_key_secret_id": ""},
        ["smartest_ai_api_key", "smartest_ai_api_key_secret_id"],
    ),
    "another account's credentials": (
        {"safesecrets_account_id": "999999999999"},
        ["safesecrets_account_id", "999999999999"],
    ),
    "account ID that is none": ({"safesecrets_account_id": "1234"}, ["safesecrets_account_id", "1234"]),
    "role that does not exist": ({"safesecrets_role_name": "NoSuchRole"}, ["NoSuchRole", "safesecrets_role_name"]),
    "no metadata service": ({"safesecrets_imds_endpoint": "http://127.0.0.1:9"}, ["http://127.0.0.1:9"]),
}


@pytest.mark.parametrize(("variables", "expected"), CASES.values(), ids=CASES)
def test_refused_before_anything_is_changed(lab: Lab, variables: dict[str, Any], expected: list[str]) -> None:
    before = observed(lab)
    run = lab.play(variables=variables)
    assert run.returncode != 0, run.output
    message = " ".join(run.output.split())
    assert [each for each in expected if each not in message] == [], run.output
    assert not any(run.changed.values()), run.output
    assert observed(lab) == before
    assert "Traceback" not in run.output


def test_no_credentials(lab: Lab) -> None:
    connection = {
        "endpoint_url": lab.facts["endpoint_url"],
        "aws_ca_bundle": lab.facts["ca_bundle"],
        "region": "ca-central-1",
    }
    run = lab.play(variables={"safesecrets_aws": connection}, AWS_EC2_METADATA_DISABLED="true", HOME=str(lab.directory))
    assert run.returncode != 0
    assert "credentials" in run.output
    assert not any(run.changed.values())


def observed(lab: Lab) -> tuple[bytes, list[str], str]:
    """What a run could have changed: the file, the role's inline policies, the model agreement."""
    session = boto3.Session(lab.facts["access_key_id"], lab.facts["secret_access_key"], region_name="us-east-1")
    connection = {"endpoint_url": lab.facts["endpoint_url"], "verify": lab.facts["ca_bundle"]}
    policies = session.client("iam", **connection).list_role_policies(RoleName=lab.facts["role_name"])["PolicyNames"]
    availability = session.client("bedrock", **connection).get_foundation_model_availability(
        modelId=REGIONS["US"]["models"]["default"]
    )
    return Path(lab.environment_file).read_bytes(), policies, availability["agreementAvailability"]["status"]
