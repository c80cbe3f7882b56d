# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every way to get the configuration wrong, and what is said about it."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.safesecrets.infra.plugins.filter import configuration as configuration_filters
from ansible_collections.safesecrets.infra.plugins.module_utils.configuration import (
    configuration_faults,
    endpoint_faults,
    unknown_regions,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.faults import explain_faults
from botocore.session import Session

REPOSITORY = Path(__file__).resolve().parents[2]
PRODUCTION = REPOSITORY / "inventory/production/group_vars/all/safesecrets.yml"
HAIKU = "anthropic.claude-3-haiku-20240307-v1:0"
OPUS = "anthropic.claude-3-opus-20240229-v1:0"
ELSEWHERE = "arn:aws:bedrock:us-west-2:111122223333:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0"
PROVISIONED = "arn:aws:bedrock:us-east-1:111122223333:provisioned-model/a1b2c3d4e5f6"
MISSING = object()
Configuration = dict[str, Any]


@pytest.fixture
def configuration() -> Configuration:
    """Give the configuration that the repository comes with."""
    content = yaml.safe_load(PRODUCTION.read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content


def put(configuration: Configuration, path: str, value: Any) -> Configuration:
    """Return the configuration with another value, or without it."""
    changed = deepcopy(configuration)
    *parents, last = path.split(".")
    holder = changed
    for parent in parents:
        holder = holder[parent]
    if value is MISSING:
        del holder[last]
    else:
        holder[last] = value
    return changed


def test_the_shipped_configuration_has_no_fault(configuration: Configuration) -> None:
    assert configuration_faults(configuration) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("safesecrets_account_id", "111122223333"),
        ("safesecrets_role_name", "a+b=c,d.e@f-g_h"),
        ("safesecrets_default_region", "US"),
        ("safesecrets_modes.1.data", "anywhere"),
        ("safesecrets_provider_jurisdictions", {"smartest_ai": "india"}),
        ("safesecrets_provider_jurisdictions", MISSING),
        ("safesecrets_regions.US.region", "us-gov-west-1"),
        ("safesecrets_regions.US.region", "us-iso-east-1"),
        ("safesecrets_regions.US.region", "eusc-de-east-1"),
        ("safesecrets_regions.US.region", "us-east-9"),
        ("safesecrets_regions.US.models.optional", []),
        ("safesecrets_regions.US.models.optional", ["us.anthropic.claude-haiku-4-5-20251001-v1:0"]),
        ("safesecrets_regions.US.models.optional", ["global.anthropic.claude-opus-5-20260101-v1:0"]),
        (
            "safesecrets_regions.US.models.optional",
            ["arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0"],
        ),
        (
            "safesecrets_regions.US.models.optional",
            ["arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/a1b2c3d4e5f6"],
        ),
        ("safesecrets_regions.US.voices.required", []),
        ("safesecrets_regions.US.voices.engine", "long-form"),
        ("safesecrets_assume_role_arn", "arn:aws:iam::111122223333:role/teams/operator"),
        ("safesecrets_aws", {"profile": "production"}),
        ("safesecrets_aws", {"endpoint_url": "https://127.0.0.1:4566"}),
        ("safesecrets_imds_endpoint", "http://[fd00:ec2::254]"),
        ("smartest_ai_endpoint", "https://api.smallest.ai/waves/v1/lightning-v3.1/get_speech"),
        ("smartest_ai_endpoint", ""),
    ],
)
def test_accepts_what_is_right(configuration: Configuration, path: str, value: Any) -> None:
    assert configuration_faults(put(configuration, path, value)) == []


def test_accepts_a_third_region(configuration: Configuration) -> None:
    region = deepcopy(configuration["safesecrets_regions"]["US"]) | {"region": "eu-central-1", "name": "GERMANY"}
    assert configuration_faults(put(configuration, "safesecrets_regions.EU_1", region)) == []


#: (path, value, where below the path the fault is, the fault)
WRONG = [
    ("safesecrets_account_id", "1234", "", "is '1234', which is no account ID"),
    ("safesecrets_account_id", 111122223333, "", "is a number, not text"),
    ("safesecrets_account_id", "111122223333\n", "", "is '111122223333\\n', which is no account ID"),
    ("safesecrets_role_name", MISSING, "", "is not set"),
    ("safesecrets_role_name", "", "", "is '', which is no name of a role"),
    ("safesecrets_role_name", "arn:aws:iam::1:role/x", "", "is 'arn:aws:iam::1:role/x', which is no name of a role"),
    ("safesecrets_role_name", ["x"], "", "is a list, not text"),
    ("safesecrets_default_region", "XX", "", "is 'XX', which is no code of safesecrets_regions"),
    ("safesecrets_default_region", MISSING, "", "is None, which is no code of safesecrets_regions"),
    ("safesecrets_default_region", ["CA"], "", "is ['CA'], which is no code of safesecrets_regions"),
    ("safesecrets_default_region", "ca-central-1", "", "is 'ca-central-1', which is no code of safesecrets_regions"),
    ("safesecrets_regions", MISSING, "", "is nothing, not a mapping"),
    ("safesecrets_regions", {}, "", "is empty"),
    ("safesecrets_regions", ["CA"], "", "is a list, not a mapping"),
    ("safesecrets_regions.CA", None, "", "is nothing, not a mapping"),
    ("safesecrets_regions.CA", "ca-central-1", "", "is text, not a mapping"),
    ("safesecrets_regions.CA.region", "canada", "", "is 'canada', which is no name of an AWS region"),
    ("safesecrets_regions.CA.region", "ca-central", "", "is 'ca-central', which is no name of an AWS region"),
    ("safesecrets_regions.CA.region", "??", "", "is '??', which is no name of an AWS region"),
    ("safesecrets_regions.CA.region", "CA-CENTRAL-1", "", "is 'CA-CENTRAL-1', which is no name of an AWS region"),
    ("safesecrets_regions.CA.region", "ca-central-1a", "", "is 'ca-central-1a', which is no name of an AWS region"),
    ("safesecrets_regions.CA.region", 1, "", "is a number, not text"),
    ("safesecrets_regions.CA.region", MISSING, "", "is missing"),
    ("safesecrets_regions.US.region", "ca-central-1", "", "is 'ca-central-1', which CA has too"),
    ("safesecrets_regions.US.name", "CANADA", "", "is 'CANADA', which CA has too"),
    ("safesecrets_regions.US.name", "Usa", "", "is 'Usa', which is no part of a variable's name"),
    ("safesecrets_regions.US.name", "DEFAULT", "", "is DEFAULT, but AWS_REGION_DEFAULT names the default region"),
    ("safesecrets_regions.US.modells", {}, "", "is no known key"),
    ("safesecrets_regions.US.models", MISSING, "", "is missing"),
    ("safesecrets_regions.US.models", [HAIKU], "", "is a list, not a mapping"),
    ("safesecrets_regions.US.models.default", MISSING, "", "is missing"),
    ("safesecrets_regions.US.models.default", "", "", "is '', which its allowlist does not name"),
    (
        "safesecrets_regions.US.models.default",
        OPUS,
        "",
        f"is '{OPUS}', which its allowlist does not name",
    ),
    ("safesecrets_regions.US.models.default", 3, "", "is a number, not text"),
    ("safesecrets_regions.US.models.allowlist", [], "", "is empty"),
    ("safesecrets_regions.US.models.allowlist", HAIKU, "", "is text, not a list"),
    (
        "safesecrets_regions.US.models.allowlist",
        [HAIKU, "claude 3"],
        "",
        "holds what is no ID: 'claude 3' is no model identifier",
    ),
    (
        "safesecrets_regions.US.models.allowlist",
        [HAIKU, HAIKU],
        "[1]",
        f"names '{HAIKU}' again",
    ),
    (
        "safesecrets_regions.US.models.allowlist",
        [HAIKU, 3],
        "[1]",
        "is a number, not text",
    ),
    (
        "safesecrets_regions.US.models.optional",
        [HAIKU],
        "",
        f"names '{HAIKU}', which is in the allow-list too",
    ),
    (
        "safesecrets_regions.US.models.optional",
        [ELSEWHERE],
        "",
        f"holds what is no ID: {ELSEWHERE} is of us-west-2, but it is used in us-east-1",
    ),
    (
        "safesecrets_regions.US.models.optional",
        [PROVISIONED],
        "",
        f"holds what is no ID: '{PROVISIONED}' is no model identifier",
    ),
    ("safesecrets_regions.US.voices", None, "", "is nothing, not a mapping"),
    ("safesecrets_regions.US.voices.engine", "turbo", "", "is 'turbo', which is no engine of Polly's"),
    ("safesecrets_regions.US.voices.engine", MISSING, "", "is missing"),
    ("safesecrets_regions.US.voices.required", "Ruth", "", "is text, not a list"),
    ("safesecrets_regions.US.voices.required", ["ruth"], "", "is 'ruth', which is no ID of a voice"),
    ("safesecrets_modes", {}, "", "is empty"),
    ("safesecrets_modes.1", None, "", "is nothing, not a mapping"),
    ("safesecrets_modes.1.name", " ", "", "is ' ', which is no name"),
    ("safesecrets_modes.1.language_model", "XX", "", "is 'XX', which is no code of safesecrets_regions"),
    ("safesecrets_modes.1.transcription", "ca", "", "is 'ca', which is no code of safesecrets_regions"),
    ("safesecrets_modes.1.data", "moon", "", "is 'moon', which is no place where data may go"),
    ("safesecrets_provider_jurisdictions", ["us"], "", "is a list, not a mapping"),
    ("safesecrets_provider_jurisdictions", {"smartest_ai": "eu"}, ".smartest_ai", "is 'eu', which is no jurisdiction"),
    ("safesecrets_provider_jurisdictions", {"other": "us"}, " (its key)", "is 'other', which is no speech provider"),
    ("safesecrets_modes.1.speech", MISSING, "", "is missing"),
    ("safesecrets_modes.1.speech", "polly", "", "is text, not a mapping"),
    ("safesecrets_modes.1.speech", {"region": "CA"}, ".engine", "is missing"),
    ("safesecrets_modes.1.speech.region", "MX", "", "is 'MX', which is no code of safesecrets_regions"),
    ("safesecrets_modes.1.speech.engine", "x", "", "is 'x', which is no engine of Polly's"),
    ("safesecrets_modes.4.speech.provider", "acme", "", "is 'acme', which is no speech provider"),
    ("safesecrets_modes.4.speech.region", "US", "", "is no known key"),
    ("safesecrets_assume_role_arn", "operator", "", "is 'operator', which is no ARN of a role"),
    ("safesecrets_assume_role_arn", 1, "", "is a number, not text"),
    ("safesecrets_aws", "production", "", "is text, not a mapping"),
    ("safesecrets_aws", {"endpoint_url": "http://127.0.0.1:4566"}, ".endpoint_url", "does not start with https://"),
    ("safesecrets_imds_endpoint", "169.254.169.254", "", "does not start with http:// or https://"),
    ("smartest_ai_endpoint", "http://api.example.com", "", "does not start with https://"),
]


@pytest.mark.parametrize(("path", "value", "below", "fault"), WRONG)
def test_names_the_variable_and_the_fault(
    configuration: Configuration, path: str, value: Any, below: str, fault: str
) -> None:
    faults = configuration_faults(put(configuration, path, value))
    assert {"variable": path + below, "fault": fault} in [
        {"variable": each["variable"], "fault": each["fault"]} for each in faults
    ]
    assert all(each["remedy"] for each in faults)


@pytest.mark.parametrize(
    ("path", "value", "remedy"),
    [
        ("safesecrets_regions.CA.region", "ca-central", "did you mean ca-central-1?"),
        ("safesecrets_regions.CA.region", "canada", "write a region's name such as us-east-1"),
        ("safesecrets_regions.CA.modells", {}, "did you mean models?"),
        ("safesecrets_regions.CA.colour", "red", "safesecrets_regions.CA knows region, name, models, voices"),
        ("safesecrets_default_region", "XX", "write one of CA, US"),
        ("safesecrets_modes.1.speech.engine", "x", "write one of standard, neural, long-form, generative"),
        ("safesecrets_account_id", 111122223333, 'write it in quotes: twelve digits such as "111122223333"'),
        ("smartest_ai_endpoint", "http://api.example.com", "write https://HOST[:PORT]/PATH"),
    ],
)
def test_names_the_remedy(configuration: Configuration, path: str, value: Any, remedy: str) -> None:
    (fault,) = configuration_faults(put(configuration, path, value), lambda: ["ca-central-1", "us-east-1"])
    assert fault["remedy"].startswith(remedy)


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("ca", "is 'ca', which is no region code"),
        ("C-A", "is 'C-A', which is no region code"),
        ("1CA", "is '1CA', which is no region code"),
        ("", "is '', which is no region code"),
        (False, "is true or false, not text"),  # what YAML makes of NO, the code of Norway
        (1, "is a number, not text"),
    ],
)
def test_refuses_a_code_that_cannot_stand_in_a_variables_name(
    configuration: Configuration, code: object, fault: str
) -> None:
    regions = configuration["safesecrets_regions"]
    regions[code] = deepcopy(regions["US"]) | {"region": "eu-north-1", "name": "NORTH"}
    assert [each["fault"] for each in configuration_faults(configuration)] == [fault]


def test_a_mode_that_is_a_number_is_put_in_quotes(configuration: Configuration) -> None:
    configuration["safesecrets_modes"][5] = configuration["safesecrets_modes"]["1"]
    faults = configuration_faults(configuration)
    assert explain_faults(faults) == 'safesecrets_modes.5 has a number as its key. Remedy: write the key in quotes: "5"'


def test_an_assumed_role_is_of_the_account_that_may_be_changed(configuration: Configuration) -> None:
    configuration["safesecrets_account_id"] = "111122223333"
    configuration["safesecrets_assume_role_arn"] = "arn:aws:iam::444455556666:role/operator"
    faults = configuration_faults(configuration)
    assert [each["fault"] for each in faults] == [
        "is a role of account 444455556666, but safesecrets_account_id is 111122223333"
    ]


@pytest.mark.parametrize("wrong", [None, 1, True, "x", [], [1], {}, {1: 2}, {"CA": None}, {"CA": {"region": {}}}])
@pytest.mark.parametrize(
    "path",
    [
        "safesecrets_account_id",
        "safesecrets_assume_role_arn",
        "safesecrets_aws",
        "safesecrets_default_region",
        "safesecrets_imds_endpoint",
        "safesecrets_modes",
        "safesecrets_modes.1",
        "safesecrets_modes.1.speech",
        "safesecrets_regions",
        "safesecrets_regions.CA",
        "safesecrets_regions.CA.models",
        "safesecrets_regions.CA.models.allowlist",
        "safesecrets_regions.CA.models.default",
        "safesecrets_regions.CA.models.optional",
        "safesecrets_regions.CA.name",
        "safesecrets_regions.CA.region",
        "safesecrets_regions.CA.voices",
        "safesecrets_regions.CA.voices.required",
        "safesecrets_role_name",
        "smartest_ai_endpoint",
    ],
)
def test_a_wrong_type_is_a_fault_and_no_traceback(configuration: Configuration, path: str, wrong: Any) -> None:
    faults = configuration_faults(put(configuration, path, wrong))
    assert all(set(each) == {"variable", "fault", "remedy"} and all(each.values()) for each in faults)


def test_every_fault_is_reported_at_once(configuration: Configuration) -> None:
    configuration["safesecrets_role_name"] = ""
    configuration["safesecrets_regions"]["US"]["models"]["allowlist"] = []
    configuration["safesecrets_modes"]["2"]["data"] = "europe"
    assert {each["variable"] for each in configuration_faults(configuration)} == {
        "safesecrets_role_name",
        "safesecrets_regions.US.models.allowlist",
        "safesecrets_modes.2.data",
    }


@pytest.mark.parametrize(
    ("endpoint", "faults"),
    [
        ("https://api.example.com", []),
        ("https://api.example.com:8443/v1/speech", []),
        ("HTTPS://API.EXAMPLE.COM", []),
        ("http://api.example.com", ["does not start with https://"]),
        ("ftp://api.example.com", ["does not start with https://"]),
        ("api.example.com", ["does not start with https://", "names no host"]),
        ("https://", ["names no host"]),
        ("https:///v1", ["names no host"]),
        ("https://user:hunter2@api.example.com", ["holds credentials"]),
        ("https://hunter2@api.example.com", ["holds credentials"]),
        ("https://api.example.com/v1?key=hunter2", ["holds a query, where credentials would be logged"]),
        ("https://api.example.com/v1#hunter2", ["holds a fragment"]),
        ("https://api.example.com/v1 hunter2", ["holds white space"]),
        ("https://api.example.com:port", ["is no URL"]),
        ("https://[::1", ["is no URL"]),
        (None, ["is nothing, not text"]),
        (["https://api.example.com"], ["is a list, not text"]),
    ],
)
def test_an_endpoint_is_https_and_holds_nothing_secret(endpoint: Any, faults: list[str]) -> None:
    found = endpoint_faults("smartest_ai_endpoint", endpoint)
    assert [each["fault"] for each in found] == faults
    assert "hunter2" not in explain_faults(found)


@pytest.mark.parametrize(
    ("known", "unknown"),
    [([], []), (["ca-central-1", "us-east-1"], []), (["ca-central-1"], ["us-east-1"])],
)
def test_a_region_that_nobody_knows_yet_is_a_hint(
    configuration: Configuration, known: list[str], unknown: list[str]
) -> None:
    assert unknown_regions(configuration["safesecrets_regions"], known) == unknown


def test_the_known_regions_are_those_that_botocore_s_sessions_know() -> None:
    session = Session()
    known = {
        region
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("ec2", partition_name=partition)
    }
    assert {"ca-central-1", "us-east-1", "us-gov-west-1"} <= known
    assert set(configuration_filters.known_regions()) == known


def test_regions_are_found_out_for_remedies_alone(configuration: Configuration) -> None:
    asked: list[str] = []

    def known_regions() -> list[str]:
        asked.append("known regions")
        return ["us-east-1"]

    assert configuration_faults(configuration, known_regions) == []
    assert asked == []
    configuration["safesecrets_regions"]["US"]["region"] = "us-east1"
    (found,) = configuration_faults(configuration, known_regions)
    assert (found["remedy"], asked) == ("did you mean us-east-1?", ["known regions"])


def test_the_filters_ask_botocore_for_the_regions(configuration: Configuration) -> None:
    filters: dict[str, Callable[..., Any]] = configuration_filters.FilterModule().filters()
    regions = configuration["safesecrets_regions"]
    assert filters["unknown_regions"](regions) == []
    regions["US"]["region"] = "us-east-9"
    assert filters["unknown_regions"](regions) == ["us-east-9"]
    regions["US"]["region"] = "us-esat-1"
    assert filters["configuration_faults"](configuration) == []
    regions["US"]["region"] = "us-east1"
    assert filters["configuration_faults"](configuration)[0]["remedy"] == "did you mean us-east-1?"
