# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The policy is refused where it is someone else's or would not fit, with the count and what to do."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils import iam_policy_document, iam_policy_kinds

NAME, ARN = "SafeSecretsMultiRegion", "arn:aws:iam::111122223333:policy/SafeSecretsMultiRegion"
OURS = iam_policy_document.multi_region_policy_document(
    {"US": {"region": "us-east-1", "models": {"default": "anthropic.claude-sonnet-4-6", "allowlist": []}}}
)
THEIRS = {"Version": "2012-10-17", "Statement": [{"Sid": "Theirs", "Effect": "Allow", "Action": "*", "Resource": "*"}]}


def inline(name: str = NAME, document: dict[str, Any] = OURS) -> dict[str, Any]:
    return {"name": name, "type": "inline", "arn": None, "document": document}


def managed(document: dict[str, Any] = OURS, **changed: Any) -> dict[str, Any]:
    there = {"name": NAME, "arn": ARN, "document": document, "attached": True}
    return {**there, "attachment_count": 1, "permissions_boundary_usage_count": 0, **changed}


def access(*policies: dict[str, Any], of_account: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"role": {"name": "Host"}, "policies": list(policies), "managed_policy": of_account}


def of_size(characters: int) -> dict[str, Any]:
    """Give a document with as many characters as IAM counts."""
    empty = iam_policy_kinds.characters([{"Version": ""}])
    return {"Version": "x" * (characters - empty)}


def test_characters_are_counted_without_white_space() -> None:
    document = {"Version": "2012-10-17", "Statement": [{"Sid": "A b\n c"}]}
    expected = len('{"Version":"2012-10-17","Statement":[{"Sid":"Ab\\nc"}]}')
    assert iam_policy_kinds.characters([document]) == expected
    assert iam_policy_kinds.characters([document, document]) == 2 * expected
    assert iam_policy_kinds.characters([of_size(6144)]) == 6144


OWNERSHIP = {
    "nothing there": (access(), []),
    "ours inline": (access(inline()), []),
    "ours managed": (access(of_account=managed()), []),
    "ours managed, not attached yet": (access(of_account=managed(attached=False, attachment_count=0)), []),
    "ours both": (access(inline(), of_account=managed()), []),
    "another policy of theirs": (access(inline("Theirs", THEIRS)), []),
    "theirs inline": (access(inline(document=THEIRS)), ["the inline policy of that name has statements", "Theirs"]),
    "theirs managed": (access(of_account=managed(THEIRS)), ["the managed policy of that name has statements"]),
    "attached to another role too": (access(of_account=managed(attachment_count=2)), ["attached 2 times"]),
    "attached to another role alone": (access(of_account=managed(attached=False)), ["attached 1 times"]),
    "a boundary too": (access(of_account=managed(permissions_boundary_usage_count=1)), ["1 times a permissions"]),
}


@pytest.mark.parametrize(("observed", "said"), OWNERSHIP.values(), ids=OWNERSHIP)
def test_whose_policy_it_is(observed: dict[str, Any], said: list[str]) -> None:
    faults = iam_policy_kinds.policy_faults(observed, NAME)
    assert len(faults) == bool(said)
    for each in faults:
        assert each["variable"] == "iam_policy_name"
        assert [text for text in said if text not in each["fault"]] == [], each
    assert iam_policy_kinds.policy_faults(observed, NAME, "inline", OURS) == faults


SIZES = {
    "inline, just": (10240, "inline", [], []),
    "inline, one too many": (10241, "inline", [], ["10241 characters", "Host to 10241", "IAM accepts 10240"]),
    "inline, with others just": (5000, "inline", [inline("Theirs", of_size(5240))], []),
    "inline, with others one too many": (
        5000,
        "inline",
        [inline("Theirs", of_size(5241))],
        ["an inline policy of 5000 characters", "Host to 10241", "set iam_policy_kind to managed"],
    ),
    "inline, in the place of a bigger one": (10240, "inline", [inline(NAME, of_size(10000))], []),
    "managed, just": (6144, "managed", [inline("Theirs", of_size(10000))], []),
    "managed, one too many": (6145, "managed", [], ["6145 characters, and IAM accepts 6144", "kind to inline"]),
}


@pytest.mark.parametrize(("characters", "kind", "policies", "said"), SIZES.values(), ids=SIZES)
def test_the_size(characters: int, kind: str, policies: list[Any], said: list[str]) -> None:
    observed = access(*[{**each, "document": each["document"]} for each in policies if each["name"] != NAME])
    faults = iam_policy_kinds.policy_faults(observed, NAME, kind, of_size(characters))
    assert len(faults) == bool(said)
    for each in faults:
        assert each["variable"] == "iam_policy_regions"
        assert [text for text in said if text not in f"{each['fault']} {each['remedy']}"] == [], each


def test_what_no_managed_policy_holds_is_not_sent_there() -> None:
    (fault,) = iam_policy_kinds.policy_faults(access(), NAME, "inline", of_size(10241))
    assert "managed, " not in fault["remedy"]


@pytest.mark.parametrize(
    ("observed", "present", "effective"),
    [
        (access(inline("Theirs")), [], []),
        (access(inline()), ["inline"], ["inline"]),
        (access(of_account=managed()), ["managed"], ["managed"]),
        (access(inline(), of_account=managed(attached=False)), ["inline", "managed"], ["inline"]),
    ],
)
def test_as_what_it_is_there(observed: dict[str, Any], present: list[str], effective: list[str]) -> None:
    assert iam_policy_kinds.present_kinds(observed, NAME) == present
    assert iam_policy_kinds.effective_kinds(observed, NAME) == effective


CONFIGURED = {
    "inline": (access(inline()), "inline", True),
    "inline, with another document": (access(inline(document=THEIRS)), "inline", False),
    "inline, where managed is wanted": (access(inline()), "managed", False),
    "managed": (access(of_account=managed()), "managed", True),
    "managed, with another document": (access(of_account=managed(THEIRS)), "managed", False),
    "managed, not attached": (access(of_account=managed(attached=False)), "managed", False),
    "a leftover": (access(inline(), of_account=managed()), "inline", False),
    "nothing": (access(), "inline", False),
}


@pytest.mark.parametrize(("observed", "kind", "is_configured"), CONFIGURED.values(), ids=CONFIGURED)
def test_whether_anything_would_be_written(observed: dict[str, Any], kind: str, is_configured: bool) -> None:
    assert iam_policy_kinds.is_as_configured(observed, NAME, kind, OURS) is is_configured
