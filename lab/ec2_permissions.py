"""What ministack lacks of a security group's rules: prefix lists, one target a rule, and what AWS refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ministack.services import ec2

PARSED_BY_MINISTACK = ec2._parse_ip_permissions
TARGETS = ("IpRanges", "Ipv6Ranges", "PrefixListIds", "UserIdGroupPairs")
#: Rules per security group and direction, IPv4 and IPv6 apart.
QUOTA = 60
Handler = Callable[[Any], tuple[int, dict[str, str], bytes]]


def complete() -> None:
    """Make ministack read, keep and refuse permissions as AWS does."""
    ec2._parse_ip_permissions, ec2._strip_descriptions = _parsed, _without_descriptions
    for action in ("AuthorizeSecurityGroupEgress", "RevokeSecurityGroupEgress"):
        ec2._ACTION_MAP[action] = _refusing(ec2._ACTION_MAP[action], revoking=action.startswith("Revoke"))
    ec2._ACTION_MAP["UpdateSecurityGroupRuleDescriptionsEgress"] = _refusing(_describe_anew, revoking=True)


def _parsed(parameters: Any, prefix: str) -> list[dict[str, Any]]:
    """Permissions, one for each target: they are rules of their own, to be revoked apart."""
    permissions: list[dict[str, Any]] = PARSED_BY_MINISTACK(parameters, prefix)
    for number, permission in enumerate(permissions, 1):
        permission["PrefixListIds"] = list(_prefix_lists(parameters, f"{prefix}.{number}.PrefixListIds"))
    return [
        {**permission, **{each: [] for each in TARGETS}, targets: [entry]}
        for permission in permissions
        for targets in TARGETS
        for entry in permission[targets]
    ]


def _without_descriptions(rule: Mapping[str, Any]) -> dict[str, Any]:
    """What makes a rule the one that it is; ministack takes the description of a prefix list for a part of it."""
    return {"IpProtocol": rule["IpProtocol"], "FromPort": rule.get("FromPort"), "ToPort": rule.get("ToPort")} | {
        target: [{name: value for name, value in entry.items() if name != "Description"} for entry in rule[target]]
        for target in TARGETS
    }


def _prefix_lists(parameters: Any, prefix: str) -> Iterable[dict[str, str]]:
    number = 1
    while identifier := ec2._p(parameters, f"{prefix}.{number}.PrefixListId"):
        description = ec2._p(parameters, f"{prefix}.{number}.Description")
        yield {"PrefixListId": identifier, **({"Description": description} if description else {})}
        number += 1


def _refusing(handler: Handler, *, revoking: bool) -> Handler:
    def handle(parameters: Any) -> tuple[int, dict[str, str], bytes]:
        group = ec2._security_groups.get(ec2._p(parameters, "GroupId"))
        asked = _parsed(parameters, "IpPermissions")
        if group and asked:
            standing = group["IpPermissionsEgress"]
            there = [rule for rule in asked if any(ec2._rules_match(rule, each) for each in standing)]
            if revoking and len(there) < len(asked):
                return _error("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
            if not revoking and there:
                return _error("InvalidPermission.Duplicate", "the specified rule already exists")
            if not revoking and is_too_much([*standing, *asked]):
                return _error(
                    "RulesPerSecurityGroupLimitExceeded",
                    "The maximum number of rules per security group has been reached.",
                )
        return handler(parameters)

    return handle


def _describe_anew(parameters: Any) -> tuple[int, dict[str, str], bytes]:
    """UpdateSecurityGroupRuleDescriptionsEgress; the rules were found."""
    for asked in _parsed(parameters, "IpPermissions"):
        for rule in ec2._security_groups[ec2._p(parameters, "GroupId")]["IpPermissionsEgress"]:
            rule.update(asked if ec2._rules_match(rule, asked) else {})
    answer: tuple[int, dict[str, str], bytes] = ec2._xml(
        200, "UpdateSecurityGroupRuleDescriptionsEgressResponse", "<return>true</return>"
    )
    return answer


def is_too_much(rules: Iterable[Mapping[str, Any]], resized: Mapping[str, Any] | None = None) -> bool:
    """Whether rules are beyond the quota, perhaps with a prefix list of another size."""
    lists = ec2._prefix_lists.values()
    known = {each["PrefixListId"]: each for each in [*lists, *([resized] if resized else [])]}
    given = list(rules)
    return any(sum(_weight(rule, version, known) for rule in given) > QUOTA for version in (4, 6))


def _weight(rule: Mapping[str, Any], version: int, known: Mapping[str, Any]) -> int:
    for entry in rule["PrefixListIds"]:
        held = known.get(entry["PrefixListId"], {})
        return int(held.get("MaxEntries", 1)) if held.get("AddressFamily", "IPv4") == f"IPv{version}" else 0
    if rule["UserIdGroupPairs"]:
        return 1
    return int(bool(rule["IpRanges" if version == 4 else "Ipv6Ranges"]))  # noqa: PLR2004


def _error(code: str, message: str) -> tuple[int, dict[str, str], bytes]:
    answer: tuple[int, dict[str, str], bytes] = ec2._error(code, message, 400)
    return answer
