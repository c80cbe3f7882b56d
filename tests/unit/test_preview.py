# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What could not be looked at is unproven; what the chain would stop at is not."""

from __future__ import annotations

import pytest
from ansible_collections.safesecrets.infra.plugins.filter.preview import FilterModule
from ansible_collections.safesecrets.infra.plugins.module_utils import preview
from ansible_collections.safesecrets.infra.plugins.module_utils.findings import checked, finding

UNSEEN = [
    "Failed to list the foundation models in us-east-1 (IAM action bedrock:ListFoundationModels): An error occurred "
    "(AccessDeniedException) when calling the ListFoundationModels operation: User: x is not authorized",
    "The role R of account 1 could not be looked up (iam:GetRole): ... (AccessDenied)",
    "Unable to locate credentials",
    'Could not connect to the endpoint URL: "https://iam.amazonaws.com/"',
    "Failed to connect to the host via ssh: Permission denied (publickey).",
    "sudo: a password is required",
    {"unreachable": True},
    "",
]
FAULTS = [
    "iam_policy_regions ask for a managed policy of 7000 characters, and IAM accepts 6144. Remedy: fewer",
    "safesecrets_regions.US.models: us.x is an inference profile, and its ARNs in us-east-1 are not known.",
    "/etc/safesecrets.env, line 3 sets AWS_ACCESS_KEY_ID, a static AWS key",
]


@pytest.mark.parametrize("message", UNSEEN[:-1])
def test_what_cannot_be_looked_at_is_unproven(message: object) -> None:
    (found,) = checked(preview.unseen_findings("INFRA-P2-1", "the role", message))
    assert (found["id"], found["status"], found["subject"]) == ("preflight.look", "unproven", "the role")
    assert "docs/preflight-policy.json" in found["remedy"]


@pytest.mark.parametrize("message", [*FAULTS, UNSEEN[-1]])
def test_what_the_chain_would_stop_at_fails(message: str) -> None:
    (found,) = checked(preview.unseen_findings("INFRA-P2-1", "the role", message))
    assert (found["status"], message in found["detail"]) == ("fail", True)


def test_a_plan_is_carried_out_by_the_site_s_playbook() -> None:
    planned = finding("a.b", "INFRA-P2-1", "s", "unproven", "Would be.", remedy="Run without check mode.")
    other = finding("a.c", "INFRA-P2-1", "s", "fail", "Wrong.", remedy="Mend it.")
    assert [each["remedy"] for each in preview.preview_findings([planned, other])] == [
        "Run playbooks/site.yml.",
        "Mend it.",
    ]
    assert set(FilterModule().filters()) == {"preview_findings", "unseen_findings"}
