# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the environment file shall hold, what may stand in it, and that its readers agree on it."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils.environment_blocks import ManagedBlock
from ansible_collections.safesecrets.infra.plugins.module_utils.environment_file import (
    environment_faults,
    exposure_faults,
    fingerprint,
    region_variables,
    service_faults,
    target_faults,
    variable_faults,
)
from dotenv import dotenv_values

HAIKU = "anthropic.claude-3-haiku-20240307-v1:0"
SONNET = "anthropic.claude-3-sonnet-20240229-v1:0"
REGIONS = {
    "CA": {"region": "ca-central-1", "name": "CANADA"},
    "US": {"region": "us-east-1", "name": "USA"},
}
MODEL_IDS = {"CA": {"default": HAIKU, "allowlist": [HAIKU, SONNET]}, "US": {"default": SONNET, "allowlist": [SONNET]}}
KEY_ID = "AKIAIOSFODNN7EXAMPLE"


def test_the_variables_are_those_of_the_requirements_in_their_order() -> None:
    variables = region_variables(REGIONS, "CA", MODEL_IDS)
    assert list(variables.items()) == [
        ("AWS_REGION_DEFAULT", "ca-central-1"),
        ("AWS_REGION_CANADA", "ca-central-1"),
        ("AWS_REGION_USA", "us-east-1"),
        ("BEDROCK_MODEL_ID_CA", HAIKU),
        ("BEDROCK_MODEL_ID_US", SONNET),
        ("BEDROCK_MODEL_ALLOWLIST_CA", f"{HAIKU},{SONNET}"),
        ("BEDROCK_MODEL_ALLOWLIST_US", SONNET),
        ("POLLY_REGION_CA", "ca-central-1"),
        ("POLLY_REGION_US", "us-east-1"),
        ("TRANSCRIBE_REGION_CA", "ca-central-1"),
        ("TRANSCRIBE_REGION_US", "us-east-1"),
    ]


def test_a_third_region_is_one_more_entry() -> None:
    regions = REGIONS | {"MX": {"region": "mx-central-1", "name": "MEXICO"}}
    variables = region_variables(regions, "MX", MODEL_IDS | {"MX": MODEL_IDS["US"]})
    added = {name: value for name, value in variables.items() if name not in region_variables(REGIONS, "CA", MODEL_IDS)}
    assert variables["AWS_REGION_DEFAULT"] == "mx-central-1"
    assert list(added) == [
        "AWS_REGION_MEXICO",
        "BEDROCK_MODEL_ID_MX",
        "BEDROCK_MODEL_ALLOWLIST_MX",
        "POLLY_REGION_MX",
        "TRANSCRIBE_REGION_MX",
    ]


@pytest.mark.parametrize(
    ("model_ids", "missing"),
    [
        (MODEL_IDS, []),
        ({}, ["CA.default", "CA.allowlist", "US.default", "US.allowlist"]),
        (None, ["CA.default", "CA.allowlist", "US.default", "US.allowlist"]),
        ({"CA": MODEL_IDS["CA"]}, ["US.default", "US.allowlist"]),
        (MODEL_IDS | {"US": {"default": HAIKU, "allowlist": []}}, ["US.allowlist"]),
        (MODEL_IDS | {"US": {"default": None, "allowlist": [HAIKU]}}, ["US.default"]),
        (MODEL_IDS | {"US": [HAIKU]}, ["US.default", "US.allowlist"]),
    ],
)
def test_model_ids_that_nobody_found_are_named(model_ids: Any, missing: list[str]) -> None:
    faults = environment_faults(REGIONS, "CA", model_ids)
    assert [each["variable"] for each in faults] == [f"environment_model_ids.{each}" for each in missing]


def test_an_unsafe_model_id_is_named_by_its_variable() -> None:
    faults = environment_faults(REGIONS, "CA", MODEL_IDS | {"US": {"default": "a b", "allowlist": ["a b"]}})
    assert [each["variable"] for each in faults] == ["BEDROCK_MODEL_ID_US", "BEDROCK_MODEL_ALLOWLIST_US"]


SAFE = [
    HAIKU,
    f"{HAIKU},{SONNET}",
    "us-gov-west-1",
    "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/a1b2c3d4e5f6",
    "https://api.smallest.ai/waves/v1/lightning-v3.1/get_speech",
    "aGVsbG8_-d29ybGQ=",
    "a+b@c%d",
]
UNSAFE = [
    "two words",
    " leading",
    "trailing ",
    "line\nbreak",
    "line break at the end\n",
    "key\n",
    "tab\t",
    "$HOME",
    "`id`",
    "$(id)",
    'quo"te',
    "quo'te",
    "back\\slash",
    "hash#mark",
    "semi;colon",
    "amper&sand",
    "pi|pe",
    "star*",
    "question?",
    "~",
    "a:~/b",
    "(x)",
    "<model-id>",
    "[x]",
    "{a,b}",
    "bang!",
    "caf\u00e9",
    "nul\0",
]


@pytest.mark.parametrize("value", SAFE)
def test_accepts_what_every_reader_takes_literally(value: str) -> None:
    assert variable_faults({"NAME": value}) == []


@pytest.mark.parametrize("value", SAFE)
def test_every_reader_gets_the_same(value: str, tmp_path: Path) -> None:
    block = ManagedBlock("environment", {"FIRST": "1", "NAME": value, "LAST": "2"})
    path = tmp_path / "app.env"
    path.write_bytes(block.text())
    printed = subprocess.run(
        ["sh", "-c", '. "$0"; printf %s "$NAME"', path], check=True, capture_output=True, text=True, env={}
    )
    docker = dict(line.split("=", 1) for line in path.read_text().splitlines() if not line.startswith("#"))
    assert printed.stdout == dotenv_values(path)["NAME"] == docker["NAME"] == value


@pytest.mark.parametrize("value", UNSAFE)
def test_refuses_what_one_reader_may_take_otherwise(value: str) -> None:
    (fault,) = variable_faults({"NAME": value})
    assert fault["variable"] == "NAME"
    assert value not in fault["fault"] + fault["remedy"]


@pytest.mark.parametrize("value", ["two words", "$HOME", "`id`", "hash #mark", 'quo"te', "back\\slash"])
def test_readers_do_disagree_on_what_is_refused(value: str, tmp_path: Path) -> None:
    path = tmp_path / "app.env"
    path.write_text(f"NAME={value}\n")
    shell = subprocess.run(["sh", "-c", '. "$0"; printf %s "$NAME"', path], check=False, capture_output=True, text=True)
    assert (shell.stdout, dotenv_values(stream=io.StringIO(path.read_text()))["NAME"]) != (value, value)


@pytest.mark.parametrize(
    ("variables", "faults"),
    [
        ({"NAME": ""}, ["has an empty value"]),
        ({"NAME": None}, ["has a value that is not text"]),
        ({"NAME": 1}, ["has a value that is not text"]),
        ({"NAME": KEY_ID}, ["has an AWS access key ID in its value"]),
        ({"NAME": "ASIAIOSFODNN7EXAMPLE"}, ["has an AWS access key ID in its value"]),
        ({"name": "x"}, ["is no name for a variable"]),
        ({"1NAME": "x"}, ["is no name for a variable"]),
        ({"NAME-X": "x"}, ["is no name for a variable"]),
        ({"NAME\n": "x"}, ["is no name for a variable"]),
        ({"": "x"}, ["is no name for a variable"]),
        ({"AWS_ACCESS_KEY_ID": "x"}, ["is a static AWS key"]),
        ({"AWS_SECRET_ACCESS_KEY": "x"}, ["is a static AWS key"]),
        ({"AWS_SESSION_TOKEN": "x"}, ["is a static AWS key"]),
    ],
)
def test_names_what_is_wrong_with_a_variable(variables: dict[str, Any], faults: list[str]) -> None:
    assert [each["fault"] for each in variable_faults(variables)] == faults


@pytest.mark.parametrize(
    ("path", "mode", "variables"),
    [
        ("/etc/safesecrets.env", "0600", []),
        ("/etc/safesecrets.env", "0640", []),
        ("/etc/safesecrets.env", "0400", []),
        ("/etc/safesecrets.env", "", []),
        ("/etc/safesecrets.env", "0644", ["environment_mode"]),
        ("/etc/safesecrets.env", "0700", ["environment_mode"]),
        ("/etc/safesecrets.env", "0602", ["environment_mode"]),
        ("/etc/safesecrets.env", "600", ["environment_mode"]),
        ("/etc/safesecrets.env", "u=rw", ["environment_mode"]),
        ("/etc/safesecrets.env", "0600\n", ["environment_mode"]),
        ("/etc/safesecrets.env", 384, ["environment_mode"]),
        ("etc/safesecrets.env", "0600", ["environment_path"]),
        ("/etc/", "0600", ["environment_path"]),
        (None, None, ["environment_path", "environment_mode"]),
    ],
)
def test_judges_path_and_mode(path: Any, mode: Any, variables: list[str]) -> None:
    assert [each["variable"] for each in target_faults(path, mode)] == variables


@pytest.mark.parametrize(
    ("mode", "found_mode", "refused"),
    [
        ("", "0600", False),
        ("", "0640", False),
        ("", "0644", True),
        ("", "0602", True),
        ("", "0661", True),
        ("0600", "0644", False),
    ],
)
def test_a_key_is_not_put_where_everyone_can_read_it(mode: str, found_mode: str, refused: bool) -> None:
    assert [each["variable"] for each in exposure_faults(mode, found_mode)] == ["environment_mode"] * refused


@pytest.mark.parametrize(
    ("secret", "shown"),
    [
        ("", "sha256:withheld, the key is short"),
        ("k" * 15, "sha256:withheld, the key is short"),
        ("abcdefghijklmnopqrstuvwxyz", "sha256:71c480df"),
    ],
)
def test_a_fingerprint_tells_long_keys_apart(secret: str, shown: str) -> None:
    assert fingerprint(secret) == shown


@pytest.mark.parametrize(
    ("service", "url", "variables"),
    [
        ("", "", []),
        ("safesecrets", "http://app.example/health", []),
        ("safesecrets@1.service", "https://app.example:8443/health", []),
        ("safesecrets", "", ["environment_health_url"]),
        ("safesecrets", "app.example/health", ["environment_health_url"]),
        ("safesecrets", "file:///etc/passwd", ["environment_health_url"]),
        ("-rf", "http://app.example", ["environment_service"]),
        ("a b", "http://app.example", ["environment_service"]),
        (None, "http://app.example", ["environment_service"]),
    ],
)
def test_judges_the_service_and_its_url(service: Any, url: str, variables: list[str]) -> None:
    assert [each["variable"] for each in service_faults(service, url)] == variables


@pytest.mark.parametrize(
    ("readers", "value", "said"),
    [
        (
            {},
            "a b'c",
            "dotenv and sh take it literally and no reader is misled: a blank, an apostrophe",
        ),
        ({"NAME": ["docker"]}, "a b", "docker take it literally and no reader is misled: a blank"),
        ({"NAME": ["systemd", "sh"]}, "a\\", "systemd and sh take it literally and no reader is misled: a backslash"),
        ({"NAME": ["sh"]}, "a\tb", "a control character"),
        ({"NAME": ["sh"]}, "a\nb", "a line break"),
        ({"OTHER": ["sh"]}, "$a", "a dollar sign"),
        ({"NAME": []}, "a", "is [], no list of readers"),
        ({"NAME": "sh"}, "a", "is 'sh', no list of readers"),
    ],
)
def test_names_the_readers_and_the_class_of_the_character(readers: dict[str, Any], value: str, said: str) -> None:
    (fault,) = variable_faults({"NAME": value}, readers=readers)
    assert said in fault["fault"]
