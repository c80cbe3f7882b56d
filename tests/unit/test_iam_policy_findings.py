# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Findings say pass only where the simulation answered so, and name who stands in the way."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils import iam_policy_findings
from ansible_collections.safesecrets.infra.plugins.module_utils.findings import checked

NAME, ROLE_ARN = "SafeSecretsMultiRegion", "arn:aws:iam::111122223333:role/Host"
DOCUMENT = {"Version": "2012-10-17", "Statement": []}
SPEAK, INVOKE = "polly:SynthesizeSpeech", "bedrock:InvokeModel"
OURS = {"policy": NAME, "policy_type": "inline", "sid": "SynthesizeSpeech", "index": 1}
PLANNED = {"policy": "PolicyInputList.1", "policy_type": "planned", "sid": "SynthesizeSpeech", "index": 1}
SERVICES = {"name": "Services", "type": "inline", "arn": None, "document": {}}
OURS_INLINE = {"name": NAME, "type": "inline", "arn": None, "document": DOCUMENT}
BROAD = {"policy": "Broad", "policy_type": "managed", "sid": None, "index": 2}


def decision(
    region: str = "us-east-1", action: str = SPEAK, answer: str = "allowed", matched: Any = (), **others: Any
) -> dict[str, Any]:
    return {
        "action": action,
        "resource": "*",
        "region": region,
        "context": {},
        "expected": "allowed",
        "decision": answer,
        "layer": "identity policy",
        "allowed_by_permissions_boundary": None,
        "allowed_by_organizations": None,
        "matched_statements": list(matched),
        "missing_context_values": [],
        **others,
    }


def access(*decisions: dict[str, Any], **others: Any) -> dict[str, Any]:
    role = {
        "arn": ROLE_ARN,
        "name": "Host",
        "permissions_boundary_arn": None,
        "trust_policy": {"Statement": []},
        "ec2_trusted": others.pop("ec2_trusted", True),
    }
    return {
        "role": role,
        "policies": [SERVICES, OURS_INLINE],
        "managed_policy": None,
        "decisions": list(decisions),
        "region_locks": [],
        "undecided_statements": [],
        "regional_allows": [],
        **others,
    }


def lock(**others: Any) -> dict[str, Any]:
    return {
        "policy": "Stay",
        "policy_type": "inline",
        "sid": "DenyOutsideCanada",
        "index": 0,
        "element": "Condition.StringNotEquals.aws:RequestedRegion",
        "layer": "identity policy",
        "regions": ["us-east-1"],
        "actions": [SPEAK],
        "resources": ["*"],
        "statement": {},
        "explanation": "It denies.",
        "remedy": "Add us-east-1.",
        "keys": ["aws:SourceVpc"],
        **others,
    }


def found(observed: Any, planned: bool = False) -> list[dict[str, Any]]:
    return checked(iam_policy_findings.iam_policy_findings(observed, NAME, DOCUMENT, planned))


def one(findings: list[dict[str, Any]], identifier: str) -> dict[str, Any]:
    (finding,) = [each for each in findings if each["id"] == f"iam_policy.{identifier}"]
    return finding


def obstacles(*decisions: dict[str, Any], **others: Any) -> list[dict[str, Any]]:
    seen = iam_policy_findings.iam_policy_obstacles(access(*decisions, **others), NAME)
    return checked(seen) if seen else []


def test_nothing_in_the_way() -> None:
    control = decision("us-west-2", answer="implicitDeny", expected="denied")
    replaced = decision("us-west-1", matched=[OURS], expected="denied")
    assert obstacles(decision(), control, replaced, ec2_trusted=None) == []


def test_what_another_policy_allows_too_much_is_known_before_the_change() -> None:
    (obstacle,) = obstacles(decision(), decision("us-west-2", matched=[BROAD], expected="denied"))
    assert (obstacle["id"], obstacle["status"], obstacle["region"]) == (
        "iam_policy.control_denied",
        "fail",
        "us-west-2",
    )


def test_locks_stand_in_the_way_region_by_region() -> None:
    boundary = lock(sid=None, index=None, policy="Limit", layer="permissions boundary", regions=["us-east-1", "x-y-1"])
    numbered = lock(sid=None, index=3)
    denied = decision(answer="explicitDeny")
    in_the_way = obstacles(denied, region_locks=[lock(), numbered, boundary])
    assert [(each["subject"], each["region"], each["status"]) for each in in_the_way] == [
        ("statement DenyOutsideCanada of policy Stay", "us-east-1", "fail"),
        ("statement number 4 of policy Stay", "us-east-1", "fail"),
        ("policy Limit", "us-east-1", "fail"),
        ("policy Limit", "x-y-1", "fail"),
    ]
    assert in_the_way[0]["detail"] == "It denies. The layer is the identity policy."
    assert in_the_way[2]["detail"] == "It denies. The layer is the permissions boundary."
    assert in_the_way[0]["remedy"].startswith("Add us-east-1. ")
    assert in_the_way[0]["evidence"]["element"] == "Condition.StringNotEquals.aws:RequestedRegion"


@pytest.mark.parametrize(
    ("row", "detail", "remedy"),
    [
        (
            decision(answer="explicitDeny", layer="organizations"),
            "It would stay denied in spite of the planned policy: polly:SynthesizeSpeech on * is explicitDeny "
            "(organizations).",
            "Ask the organization's administrator",
        ),
        (
            decision(answer="implicitDeny", layer="permissions boundary"),
            "It would stay denied in spite of the planned policy: polly:SynthesizeSpeech on * is implicitDeny "
            "(permissions boundary).",
            "Allow polly:SynthesizeSpeech in us-east-1 in the role's permissions boundary.",
        ),
        (
            decision(answer="explicitDeny", matched=[BROAD]),
            "It would stay denied in spite of the planned policy: polly:SynthesizeSpeech on * is explicitDeny "
            "(identity policy, statement number 3 of policy Broad).",
            "Look at the role's policies",
        ),
    ],
)
def test_a_denial_that_no_lock_explains_stands_in_the_way_too(row: dict[str, Any], detail: str, remedy: str) -> None:
    elsewhere = lock(regions=["ca-central-1"])
    in_the_way = obstacles(row, region_locks=[elsewhere])
    assert [each["region"] for each in in_the_way] == ["ca-central-1", "us-east-1"]
    assert (in_the_way[1]["subject"], in_the_way[1]["detail"]) == (SPEAK, detail)
    assert in_the_way[1]["remedy"].startswith(remedy)


def test_a_denial_for_want_of_a_key_asks_for_it() -> None:
    denied = decision(answer="explicitDeny", matched=[BROAD])
    (obstacle,) = obstacles(denied, undecided_statements=[lock(), lock(regions=["ca-central-1"], keys=["aws:Other"])])
    assert obstacle["remedy"].endswith("Or give the host's value of aws:SourceVpc in iam_policy_context.")


def test_a_role_that_ec2_may_not_assume_stands_in_the_way() -> None:
    (obstacle,) = obstacles(ec2_trusted=False)
    assert obstacle["id"] == "iam_policy.ec2_trust"
    assert "iam_policy_role_name" in obstacle["remedy"]


def test_what_the_simulation_allows_is_proven_for_each_action_and_region() -> None:
    rows = [decision(region, action) for region in ("ca-central-1", "us-east-1") for action in (SPEAK, INVOKE, INVOKE)]
    allowed = [each for each in found(access(*rows)) if each["id"] == "iam_policy.action_allowed"]
    assert [(each["region"], each["subject"], each["status"], each["detail"]) for each in allowed] == [
        (region, action, "pass", f"The simulation allows it on {resources}.")
        for region in ("ca-central-1", "us-east-1")
        for action, resources in ((SPEAK, "1 resource"), (INVOKE, "2 resources"))
    ]
    assert allowed[1]["evidence"]["decisions"] == rows[1:3]


@pytest.mark.parametrize(
    ("answer", "planned", "status", "detail"),
    [
        ("allowed", False, "pass", "The simulation allows it on 1 resource."),
        ("allowed", True, "unproven", "It would be allowed on 1 resource."),
        ("implicitDeny", False, "fail", "The simulation denies it: polly:SynthesizeSpeech on * is implicitDeny "
         "(identity policy)."),
        ("implicitDeny", True, "fail", "The simulation denies it: polly:SynthesizeSpeech on * is implicitDeny "
         "(identity policy)."),
        ("explicitDeny", False, "fail", "The simulation denies it: polly:SynthesizeSpeech on * is explicitDeny "
         "(identity policy)."),
    ],
)  # fmt: skip
def test_an_action_that_is_needed(answer: str, planned: bool, status: str, detail: str) -> None:
    finding = one(found(access(decision(answer=answer)), planned), "action_allowed")
    assert (finding["status"], finding["detail"]) == (status, detail)


def test_one_denied_resource_is_enough() -> None:
    rows = [decision(action=INVOKE), decision(action=INVOKE, answer="implicitDeny", resource="arn:x")]
    finding = one(found(access(*rows)), "action_allowed")
    assert finding["status"] == "fail"
    assert "arn:x" in finding["detail"]


CONTROLS = {
    "denied": ("implicitDeny", [], False, "pass"),
    "denied explicitly": ("explicitDeny", [BROAD], False, "pass"),
    "would be denied": ("implicitDeny", [], True, "unproven"),
    "allowed by our own policy": ("allowed", [OURS], False, "fail"),
    "allowed by the policy that is about to be replaced": ("allowed", [OURS], True, "unproven"),
    "allowed by the planned one": ("allowed", [OURS, PLANNED], True, "fail"),
    "allowed by another": ("allowed", [OURS, BROAD], True, "fail"),
    "allowed by another and not planned": ("allowed", [BROAD], False, "fail"),
    "allowed by nobody knows whom": ("allowed", [], True, "fail"),
}


@pytest.mark.parametrize(("answer", "matched", "planned", "status"), CONTROLS.values(), ids=CONTROLS)
def test_a_control(answer: str, matched: list[Any], planned: bool, status: str) -> None:
    control = decision("us-west-2", answer=answer, matched=matched, expected="denied")
    finding = one(found(access(decision(), control), planned), "control_denied")
    assert (finding["status"], finding["region"], finding["subject"]) == (status, "us-west-2", f"{NAME} and no more")


def test_a_control_that_is_allowed_names_the_statement() -> None:
    control = decision("us-west-2", matched=[BROAD], expected="denied")
    finding = one(found(access(decision(), control)), "control_denied")
    assert finding["detail"] == (
        "More is allowed than configured: polly:SynthesizeSpeech on * is allowed (identity policy, statement number 3 "
        "of policy Broad)."
    )


def test_controls_are_one_finding_a_region() -> None:
    denied = {"answer": "implicitDeny", "expected": "denied"}
    rows = [decision(region, action, **denied) for region in ("a-b-1", "c-d-1") for action in (SPEAK, INVOKE, INVOKE)]
    controls = [each for each in found(access(decision(), *rows)) if each["id"] == "iam_policy.control_denied"]
    assert [(each["region"], each["detail"]) for each in controls] == [
        (region, "The simulation denies 2 actions on what is not configured.") for region in ("a-b-1", "c-d-1")
    ]


def test_without_controls_nothing_is_claimed() -> None:
    finding = one(found(access(decision())), "control_denied")
    assert finding["status"] == "not_applicable"


def test_an_undecided_statement_is_unproven() -> None:
    statements = [lock(regions=["us-east-1"]), lock(sid="Other", keys=[])]
    undecided = [
        each
        for each in found(access(decision(), undecided_statements=statements))
        if each["id"] == "iam_policy.statement_undecided"
    ]
    assert [(each["status"], each["region"], each["subject"]) for each in undecided] == [
        ("unproven", "us-east-1", "statement DenyOutsideCanada of policy Stay"),
        ("unproven", "us-east-1", "statement Other of policy Stay"),
    ]
    assert "aws:SourceVpc in iam_policy_context" in undecided[0]["remedy"]
    assert undecided[1]["remedy"] == "Prove it by a call from the host."


@pytest.mark.parametrize(("trusted", "status"), [(True, "pass"), (False, "fail"), (None, "unproven")])
def test_trust(trusted: bool | None, status: str) -> None:
    assert one(found(access(decision(), ec2_trusted=trusted)), "ec2_trust")["status"] == status


def test_regional_allows_of_other_policies_are_recorded_as_harmless() -> None:
    ours, others = {"policy": NAME}, {"policy": "Services"}
    finding = one(found(access(decision(), regional_allows=[ours, others])), "regional_allows")
    assert (finding["status"], finding["evidence"]) == ("pass", {"regional_allows": [others]})
    assert finding["detail"].startswith("1 Allow statement of other policies limited to regions: no restriction")
    none = one(found(access(decision(), regional_allows=[ours])), "regional_allows")
    assert none["detail"] == "No Allow statement of another policy is limited to regions."


def test_no_lock_says_what_was_read() -> None:
    finding = one(found(access(decision(), decision("ca-central-1"))), "region_locks")
    assert finding["detail"] == "Nothing in 2 policies locks us-east-1, ca-central-1."
    assert finding["evidence"]["policies"] == ["inline Services", f"inline {NAME}"]


@pytest.mark.parametrize(("planned", "status"), [(False, "pass"), (True, "unproven")])
def test_the_policy_document_is_evidence(planned: bool, status: str) -> None:
    finding = one(found(access(decision()), planned), "policy_document")
    assert (finding["status"], finding["subject"]) == (status, f"{ROLE_ARN} {NAME}")
    assert finding["evidence"] == {
        "policy_name": NAME,
        "kind": "inline",
        "managed_policy_arn": None,
        "characters": 39,
        "characters_counted": 41,
        "characters_accepted": 10240,
        "policy_document": DOCUMENT,
    }
    assert "39 characters, 41 with the role's other inline policies, of 10240" in finding["detail"]


@pytest.mark.parametrize(
    ("policies", "former"),
    [
        ([SERVICES], None),
        ([SERVICES, {**OURS_INLINE, "document": {"Statement": []}}], {"Statement": []}),
        ([{**OURS_INLINE, "type": "managed", "document": {"Statement": ["managed"]}}], {"Statement": ["managed"]}),
    ],
)
def test_what_the_document_was_before_is_evidence(policies: list[Any], former: Any) -> None:
    findings = iam_policy_findings.iam_policy_findings(
        access(decision()), NAME, DOCUMENT, planned=False, former=access(policies=policies)
    )
    assert one(checked(findings), "policy_document")["evidence"]["former_policy_document"] == former


def managed(attached: bool = True) -> dict[str, Any]:
    return {"arn": "arn:aws:iam::111122223333:policy/Ours", "attached": attached}


KINDS = {
    "inline alone": ([OURS_INLINE], None, ["inline"], "pass"),
    "managed alone": ([], managed(), ["managed"], "pass"),
    "managed, not attached": ([], managed(attached=False), ["managed"], "fail"),
    "neither": ([], None, ["inline"], "fail"),
    "inline where managed is wanted": ([OURS_INLINE], None, ["managed"], "fail"),
    "a leftover": ([OURS_INLINE], managed(), ["managed"], "fail"),
    "a leftover that is not attached": ([OURS_INLINE], managed(attached=False), ["inline"], "fail"),
    "both, while one takes the other's place": ([OURS_INLINE], managed(), ["managed", "inline"], "pass"),
    "the new one is not attached yet": ([OURS_INLINE], managed(attached=False), ["managed", "inline"], "fail"),
}


@pytest.mark.parametrize(("policies", "of_account", "kinds", "status"), KINDS.values(), ids=KINDS)
def test_the_policy_is_there_as_its_kind_and_no_other(
    policies: list[Any], of_account: Any, kinds: list[str], status: str
) -> None:
    observed = access(decision(), policies=[SERVICES, *policies], managed_policy=of_account)
    findings = iam_policy_findings.iam_policy_findings(observed, NAME, DOCUMENT, planned=False, kinds=kinds)
    assert one(checked(findings), "policy_document")["status"] == status


@pytest.mark.parametrize(
    ("policies", "of_account", "planned", "status", "said"),
    [
        ([SERVICES], None, False, "pass", "There is no inline and no managed policy"),
        ([SERVICES], None, True, "pass", ""),
        ([{**OURS_INLINE, "type": "boundary"}], None, False, "pass", ""),
        ([OURS_INLINE], None, True, "unproven", "The inline policy would be taken back."),
        ([OURS_INLINE], None, False, "fail", "The inline policy is still there"),
        ([], managed(attached=False), False, "fail", "The managed policy is still there"),
        ([OURS_INLINE], managed(), False, "fail", "The inline and the managed policy is still there"),
    ],
)
def test_absent(policies: list[Any], of_account: Any, planned: bool, status: str, said: str) -> None:
    observed = access(policies=policies, managed_policy=of_account)
    (finding,) = checked(iam_policy_findings.iam_policy_absent_findings(observed, NAME, planned))
    assert (finding["id"], finding["status"]) == ("iam_policy.policy_absent", status)
    assert finding["detail"].startswith(said)


# The residency guard

GUARDED = {"Version": "2012-10-17", "Statement": [{"Sid": "ResidencyGuardModels", "Effect": "Deny"}]}


def guard(policy: str = NAME, policy_type: str = "inline") -> dict[str, Any]:
    return {"policy": policy, "policy_type": policy_type, "sid": "ResidencyGuardModels", "index": 3}


def refused(answer: str = "explicitDeny", matched: Any = (), **others: Any) -> dict[str, Any]:
    return decision("us-west-2", INVOKE, answer, matched or [guard()], expected="explicitDeny", **others)


def of_guard(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for each in checked(found) if each["id"] == "iam_policy.residency_guard"]


@pytest.mark.parametrize(
    ("answer", "planned", "status"),
    [
        ("explicitDeny", False, "pass"),
        ("explicitDeny", True, "unproven"),
        ("implicitDeny", False, "fail"),  # denied, but not by the guard
        ("allowed", False, "fail"),
        ("allowed", True, "fail"),
    ],
)
def test_the_guard_is_proven_by_explicit_denials_only(answer: str, planned: bool, status: str) -> None:
    found = iam_policy_findings.iam_policy_findings(access(decision(), refused(answer)), NAME, GUARDED, planned)
    (only,) = of_guard(found)
    assert (only["status"], only["region"]) == (status, "us-west-2")
    assert ("ResidencyGuardModels" in only["detail"]) == (status != "fail")


def test_a_guard_of_which_nothing_was_asked_is_unproven() -> None:
    (only,) = of_guard(iam_policy_findings.iam_policy_findings(access(decision()), NAME, GUARDED, False))
    assert only["status"] == "unproven"
    assert "iam_policy_control_profile" in only["remedy"]


def test_without_a_guard_there_is_no_finding_of_it() -> None:
    assert of_guard(iam_policy_findings.iam_policy_findings(access(decision()), NAME, DOCUMENT, False)) == []


@pytest.mark.parametrize("policy_type", ["inline", "managed"])
def test_a_guard_that_is_replaced_is_no_obstacle(policy_type: str) -> None:
    old = guard(policy_type=policy_type)
    locked = access(
        decision(answer="explicitDeny", matched=[old]),
        region_locks=[lock(**old, regions=["us-east-1"], actions=[SPEAK])],
    )
    assert iam_policy_findings.iam_policy_obstacles(locked, NAME) == []
    planned = iam_policy_findings.iam_policy_findings(locked, NAME, GUARDED, True)
    assert [each["status"] for each in planned if each["id"] == "iam_policy.action_allowed"] == ["unproven"]
    assert [each for each in planned if each["id"] == "iam_policy.region_locks"] == []


def test_a_guard_that_stays_too_tight_fails() -> None:
    locked = access(
        decision(answer="explicitDeny", matched=[guard()]),
        refused(),
        region_locks=[lock(**guard(), regions=["us-east-1"], actions=[SPEAK])],
    )
    found = iam_policy_findings.iam_policy_findings(locked, NAME, GUARDED, False)
    tight, proven = of_guard(found)
    assert (tight["status"], tight["region"], proven["status"]) == ("fail", "us-east-1", "pass")
    assert "too tight" in tight["remedy"]
    assert [each["status"] for each in found if each["id"] == "iam_policy.action_allowed"] == ["fail"]


def test_a_planned_guard_that_is_too_tight_is_refused() -> None:
    locked = access(decision(), region_locks=[lock(**guard("PolicyInputList.1", "planned"), regions=["us-east-1"])])
    (only,) = iam_policy_findings.iam_policy_obstacles(locked, NAME)
    assert only["status"] == "fail"
    assert "too tight" in only["remedy"]


@pytest.mark.parametrize(
    "other", [guard("Broad"), {**guard(), "sid": "SynthesizeSpeech"}, guard(policy_type="boundary")]
)
def test_another_s_statement_is_no_guard_of_ours(other: dict[str, Any]) -> None:
    locked = access(
        decision(answer="explicitDeny", matched=[other]), region_locks=[lock(**other, regions=["us-east-1"])]
    )
    (only,) = iam_policy_findings.iam_policy_obstacles(locked, NAME)
    assert only["id"] == "iam_policy.region_lock"
    found = iam_policy_findings.iam_policy_findings(locked, NAME, DOCUMENT, False)
    assert [each["status"] for each in found if each["id"].startswith("iam_policy.region_lock")] == ["fail"]
