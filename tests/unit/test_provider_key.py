# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The provider's key: where it may come from, and that no answer shows it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.filter.smartest_ai import FilterModule
from ansible_collections.safesecrets.infra.plugins.module_utils.faults import explain_faults
from ansible_collections.safesecrets.infra.plugins.module_utils.provider_key import (
    SOURCES,
    key_faults,
    key_of,
    key_source,
    source_faults,
)

KEY = "s3cr3t-0123456789-abcdef"
SETTINGS = {
    "api_key": KEY,
    "api_key_secret_id": "",
    "api_key_parameter": "",
    "api_key_environment_variable": "",
    "api_key_json_key": "",
    "endpoint": "https://api.example.com/v1",
    "check_url": "",
    "api_key_name": "SMARTEST_AI_API_KEY",
    "endpoint_name": "SMARTEST_AI_ENDPOINT",
    "delivery": "environment",
    "service": "",
    "credential_directory": "/etc/safesecrets.credentials",
    "unit_directory": "/etc/systemd/system",
}
ALL = (
    "smartest_ai_api_key, smartest_ai_api_key_secret_id, smartest_ai_api_key_parameter, "
    "smartest_ai_api_key_environment_variable"
)
PLACE = {
    "api_key_secret_id": "",
    "api_key_parameter": "",
    "api_key_environment_variable": "",
    "api_key_region": "x-y-1",
}
SECRET = key_source(PLACE | {"api_key_secret_id": "a/b"})


@pytest.mark.parametrize(
    ("settings", "faults"),
    [
        ({}, []),
        ({"api_key": "", "api_key_secret_id": "a/b"}, []),
        ({"api_key": "", "api_key_secret_id": "a/b", "api_key_json_key": "key"}, []),
        ({"api_key": "", "api_key_parameter": "/a/b"}, []),
        ({"api_key": "", "api_key_parameter": "/a/b", "api_key_json_key": "key"}, []),
        ({"api_key": "", "api_key_environment_variable": "SMARTEST_AI_API_KEY"}, []),
        ({"api_key_name": "SMALLEST_AI_API_KEY", "endpoint_name": "SMALLEST_AI_ENDPOINT"}, []),
        ({"api_key": ""}, [f"{ALL} are all empty"]),
        ({"api_key_secret_id": "a/b"}, ["smartest_ai_api_key, smartest_ai_api_key_secret_id are set together"]),
        (
            {"api_key": "", "api_key_parameter": "/a/b", "api_key_environment_variable": "KEY"},
            ["smartest_ai_api_key_parameter, smartest_ai_api_key_environment_variable are set together"],
        ),
        ({"api_key_json_key": "key"}, ["smartest_ai_api_key_json_key is set without a store"]),
        (
            {"api_key": "", "api_key_environment_variable": "KEY", "api_key_json_key": "key"},
            ["smartest_ai_api_key_json_key is set without a store"],
        ),
        ({"endpoint": ""}, ["smartest_ai_endpoint is empty"]),
        ({"endpoint": None}, ["smartest_ai_endpoint is nothing, not text"]),
        ({"endpoint": "http://api.example.com"}, ["smartest_ai_endpoint does not start with https://"]),
        ({"endpoint": f"https://{KEY}@api.example.com"}, ["smartest_ai_endpoint holds credentials"]),
        ({"endpoint": "https://api.example.com/{voice}"}, ["smartest_ai_endpoint has a value with a character"]),
        ({"check_url": "https://api.example.com/v1/get_voices"}, []),
        ({"check_url": "http://api.example.com/v1/get_voices"}, ["smartest_ai_check_url does not start with https://"]),
        ({"check_url": f"https://api.example.com/?key={KEY}"}, ["smartest_ai_check_url holds a query"]),
        ({"api_key_name": "smartest"}, ["smartest_ai_api_key_name is no name for a variable"]),
        ({"api_key_name": ["X"]}, ["smartest_ai_api_key_name is no name for a variable"]),
        ({"endpoint_name": "SMARTEST_AI_API_KEY"}, ["smartest_ai_endpoint_name is the name of the key too"]),
        ({"delivery": "credential", "service": "app@1.service"}, []),
        ({"delivery": "credential"}, ["smartest_ai_service is empty"]),
        ({"delivery": "file"}, ["smartest_ai_delivery is no known delivery"]),
        ({"service": "../app"}, ["smartest_ai_service is no name of a service"]),
        ({"credential_directory": "credentials"}, ["smartest_ai_credential_directory is no directory"]),
        ({"unit_directory": "/etc/systemd/%i"}, ["smartest_ai_unit_directory is no directory"]),
        ({"endpoint_name": "A-B"}, ["smartest_ai_endpoint_name is no name for a variable"]),
    ],
)
def test_says_what_is_wrong_with_the_roles_variables(settings: dict[str, Any], faults: list[str]) -> None:
    explained = explain_faults(source_faults(SETTINGS | settings))
    assert KEY not in explained
    assert len(explained.splitlines()) == len(faults)
    for line, start in zip(explained.splitlines(), faults, strict=True):
        assert line.startswith(start)


@pytest.mark.parametrize(
    ("secret", "json_key", "key", "fault"),
    [
        (KEY, "", KEY, ""),
        (f'{{"key": "{KEY}", "other": 1}}', "key", KEY, ""),
        ("", "", "", "is missing or empty"),
        (None, "", "", "is missing or empty"),
        ("", "key", "", "is missing or empty"),
        ([KEY], "", "", "holds no text"),
        ({"key": KEY}, "", "", "holds no text"),
        (KEY.encode(), "", "", "holds no text"),
        (f"{KEY}\n", "", f"{KEY}\n", "has a value with a character"),
        (f'"{KEY}"', "", f'"{KEY}"', "has a value with a character"),
        (f'{{"key": "{KEY}"}}', "", f'{{"key": "{KEY}"}}', "has a value with a character"),
        (KEY, "key", "", "is no JSON object"),
        (f'["{KEY}"]', "key", "", "is no JSON object"),
        (f'{{"key": "{KEY}"', "key", "", "is no JSON object"),
        (f'{{"other": "{KEY}"}}', "key", "", "has no key key"),
        (f'{{"key": ["{KEY}"]}}', "key", "", "holds no text"),
        ('{"key": ""}', "key", "", "holds no text"),
        ("AKIAIOSFODNN7EXAMPLE", "", "AKIAIOSFODNN7EXAMPLE", "has an AWS access key ID in its value"),
    ],
)
def test_takes_the_key_or_says_why_there_is_none(secret: Any, json_key: str, key: str, fault: str) -> None:
    explained = explain_faults(key_faults(secret, SECRET, json_key))
    assert key_of(secret, json_key) == key
    assert explained.startswith(f"the secret a/b in x-y-1 {fault}" if fault else "")
    assert bool(explained) is bool(fault)
    assert KEY not in explained


@pytest.mark.parametrize(
    ("place", "name", "remedy"),
    [
        ({}, "smartest_ai_api_key", "Ansible Vault"),
        ({"api_key_secret_id": "a/b"}, "the secret a/b in x-y-1", "smartest_ai_api_key_secret_id"),
        ({"api_key_parameter": "/a/b"}, "the parameter /a/b in x-y-1", "smartest_ai_api_key_parameter"),
        ({"api_key_environment_variable": "KEY"}, "the controller's environment variable KEY", "AWX"),
    ],
)
def test_a_source_without_a_key_is_named_with_its_remedy(place: dict[str, str], name: str, remedy: str) -> None:
    source = key_source(PLACE | place)
    assert source["kind"] in SOURCES
    (missing,) = key_faults("", source)
    assert missing["variable"] == name
    assert remedy in missing["remedy"]


def test_of_the_filters_only_one_gives_the_key() -> None:
    filters = FilterModule().filters()
    answers = {name: str(filters[name](KEY)) for name in ("key_fingerprint", "provider_key")}
    answers["provider_key_faults"] = str(filters["provider_key_faults"](KEY, SECRET))
    answers["provider_source_faults"] = str(filters["provider_source_faults"](SETTINGS))
    assert [name for name, answer in answers.items() if KEY in answer] == ["provider_key"]


def test_a_key_that_not_all_readers_need_may_be_one_that_is_quoted_for_them() -> None:
    assert key_faults("a b$c", SECRET) != []
    assert key_faults("a b$c", SECRET, readers=["systemd", "sh"]) == []
    assert key_faults("a b$c", SECRET, readers=["docker"]) != []
