# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a role's policies permit beyond what is configured: where the application could go, and is not told to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.findings import PASS, UNPROVEN, Finding, finding
from ansible_collections.safesecrets.infra.plugins.module_utils.iam_policy_document import (
    BEDROCK_ACTIONS,
    SPEAK,
    TRANSCRIBE,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.iam_reach import (
    Leg,
    Reach,
    permitted_model_reach,
    permitted_reach,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.iam_statements import BOUNDARY, PLANNED, Policy
from ansible_collections.safesecrets.infra.plugins.module_utils.jurisdictions import (
    ANYWHERE_REGION,
    REGIONS,
    jurisdiction,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.model_routes import model_routes

ITEM = "INFRA-P2-1"
IDENTIFIER = "iam_policy.reach"


def iam_reach_findings(
    regions: Mapping[str, Any],
    access: Mapping[str, Any],
    document: Mapping[str, Any],
    policy_name: str,
    *,
    models: Iterable[Mapping[str, Any]] = (),
    context: Mapping[str, Any] | None = None,
) -> list[Finding]:
    """Return a finding per service.

    regions: ``safesecrets_regions``. access: of iam_role_access_info, read before or after the change.
    document: the policy as it shall be, which stands for what is there under its name.
    """
    role = access["role"]
    others = [each for each in access["policies"] if each["name"] != policy_name or each["type"] == BOUNDARY]
    policies = [Policy(each["name"], each["type"], each["document"], each["arn"]) for each in others]
    policies.append(Policy(policy_name, PLANNED, document))
    sources = list(dict.fromkeys(entry["region"] for entry in regions.values()))
    here: list[Leg] = [(region, region) for region in sources]
    routes = model_routes(regions, models, role["partition"])
    routed = [*here, *((route.region, region) for route in routes for region in route.destinations)]
    model_reach = permitted_model_reach(
        policies,
        BEDROCK_ACTIONS[0],
        sources,
        partition=role["partition"],
        account_id=role["account_id"],
        known_profiles={route.arn: route.destinations for route in routes if route.is_profile},
        context=context,
    )
    return [
        _service(role["arn"], "Bedrock", model_reach, routed),
        _service(role["arn"], "Polly", permitted_reach(policies, SPEAK, context), here),
        _service(role["arn"], "Transcribe", permitted_reach(policies, TRANSCRIBE, context), here),
    ]


def _service(role_arn: str, name: str, reach: Reach, configured: Sequence[Leg]) -> Finding:
    beyond = reach.beyond(configured)
    evidence = {
        "service": name,
        "permitted": [_leg(leg) for leg in reach.legs],
        "beyond": [{**_leg(leg), "statements": list(titles)} for leg, titles in beyond.items()],
    }
    subject = f"{name} for {role_arn}"
    if not beyond:
        detail = f"The role's own policies permit {name} no further than is configured."
        return finding(IDENTIFIER, ITEM, subject, PASS, detail, evidence=evidence)
    titles = ", ".join(dict.fromkeys(title for each in beyond.values() for title in each))
    detail = f"The role's own policies permit more of {name} than is configured: {_legs(beyond)} (by the {titles})."
    remedy = (
        "Nothing is configured to go there, and only that keeps data from it: set iam_policy_residency_guard to true, "
        "or narrow the statement."
    )
    return finding(IDENTIFIER, ITEM, subject, UNPROVEN, detail, remedy=remedy, evidence=evidence)


def _leg(leg: Leg) -> dict[str, Any]:
    return {"from": leg[0], "to": leg[1], "jurisdiction": jurisdiction(leg[1])}


def _legs(legs: Iterable[Leg]) -> str:
    """Say where calls may go, those that stay where they are made first."""
    found = list(legs)
    direct = [region for source, region in found if source == region]
    texts = [f"calls in {_regions(direct)}"] if direct else []
    for source in dict.fromkeys(source for source, region in found if source != region):
        through = [region for leg_source, region in found if leg_source == source and region != source]
        texts.append(f"calls from {source} through inference profiles to {_regions(through)}")
    return ", ".join(texts)


def _regions(names: Sequence[str]) -> str:
    if ANYWHERE_REGION in names:
        return "any commercial region"
    return "every other region" if len(names) > len(REGIONS) / 2 else ", ".join(names)
