# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The checks of the chain by the names of their findings: what a person calls them, and how long their proof holds."""

from __future__ import annotations

from typing import NamedTuple


class Check(NamedTuple):
    """A check's name for people, and the hours after which its proof has to be renewed."""

    title: str
    valid_hours: int


#: What anybody with access to the account or the host may change at any time holds a day; what only AWS changes holds
#: a week; the absence of denials holds as long as nobody makes calls, so it is looked at again soonest.
DAY = 24
WEEK = 7 * DAY
SHORT = 6

CHECKS = {
    "prerequisites.configuration": Check("Configuration", DAY),
    "prerequisites.region_known": Check("Region is known", DAY),
    "prerequisites.account": Check("Account of the credentials", DAY),
    "prerequisites.role": Check("Role of the hosts", DAY),
    "prerequisites.instance_profile": Check("Instance profile of the host", DAY),
    "residency.mode": Check("Data residency of a mode", DAY),
    "bedrock_access.model_ready": Check("Model is ready", DAY),
    "bedrock_access.model_choice": Check("Model that the environment names", DAY),
    "bedrock_access.model_lifecycle": Check("Model does not end soon", DAY),
    "iam_policy.ec2_trust": Check("EC2 may assume the role", DAY),
    "iam_policy.region_lock": Check("Policy statement that locks a region", DAY),
    "iam_policy.region_locks": Check("No policy statement locks a region", DAY),
    "iam_policy.statement_undecided": Check("Policy statement that cannot be decided", DAY),
    "iam_policy.regional_allows": Check("Allow statements limited to regions", DAY),
    "iam_policy.action_allowed": Check("Permission by simulation", DAY),
    "iam_policy.control_denied": Check("Nothing more is permitted", DAY),
    "iam_policy.policy_document": Check("Policy document", DAY),
    "iam_policy.policy_absent": Check("Policy is taken back", DAY),
    "iam_policy.reach": Check("Calls permitted beyond what is configured", DAY),
    "iam_policy.residency_guard": Check("Residency guard of the role", DAY),
    "polly_voices.voice_available": Check("Voice is offered", WEEK),
    "polly_voices.voices_listed": Check("List of voices", WEEK),
    "environment.variables": Check("Variables of the environment file", DAY),
    "environment.service": Check("Service that reads the environment file", DAY),
    "environment.rolled_back": Check("Environment file is taken back", DAY),
    "smartest_ai.configured": Check("Key and endpoint of the speech provider", DAY),
    "smartest_ai.endpoint": Check("Speech provider answers and takes the key", DAY),
    "egress.https_open": Check("HTTPS to an endpoint is open", DAY),
    "egress.groups_readable": Check("Security groups can be read", DAY),
    "egress.other_interface": Check("Other network interface", DAY),
    "egress.endpoint": Check("Interface endpoint", DAY),
    "egress.foreign_rules": Check("Outbound rules of others", DAY),
    "egress.host_services": Check("DNS, time and updates of the host", DAY),
    "egress.network_acl": Check("Network ACL", DAY),
    "egress.prefix_list": Check("Prefix list", DAY),
    "egress.prefix_list_current": Check("Prefix list holds AWS's addresses", DAY),
    "egress.route": Check("Route out of the subnet", DAY),
    "validation.call": Check("Call from the host", DAY),
    "validation.static_keys": Check("No static AWS keys on the host", DAY),
    "validation.witnesses": Check("Witnesses agree", DAY),
    "validation.denials": Check("No denials in CloudTrail", SHORT),
}


def title(identifier: str) -> str:
    """Return what a person calls a check; one that is not in the table is called by its name's words."""
    if identifier in CHECKS:
        return CHECKS[identifier].title
    return identifier.rpartition(".")[2].replace("_", " ").capitalize()


def valid_hours(identifier: str) -> int:
    """Return how long a proof of the check holds, in hours."""
    return CHECKS[identifier].valid_hours if identifier in CHECKS else DAY
