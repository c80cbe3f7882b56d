"""The calls that reached the lab: read from its log, and held against what the work needs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from benchmarks import work

LINE = re.compile(
    r" \[lab\] (?P<caller>\S+) (?P<region>\S+) (?P<service>\S+) (?P<operation>.+) -> (?P<status>\d+)$", re.MULTILINE
)
FORBIDDEN = "403"
TRAIL = "LookupEvents"


class Call(NamedTuple):
    """A kind of call."""

    service: str
    operation: str
    region: str
    refused: bool = False


def read(log: str) -> Counter[Call]:
    """Count the calls in the lab's log."""
    return Counter(
        Call(found["service"], found["operation"], found["region"], found["status"] == FORBIDDEN)
        for found in LINE.finditer(log)
    )


def needed(plan: Mapping[str, Any], *, converging: bool, hosts: int = 1) -> Counter[Call]:
    """How often each kind of call has to be made at least for the work to be done.

    Refused ones are the controls of the host. Pages are not in it: a list is one call here.
    """
    home, regions = plan["home"], plan["regions"]
    calls = Counter(
        {
            Call("sts", "GetCallerIdentity", home): 1,
            Call("iam", "GetRole", home): 1,
            Call("iam", "ListRolePolicies", home): 1,
            Call("iam", "ListAttachedRolePolicies", home): 1,
            Call("iam", "GetRolePolicy", home): 1 if converging else 2,
            Call("secretsmanager", "GetSecretValue", home): 1,
            Call("ec2", "DescribeInstances", home): 1,
            Call("ec2", "DescribeSecurityGroups", home): 1,
            Call("ec2", "DescribeRouteTables", home): 1,
            Call("ec2", "DescribeNetworkAcls", home): 1,
            Call("ec2", "DescribeVpcEndpoints", home): 1,
        }
    )
    for region, models in work.models(regions).items():
        calls[Call("bedrock", "ListFoundationModels", region)] += 1
        calls[Call("bedrock", "GetFoundationModelAvailability", region)] += len(models)
    for region, _engine in work.engines(regions):
        calls[Call("polly", "DescribeVoices", region)] += 1
    asked = work.simulations(regions, plan["control_region"], plan["control_model"])
    calls[Call("iam", "SimulatePrincipalPolicy", home)] += len(asked)
    for call in work.calls(regions, plan["control_region"], plan["control_model"]):
        kind = Call(call["service"], call["operation"], call["region"], call["expectation"] == "refused")
        calls[kind] += hosts
    for region in {call["region"] for call in work.calls(regions, plan["control_region"], plan["control_model"])}:
        calls[Call("cloudtrail", TRAIL, region)] += len(work.OPERATIONS)
    if converging:
        calls += _changes(plan)
    return calls


def _changes(plan: Mapping[str, Any]) -> Counter[Call]:
    """What the starting account lacks: agreements in us-east-1, the form, the policy."""
    changes = Counter({Call("iam", "PutRolePolicy", plan["home"]): 1})
    changes[Call("bedrock", "PutUseCaseForModelAccess", plan["home"])] += 1
    for model in work.models(plan["regions"])["us-east-1"]:
        changes[Call("bedrock", "CreateFoundationModelAgreement", "us-east-1")] += bool(model)
        changes[Call("bedrock", "ListFoundationModelAgreementOffers", "us-east-1")] += 1
        changes[Call("bedrock", "GetFoundationModelAvailability", "us-east-1")] += 1
    return changes


def missing(made: Counter[Call], wanted: Counter[Call]) -> list[str]:
    """Name what a contender left out; one that did is no contender."""
    return [
        f"{call.service} {call.operation} in {call.region}"
        f"{' (to be refused)' if call.refused else ''}: {made[call]} of {number}"
        for call, number in sorted(wanted.items())
        if made[call] < number
    ]


def without_trail(made: Iterable[tuple[Call, int]]) -> int:
    """Count the calls but the look-ups of CloudTrail, whose number is a matter of waiting."""
    return sum(number for call, number in made if call.operation != TRAIL)
