# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The role's policy as an inline one or as a customer-managed one: whose it is, whether it fits, what is left over.

``access`` is what iam_role_access_info returns, asked with ``managed_policy_name``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.faults import Fault, fault
from ansible_collections.safesecrets.infra.plugins.module_utils.iam_policy_document import foreign_statements
from ansible_collections.safesecrets.infra.plugins.module_utils.iam_statements import INLINE, MANAGED

Access = Mapping[str, Any]
Document = Mapping[str, Any]

KINDS = (INLINE, MANAGED)
#: What IAM accepts, white space left out: for all inline policies of one role together, and for one managed policy.
INLINE_LIMIT, MANAGED_LIMIT = 10240, 6144


def characters(documents: Iterable[Document]) -> int:
    """Count the characters of policies as IAM does: of all together, without white space."""
    return sum(len(re.sub(r"\s", "", json.dumps(document))) for document in documents)


def present_kinds(access: Access, policy_name: str) -> list[str]:
    """Return as what the policy exists: inline, and managed whether or not it is attached."""
    inline = policy_name in [each["name"] for each in access["policies"] if each["type"] == INLINE]
    return [INLINE] * inline + [MANAGED] * bool(access["managed_policy"])


def effective_kinds(access: Access, policy_name: str) -> list[str]:
    """Return as what the policy exists and counts for the role."""
    attached = (access["managed_policy"] or {}).get("attached", False)
    return [kind for kind in present_kinds(access, policy_name) if kind == INLINE or attached]


def is_as_configured(access: Access, policy_name: str, kind: str, document: Document) -> bool:
    """Tell whether the policy is there as its kind alone, and says what it shall."""
    if present_kinds(access, policy_name) != [kind] or effective_kinds(access, policy_name) != [kind]:
        return False
    inline = [each["document"] for each in access["policies"] if (each["type"], each["name"]) == (INLINE, policy_name)]
    there = access["managed_policy"]["document"] if kind == MANAGED else inline[0]
    return bool(there == document)


def policy_faults(access: Access, policy_name: str, kind: str = "", document: Document | None = None) -> list[Fault]:
    """Return why the policy must not be touched, or would not be accepted.

    document: what it shall say as the kind; None where it is only to be taken back.
    """
    faults = _ownership(access, policy_name)
    return faults if document is None else [*faults, *_size(access, policy_name, kind, document)]


def _ownership(access: Access, policy_name: str) -> list[Fault]:
    faults = []
    managed = access["managed_policy"]
    documents = {
        INLINE: [each for each in access["policies"] if each["type"] == INLINE],
        MANAGED: [{**managed, "type": MANAGED}] if managed else [],
    }
    for kind, policies in documents.items():
        foreign = foreign_statements(policies, policy_name)
        if foreign:
            what = (
                f"is {policy_name}, and the {kind} policy of that name has statements that this role did not write: "
                f"{', '.join(foreign)}"
            )
            faults.append(fault("iam_policy_name", what, "choose another name, or move these statements elsewhere"))
    if managed and managed["attachment_count"] + managed["permissions_boundary_usage_count"] > managed["attached"]:
        what = (
            f"is {policy_name}, and others than {access['role']['name']} have the managed policy {managed['arn']}: it "
            f"is attached {managed['attachment_count']} times and {managed['permissions_boundary_usage_count']} times "
            "a permissions boundary"
        )
        faults.append(fault("iam_policy_name", what, "choose another name, or detach the policy from them"))
    return faults


def _size(access: Access, policy_name: str, kind: str, document: Document) -> list[Fault]:
    own = characters([document])
    if kind == MANAGED:
        if own <= MANAGED_LIMIT:
            return []
        what = f"ask for a managed policy of {own} characters, and IAM accepts {MANAGED_LIMIT}"
        remedy = "configure fewer models, or set iam_policy_kind to inline where the role's other inline policies"
        return [fault("iam_policy_regions", what, f"{remedy} leave room in {INLINE_LIMIT} characters")]
    others = [each["document"] for each in access["policies"] if each["type"] == INLINE and each["name"] != policy_name]
    together = characters([*others, document])
    if together <= INLINE_LIMIT:
        return []
    what = (
        f"ask for an inline policy of {own} characters, which brings the inline policies of {access['role']['name']} "
        f"to {together}, and IAM accepts {INLINE_LIMIT} for all of them together"
    )
    managed = "set iam_policy_kind to managed, " if own <= MANAGED_LIMIT else ""
    remedy = f"{managed}configure fewer models, or move other inline policies of the role to managed ones"
    return [fault("iam_policy_regions", what, remedy)]
