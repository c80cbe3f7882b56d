# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tell whether a model can be used in a region and, if not, what stands in the way and who can mend it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils import model_lifecycle
from ansible_collections.safesecrets.infra.plugins.module_utils.model_identifiers import (
    ANYWHERE,
    INFERENCE_PROFILE,
    provider,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.model_routes import ON_DEMAND

Row = dict[str, Any]

READY = "ready"
OPERATOR = "operator"
AWS = "AWS"
ACCOUNT_OWNER = "account owner"

#: Providers whose models AWS sells itself: there is no Marketplace agreement to make.
SOLD_BY_AWS = frozenset({"amazon", "deepseek", "meta", "mistral", "openai", "qwen"})


def needs_agreement(model_id: str) -> bool:
    """Tell whether a model is sold through AWS Marketplace."""
    return provider(model_id) not in SOLD_BY_AWS


@dataclass(frozen=True)
class Problem:
    """What keeps a model from being used, what to do about it, and who can."""

    reason: str
    remedy: str
    owner: str


def name_successors(row: Row) -> str:
    """Say which models could take the place of a row's, and where their inference profiles may run."""
    if not row["successors"]:
        return f"Choose another model: no active one of this family is offered in {row['region']}."
    named = "; ".join(_name_successor(each) for each in row["successors"])
    return f"Choose a model that is active in {row['region']}, for example {named}."


def _name_successor(successor: Row) -> str:
    if successor["route"] == "on_demand":
        return f"{successor['model_id']} (on demand)"
    return _name_profiles(successor["inference_profiles"])


def _name_profiles(profiles: Iterable[Row]) -> str:
    return ", ".join(f"{each['id']} (may run in {_name_regions(each['regions'])})" for each in profiles)


def name_route(route: Row) -> str:
    """Say how a model is called, and where a call through a profile may run."""
    if route["kind"] == ON_DEMAND:
        return "on demand"
    return f"through inference profile {route['id']} (may run in {_name_regions(route['destinations'])})"


def _name_regions(regions: Sequence[str]) -> str:
    return "any commercial region" if ANYWHERE in regions else ", ".join(regions)


def _not_listed(row: Row) -> Problem | None:
    if row["listed"]:
        return None
    if row["kind"] == INFERENCE_PROFILE and row["inference_profile"] is None:
        reason = f"There is no inference profile {row['model_id']} in {row['region']}."
    else:
        reason = f"Bedrock does not offer {row['foundation_model_id']} in {row['region']}."
    return Problem(reason, name_successors(row), OPERATOR)


def _end_of_life(row: Row) -> Problem | None:
    if row["lifecycle"] is None or row["lifecycle"]["phase"] != model_lifecycle.END_OF_LIFE:
        return None
    reason = f"{row['foundation_model_id']} reached the end of its life on {row['lifecycle']['end_of_life_time'][:10]}."
    return Problem(reason, name_successors(row), OPERATOR)


def _not_in_region(row: Row) -> Problem | None:
    if row["region_availability"] == "AVAILABLE":
        return None
    reason = f"{row['foundation_model_id']} is listed in {row['region']}, but not available there to this account."
    return Problem(reason, f"Ask AWS Support to make it available, or choose another. {name_successors(row)}", AWS)


def _not_authorized(row: Row) -> Problem | None:
    if row["authorization_status"] == "AUTHORIZED":
        return None
    return Problem(
        f"The account is not authorized to use {row['foundation_model_id']} in {row['region']}.",
        "Have the account's or the organization's owner allow it: a service control policy or a private marketplace "
        "that leaves the model out is the usual cause.",
        ACCOUNT_OWNER,
    )


def _use_case_missing(row: Row) -> Problem | None:
    if not row["requires_use_case"] or row["use_case_submitted"]:
        return None
    return Problem(
        f"{row['provider_name'] or 'The provider'} wants a use-case form, and this account has submitted none.",
        "Submit the form: safesecrets.infra.bedrock_model_access with use_case and accept_agreement.",
        ACCOUNT_OWNER,
    )


def _no_agreement(row: Row) -> Problem | None:
    model_id, status = row["foundation_model_id"], row["agreement_availability"]["status"]
    if not needs_agreement(model_id):
        return None
    if status == "PENDING":
        return Problem(f"The agreement for {model_id} is PENDING.", "Wait: this takes up to 15 minutes.", AWS)
    if status == "ERROR":
        return _failed_agreement(row)
    if status != "AVAILABLE":
        return _missing_agreement(row)
    if row["entitlement_availability"] != "AVAILABLE":
        reason = f"The agreement for {model_id} exists, but the account is not yet entitled to the model."
        return Problem(reason, "Wait: this takes up to 15 minutes after the agreement.", AWS)
    return None


def _failed_agreement(row: Row) -> Problem:
    model_id = row["foundation_model_id"]
    message = row["agreement_availability"]["error_message"] or "AWS does not say why"
    return Problem(
        f"The agreement for {model_id} failed: {message.rstrip('.')}.",
        "Mend what AWS names (often the payment instrument), remove the failed agreement with aws bedrock "
        f"delete-foundation-model-agreement --model-id {model_id} --region {row['region']}, and run again.",
        ACCOUNT_OWNER,
    )


def _missing_agreement(row: Row) -> Problem:
    reason = f"There is no agreement for {row['foundation_model_id']} in {row['region']}"
    if row["agreement_offered"] is False:
        remedy = f"Ask AWS Support, or choose another model. {name_successors(row)}"
        return Problem(f"{reason}, and AWS offers none.", remedy, AWS)
    return Problem(
        f"{reason}.", "Accept its terms: safesecrets.infra.bedrock_model_access with accept_agreement.", ACCOUNT_OWNER
    )


def _no_route(row: Row) -> Problem | None:
    profile = row["inference_profile"]
    if profile:
        if profile["status"] == "ACTIVE":
            return None
        return Problem(
            f"The inference profile {profile['id']} is {profile['status']}.", "Choose another one.", OPERATOR
        )
    if "ON_DEMAND" in row["inference_types_supported"]:
        return None
    reason = f"{row['foundation_model_id']} cannot be called on demand in {row['region']}"
    if row["inference_profiles"]:
        names = _name_profiles(row["inference_profiles"])
        return Problem(f"{reason}, only through an inference profile.", f"Configure one of: {names}.", OPERATOR)
    return Problem(f"{reason}, and no inference profile leads to it.", name_successors(row), OPERATOR)


#: In the order in which a person would mend them.
CHECKS = {
    "listed": _not_listed,
    "lifecycle": _end_of_life,
    "region": _not_in_region,
    "authorization": _not_authorized,
    "use_case_form": _use_case_missing,
    "agreement": _no_agreement,
    "route": _no_route,
}


def judge(row: Row) -> Row:
    """Return all ``problems`` and, of the first, state, reason, remedy and owner; state is ready without problems.

    ``stages`` say the same in the order in which a model becomes callable.
    """
    problems = []
    for state, check in CHECKS.items():
        problem = check(row)
        if problem:
            problems.append({"state": state, **asdict(problem)})
            if state == "listed":
                break  # nothing else is known of a model that is not there
    first = problems[0] if problems else {"state": READY, "reason": "", "remedy": "", "owner": None}
    return {**first, "problems": problems, "stages": stages(problems)}


#: What a model must have come through to be called, in this order, and the checks of each.
STAGES = {
    "listed": ("listed",),
    "lifecycle": ("lifecycle",),
    "region_and_authorization": ("region", "authorization"),
    "agreement_and_use_case_form": ("use_case_form", "agreement"),
    "invocable": ("route",),
}
MET, NOT_MET, UNKNOWN = "met", "not_met", "unknown"


def stages(problems: Sequence[Row]) -> list[Row]:
    """Return for each stage whether it is met and, where it is not, owner, reason and next step.

    Nothing is known of a model that is not listed, and no model is invocable before it has come through the others.
    """
    found: list[Row] = []
    for stage, checks in STAGES.items():
        mine = [problem for problem in problems if problem["state"] in checks]
        earlier = [each["stage"] for each in found if each["state"] == NOT_MET]
        first = mine[0] if mine else {"owner": None, "reason": "", "remedy": ""}
        state = NOT_MET if mine else MET
        if not mine and earlier and (earlier[0] == "listed" or stage == "invocable"):
            state, first = UNKNOWN, {**first, "reason": f"It is not known before {earlier[0]} is met."}
        found.append(
            {
                "stage": stage,
                "state": state,
                "owner": first["owner"],
                "reason": first["reason"],
                "next_step": first["remedy"],
            }
        )
    return found


def unmet(row: Row) -> set[str]:
    """Return the checks that a judged row does not meet."""
    return {problem["state"] for problem in row["problems"]}
