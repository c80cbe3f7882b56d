# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the prerequisites of the chain are: the right account, the role, and the role on the host."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils import instance_metadata
from ansible_collections.safesecrets.infra.plugins.module_utils.findings import FAIL, PASS, UNPROVEN, Finding, finding

ITEM = "prerequisites"


def configuration_findings(configuration: Mapping[str, Any], unknown_regions: Sequence[str]) -> list[Finding]:
    """Return the findings on a configuration without faults.

    unknown_regions: those of its regions that the controller's botocore does not know yet.
    """
    regions = {code: region["region"] for code, region in configuration["safesecrets_regions"].items()}
    modes = len(configuration["safesecrets_modes"])
    found = [
        finding(
            "prerequisites.configuration",
            ITEM,
            "safesecrets_regions",
            PASS,
            f"The configuration of {len(regions)} regions and {modes} modes is sound.",
            evidence={"regions": regions, "default_region": configuration["safesecrets_default_region"]},
        )
    ]
    return found + [
        finding(
            "prerequisites.region_known",
            ITEM,
            "safesecrets_regions",
            UNPROVEN,
            f"The botocore of the controller knows no region {region}.",
            region=region,
            remedy="Check how the region is written; if it is new, install a newer botocore.",
        )
        for region in unknown_regions
    ]


def account_findings(account_id: str, caller: Mapping[str, Any]) -> list[Finding]:
    """Return whether the credentials are of the account that may be changed.

    account_id: ``safesecrets_account_id``, empty for any. caller: the result of caller_identity_info.
    """
    evidence = {"account_id": caller["account_id"], "caller_arn": caller["arn"], "expected_account_id": account_id}
    fault = account_id not in ("", caller["account_id"])
    detail = f"The credentials are those of {caller['arn']} in account {caller['account_id']}"
    return [
        finding(
            "prerequisites.account",
            ITEM,
            caller["arn"],
            FAIL if fault else PASS,
            f"{detail}, but safesecrets_account_id is {account_id}." if fault else f"{detail}.",
            remedy="Use credentials of that account, or correct safesecrets_account_id." if fault else "",
            evidence=evidence,
        )
    ]


def role_findings(role_name: str, account_id: str, role: Mapping[str, Any] | None) -> list[Finding]:
    """Return whether the role exists; whether a host has it, only the host knows.

    role: the one that caller_identity_info found under the name, None where there is none.
    """
    identifier = "prerequisites.role"
    if not role:
        detail = f"The account {account_id} has no role {role_name}."
        remedy = "Name the role of the host's instance profile in safesecrets_role_name."
        return [finding(identifier, ITEM, role_name, FAIL, detail, remedy=remedy)]
    profiles = role["instance_profile_arns"]
    evidence = {"role_arn": role["arn"], "instance_profile_arns": profiles}
    detail = f"The role exists, in {len(profiles)} instance profiles."
    return [finding(identifier, ITEM, role["arn"], PASS, detail, evidence=evidence)]


def instance_findings(
    host: str, endpoint: str, token: Mapping[str, Any], seen: Mapping[str, str], expected: Mapping[str, str]
) -> list[Finding]:
    """Return whether the host is an EC2 instance of the account with the role.

    token, seen: ``token`` and ``instance`` of instance_metadata_info, which asked ``endpoint``.
    expected: ``account_id`` and ``role_name``.
    """
    for wrong, detail, remedy in _instance_faults(endpoint, token, seen, expected):
        if wrong:
            subject = seen["instance_id"] or host
            evidence = {"host": host, **seen}
            identifier = "prerequisites.instance_profile"
            region = seen["region"] or None
            return [finding(identifier, ITEM, subject, FAIL, detail, region=region, remedy=remedy, evidence=evidence)]
    return [
        finding(
            "prerequisites.instance_profile",
            ITEM,
            seen["instance_id"],
            PASS,
            f"The host {host} has the role {seen['role_name']}.",
            region=seen["region"],
            evidence={"host": host, **seen},
        )
    ]


def _instance_faults(
    endpoint: str, token: Mapping[str, Any], seen: Mapping[str, str], expected: Mapping[str, str]
) -> Iterator[tuple[bool, str, str]]:
    yield (
        token.get("status") != instance_metadata.OK,
        f"The instance metadata service at {endpoint} gave no token: {token.get('msg') or 'no answer'}.",
        "Run on an EC2 host whose metadata service is enabled; safesecrets_imds_endpoint names another address.",
    )
    yield (
        not (seen["instance_id"] and seen["region"] and seen["account_id"]),
        f"The instance metadata service at {endpoint} gave no identity document.",
        "Check what answers at this address.",
    )
    yield (
        seen["account_id"] != expected["account_id"],
        f"The host is in account {seen['account_id']}, the credentials are of account {expected['account_id']}.",
        "Use credentials of the host's account, or take the host out of the inventory.",
    )
    yield (
        not seen["instance_profile_arn"],
        "The host has no instance profile attached.",
        f"Attach the instance profile of the role {expected['role_name']} to the host.",
    )
    yield (
        not seen["role_name"],
        f"The instance profile {seen['instance_profile_arn']} gives the host no role.",
        f"Put the role {expected['role_name']} into the instance profile; a new one takes some minutes to arrive.",
    )
    yield (
        seen["role_name"] != expected["role_name"],
        f"The host has the role {seen['role_name']}, not {expected['role_name']}.",
        "Attach the instance profile of that role, or correct safesecrets_role_name.",
    )
