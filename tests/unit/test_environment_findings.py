# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What follows from the managed blocks of the environment file."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils.environment_blocks import ManagedBlock
from ansible_collections.safesecrets.infra.plugins.module_utils.environment_file import region_variables
from ansible_collections.safesecrets.infra.plugins.module_utils.environment_findings import (
    environment_findings,
    restart_findings,
    rollback_findings,
    smartest_ai_disabled,
    smartest_ai_findings,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.findings import checked

REGIONS = {
    "CA": {"region": "ca-central-1", "name": "CANADA"},
    "US": {"region": "us-east-1", "name": "USA"},
}
VARIABLES = region_variables(
    REGIONS,
    "CA",
    {"CA": {"default": "a.b", "allowlist": ["a.b"]}, "US": {"default": "a.c", "allowlist": ["a.c", "a.d"]}},
)
CONTENT = "".join(f"{name}={value}\n" for name, value in VARIABLES.items())
WRITTEN = f"# BEGIN safesecrets.infra environment\n{CONTENT}# END safesecrets.infra environment\n"
KEY: dict[str, Any] = {
    "name": "SMARTEST_AI_API_KEY",
    "source": "smartest_ai_api_key",
    "fingerprint": "sha256:0f1e2d3c",
    "changes": [],
    "delivery": "environment",
    "places": ["/app.env"],
}
ENDPOINT = {"name": "SMARTEST_AI_ENDPOINT", "url": "https://api.example.com/v1"}


def findings_of(content: str, planned: bool = False) -> list[dict[str, Any]]:
    """Return the findings of INFRA-P2-5 on a file's content."""
    examined = ManagedBlock("environment", VARIABLES).examine(content.encode(), "/app.env")
    return checked(environment_findings(examined, VARIABLES, REGIONS, "app:/app.env", planned))


def test_a_written_block_passes_with_the_regions_own_variables_as_evidence() -> None:
    canada, usa = findings_of(WRITTEN)
    assert (canada["status"], usa["status"]) == ("pass", "pass")
    assert (canada["region"], usa["region"]) == ("ca-central-1", "us-east-1")
    assert canada["evidence"]["variables"] == {
        "AWS_REGION_DEFAULT": "ca-central-1",
        "AWS_REGION_CANADA": "ca-central-1",
        "BEDROCK_MODEL_ID_CA": "a.b",
        "BEDROCK_MODEL_ALLOWLIST_CA": "a.b",
        "POLLY_REGION_CA": "ca-central-1",
        "TRANSCRIBE_REGION_CA": "ca-central-1",
    }
    assert usa["evidence"]["variables"] == {
        "AWS_REGION_USA": "us-east-1",
        "BEDROCK_MODEL_ID_US": "a.c",
        "BEDROCK_MODEL_ALLOWLIST_US": "a.c,a.d",
        "POLLY_REGION_US": "us-east-1",
        "TRANSCRIBE_REGION_US": "us-east-1",
    }


@pytest.mark.parametrize(
    ("content", "planned", "status", "canada", "usa"),
    [
        (
            WRITTEN,
            False,
            "pass",
            "The file holds AWS_REGION_DEFAULT, AWS_REGION_CANADA",
            "The file holds AWS_REGION_USA,",
        ),
        # In check mode nothing is proven by a file that a run would still change, were it only its mode.
        (
            WRITTEN,
            True,
            "unproven",
            "A run without check mode would change the file, but none of these",
            "A run without",
        ),
        (
            WRITTEN.replace("POLLY_REGION_US=us-east-1", "POLLY_REGION_US=us-west-2"),
            True,
            "unproven",
            "A run without check mode would change the file, but none of these variables.",
            "A run without check mode would change POLLY_REGION_US: us-west-2 -> us-east-1.",
        ),
        (
            "",
            True,
            "unproven",
            "A run without check mode would change AWS_REGION_DEFAULT: (absent) -> ca-central-1; AWS_REGION_CANADA",
            "A run without check mode would change AWS_REGION_USA: (absent) -> us-east-1; BEDROCK",
        ),
        (
            WRITTEN.replace("POLLY_REGION_US=us-east-1", "POLLY_REGION_US=us-west-2"),
            False,
            "fail",
            "The file does not hold what was written: other variables differ.",
            "The file does not hold what was written: POLLY_REGION_US: us-west-2 -> us-east-1.",
        ),
        (
            WRITTEN + "AWS_REGION_USA=us-west-2\n",
            False,
            "fail",
            "The file does not hold what was written: sets AWS_REGION_USA outside the managed block",
            "The file does not hold what was written: sets AWS_REGION_USA outside the managed block",
        ),
        ("", False, "fail", "The file does not hold what was written: AWS_REGION_DEFAULT: (absent)", "The file does"),
    ],
)
def test_the_verdict_follows_the_file(content: str, planned: bool, status: str, canada: str, usa: str) -> None:
    found = findings_of(content, planned)
    assert [each["status"] for each in found] == [status, status]
    assert found[0]["detail"].startswith(canada)
    assert found[1]["detail"].startswith(usa)


def test_the_finding_on_the_key_names_its_source_and_fingerprint() -> None:
    secret = "s3cr3t-0123456789-abcdef"  # noqa: S105
    block = ManagedBlock("smartest_ai", {KEY["name"]: secret, ENDPOINT["name"]: ENDPOINT["url"]}, secrets=[KEY["name"]])
    for planned, status in ((True, "unproven"), (False, "fail")):
        found = smartest_ai_findings(block.examine(b"", "/app.env"), KEY, ENDPOINT, "app:/app.env", planned)
        assert [each["status"] for each in checked(found)] == [status]
        assert secret not in str(found)
    assert found[0]["evidence"] == {
        "key_name": "SMARTEST_AI_API_KEY",
        "key_source": "smartest_ai_api_key",
        "key_fingerprint": "sha256:0f1e2d3c",
        "key_fingerprint_before": "sha256:0f1e2d3c",
        "key_delivery": "environment",
        "key_places": ["/app.env"],
        "endpoint_name": "SMARTEST_AI_ENDPOINT",
        "endpoint": "https://api.example.com/v1",
    }


IN_FILE, IN_CREDENTIAL = {"delivery": "environment"}, {"delivery": "credential"}
NEW, OLD, NONE = "sha256:0f1e2d3c", "sha256:4b5a6978", "(absent)"


@pytest.mark.parametrize("planned", [False, True])
@pytest.mark.parametrize(
    ("delivery", "changes", "before", "told"),
    [
        (IN_FILE, [], NEW, ""),
        (IN_FILE, [f"{NONE} -> {NEW}"], None, ""),
        (IN_FILE, [f"{OLD} -> {NEW}"], OLD, f"the key before was another ({OLD} -> {NEW})"),
        (IN_CREDENTIAL, [f"{OLD} -> {NEW}"], OLD, f"the key before was another ({OLD} -> {NEW})"),
        # A switch of the delivery, with the same key and with another.
        (IN_CREDENTIAL, [f"{NEW} -> {NONE}", f"{NONE} -> {NEW}"], NEW, ""),
        (IN_FILE, [f"{NONE} -> {NEW}", f"{OLD} -> {NONE}"], OLD, f"({OLD} -> {NEW})"),
    ],
)
def test_a_rotation_shows_both_fingerprints(
    delivery: dict[str, str], changes: list[str], before: str | None, told: str, planned: bool
) -> None:
    key = {**KEY, **delivery, "changes": [f"{KEY['name']}: {change}" for change in changes]}
    examined = {"changes": [], "faults": [], "outside": [], "up_to_date": True}
    (finding,) = checked(smartest_ai_findings(examined, key, ENDPOINT, "app:/app.env", planned))
    assert finding["status"] == ("unproven" if planned else "pass")
    assert finding["evidence"]["key_fingerprint_before"] == before
    assert finding["evidence"]["key_fingerprint"] == NEW
    assert told in finding["detail"]
    assert ("was another" in finding["detail"]) is bool(told)
    if not planned:
        assert ("is a credential of systemd" in finding["detail"]) is (delivery is IN_CREDENTIAL)
    else:
        assert [change for change in key["changes"] if change not in finding["detail"]] == []


def test_what_is_not_wanted_is_not_applicable() -> None:
    (found,) = checked(smartest_ai_disabled("smartest_ai_enabled"))
    assert (found["status"], found["subject"]) == ("not_applicable", "smartest_ai_enabled")


RESTART = {
    "host": "app",
    "service": "safesecrets",
    "health_url": "http://app.example/health",
    "path": "/app.env",
    "failure": "",
    "second_failure": "",
}


@pytest.mark.parametrize(
    ("outcome", "planned", "status", "detail"),
    [
        (
            {},
            False,
            "pass",
            "A value changed; safesecrets was restarted and http://app.example/health answers.",
        ),
        ({}, True, "unproven", "A run without check mode would restart safesecrets, for a value changes or changed."),
        (
            {"failure": "Status code was 503."},
            False,
            "fail",
            "safesecrets did not come up with the changed /app.env: Status code was 503. The previous file is back; "
            "safesecrets was started again and http://app.example/health answers.",
        ),
        (
            {"failure": "no answer", "second_failure": "no answer either"},
            False,
            "fail",
            "safesecrets did not come up with the changed /app.env: no answer. The previous file is back; "
            "safesecrets was started again, but is not up with it either: no answer either.",
        ),
    ],
)
def test_says_what_came_of_the_restart(outcome: dict[str, str], planned: bool, status: str, detail: str) -> None:
    earlier = findings_of(WRITTEN)
    found, *others = checked(restart_findings(RESTART | outcome, earlier, planned))
    assert (found["status"], found["detail"], found["subject"]) == (status, detail, "app:safesecrets")
    assert [each["status"] for each in others] == (["fail", "fail"] if status == "fail" else [])
    assert [(each["id"], each["region"]) for each in others] == (
        [(each["id"], each["region"]) for each in earlier] if others else []
    )


@pytest.mark.parametrize(("block", "item"), [("environment", "INFRA-P2-5"), ("smartest_ai", "INFRA-P2-6")])
def test_says_that_a_block_is_out(block: str, item: str) -> None:
    outcome = {"changes": ["A: removed"], "original_kept": False}
    (out,) = checked(rollback_findings(block, "app:/app.env", outcome, planned=False))
    assert (out["item"], out["status"], out["detail"]) == (item, "pass", f"The file holds no managed block {block}.")
    (planned,) = checked(rollback_findings(block, "app:/app.env", outcome | {"original_kept": True}, planned=True))
    assert planned["status"] == "unproven"
    assert "is kept beside it" in planned["detail"]
