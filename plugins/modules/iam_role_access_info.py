#!/usr/bin/python
# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: iam_role_access_info
version_added: 0.1.0
short_description: Tell what a role may do in which region, and what keeps it out of one
description:
  - Simulates actions on resources in regions for a role with C(SimulatePrincipalPolicy), always with the condition key
    C(aws:RequestedRegion).
  - Reads the role's inline and attached managed policies, its permissions boundary and its trust policy, and names the
    statements that lock a region. An explicit Deny that applies locks, and so does a permissions boundary that does not
    allow. An Allow for one region locks nothing, because Allow statements add up.
  - A statement with a condition key whose value is not known is returned as undecided, never as harmless.
  - All calls are made concurrently. Nothing is changed.
options:
  role_name:
    description: Name of the role, without path.
    type: str
    required: true
  simulations:
    description: What to simulate. Every action is simulated on every resource.
    type: list
    elements: dict
    default: []
    suboptions:
      region:
        description: Region of the call, the value of C(aws:RequestedRegion).
        type: str
        required: true
      actions:
        description: IAM actions.
        type: list
        elements: str
        required: true
      resources:
        description: ARNs of the resources, V(*) for actions that know none.
        type: list
        elements: str
        default: ["*"]
      context:
        description:
          - Further condition keys and their values, for instance C(bedrock:InferenceProfileArn) for a model that is
            called through an inference profile. Without it the call is taken to be one without a profile.
        type: dict
        default: {}
      expected:
        description:
          - What the decision should be, V(explicitDeny) where an implicit denial is not enough. Returned with each
            decision; locks are looked for only where V(allowed) is expected.
        type: str
        choices: [allowed, denied, explicitDeny]
        default: allowed
  managed_policy_name:
    description:
      - Name of a customer-managed policy of the account, without path, that is looked up whether or not it is attached
        to the role.
    type: str
  policy_documents:
    description:
      - Policy documents that the role shall have, to be simulated as if they were attached.
      - One that is an inline or attached policy of the role already, word for word, is not added a second time. When
        that holds of each, what is returned is of the role as it is.
    type: list
    elements: dict
    default: []
  regions:
    description: Further regions in which locks of O(actions) are looked for, without a simulation.
    type: list
    elements: str
    default: []
  actions:
    description: The actions whose locks are looked for in O(regions), and whose regional Allow statements are returned.
    type: list
    elements: str
    default:
      - bedrock:InvokeModel
      - bedrock:InvokeModelWithResponseStream
      - polly:SynthesizeSpeech
      - transcribe:StartStreamTranscription
notes:
  - The caller needs C(iam:GetRole), C(iam:ListRolePolicies), C(iam:GetRolePolicy), C(iam:ListAttachedRolePolicies) and
    C(iam:SimulatePrincipalPolicy) on the role, and C(iam:GetPolicy) and C(iam:GetPolicyVersion) on its managed policies
    and its permissions boundary. A call that is denied ends the module with the action that is missing.
  - The simulation covers identity policies, the permissions boundary and service control policies, not resource control
    policies, session policies and endpoint policies.
seealso:
  - module: amazon.aws.iam_policy
  - module: safesecrets.infra.caller_identity_info
extends_documentation_fragment:
  - safesecrets.infra.attributes.info_module
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
author: SafeSecrets infrastructure team (@safesecrets)
"""

EXAMPLES = r"""
- name: Look for what keeps the role out of two regions
  safesecrets.infra.iam_role_access_info:
    role_name: MM-KA-SceneBeat-SafeSecretsEC2Role
    regions: [ca-central-1, us-east-1]
  register: access
  failed_when: access is failed or access.region_locks | length > 0

- name: Simulate a model and a voice in us-east-1
  safesecrets.infra.iam_role_access_info:
    role_name: MM-KA-SceneBeat-SafeSecretsEC2Role
    simulations:
      - region: us-east-1
        actions: [bedrock:InvokeModel]
        resources:
          - arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0
      - region: us-east-1
        actions: [polly:SynthesizeSpeech]

- name: Predict what a policy would allow
  safesecrets.infra.iam_role_access_info:
    role_name: MM-KA-SceneBeat-SafeSecretsEC2Role
    simulations:
      - region: us-east-1
        actions: [polly:SynthesizeSpeech]
    policy_documents:
      - Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Action: polly:SynthesizeSpeech
            Resource: "*"
"""

RETURN = r"""
role:
  description: The role.
  returned: success
  type: dict
  contains:
    arn:
      description: ARN of the role.
      type: str
      sample: arn:aws:iam::111122223333:role/MM-KA-SceneBeat-SafeSecretsEC2Role
    name:
      description: Name of the role.
      type: str
      sample: MM-KA-SceneBeat-SafeSecretsEC2Role
    path:
      description: Path of the role.
      type: str
      sample: /
    account_id:
      description: The account that the role is in.
      type: str
      sample: "111122223333"
    partition:
      description: The partition that the account is in.
      type: str
      sample: aws
    permissions_boundary_arn:
      description: ARN of the permissions boundary, null where there is none.
      type: str
      sample: null
    trust_policy:
      description: The policy that says who may assume the role.
      type: dict
      sample:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: {Service: ec2.amazonaws.com}
            Action: sts:AssumeRole
    ec2_trusted:
      description: Whether EC2 may assume the role, null where a condition decides.
      type: bool
      sample: true
policies:
  description: Every policy that has a say, in the order of inline, managed, boundary.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the policy.
      type: str
      sample: SafeSecretsCanada
    arn:
      description: ARN of the policy, null for an inline one.
      type: str
      sample: null
    type:
      description: V(inline), V(managed) or V(boundary).
      type: str
      sample: inline
    document:
      description: The policy document, of a managed policy that of its default version.
      type: dict
      sample: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "polly:SynthesizeSpeech", Resource: "*"}]}
managed_policy:
  description: The policy of O(managed_policy_name), V(null) where there is none.
  returned: success
  type: dict
  contains:
    arn:
      description: Its ARN.
      type: str
      sample: arn:aws:iam::111122223333:policy/SafeSecretsMultiRegion
    name:
      description: Its name.
      type: str
      sample: SafeSecretsMultiRegion
    document:
      description: The document of its default version.
      type: dict
      sample: {Version: "2012-10-17", Statement: []}
    default_version_id:
      description: Its default version.
      type: str
      sample: v1
    attached:
      description: Whether it is attached to the role.
      type: bool
      sample: true
    attachment_count:
      description: How many users, groups and roles it is attached to.
      type: int
      sample: 1
    permissions_boundary_usage_count:
      description: How many users and roles have it as their permissions boundary.
      type: int
      sample: 0
decisions:
  description: One row per simulation, action and resource, in this order.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: The action.
      type: str
      sample: polly:SynthesizeSpeech
    resource:
      description: The resource.
      type: str
      sample: "*"
    region:
      description: The region.
      type: str
      sample: us-east-1
    context:
      description: The further condition keys of the simulation.
      type: dict
      sample: {}
    expected:
      description: The decision that the simulation said should be.
      type: str
      sample: allowed
    decision:
      description: V(allowed), V(explicitDeny) or V(implicitDeny).
      type: str
      sample: implicitDeny
    layer:
      description: The layer that decided, V(identity policy), V(permissions boundary) or V(organizations).
      type: str
      sample: identity policy
    allowed_by_permissions_boundary:
      description: Whether the permissions boundary allows it, null where IAM does not say.
      type: bool
      sample: null
    allowed_by_organizations:
      description: Whether the service control policies allow it, null where IAM does not say.
      type: bool
      sample: null
    matched_statements:
      description:
        - The statements that decided, each with C(policy), C(policy_type), C(sid) and C(index). IAM names the policy,
          Sid and index are found in its document. Documents of O(policy_documents) have the type V(planned).
      type: list
      elements: dict
      sample: []
    missing_context_values:
      description: Condition keys that the policies ask for and the simulation did not give.
      type: list
      elements: str
      sample: []
region_locks:
  description: The statements that block an action in a region, one row per statement and element.
  returned: success
  type: list
  elements: dict
  contains:
    policy:
      description: Name of the policy.
      type: str
      sample: StayInCanada
    policy_type:
      description: V(inline), V(managed), V(boundary) or V(planned).
      type: str
      sample: inline
    sid:
      description: Sid of the statement, null where it has none.
      type: str
      sample: DenyOutsideCanada
    index:
      description: Index of the statement, from 0; null where no statement of the boundary allows the action.
      type: int
      sample: 0
    element:
      description: The element that decides.
      type: str
      sample: Condition.StringNotEquals.aws:RequestedRegion
    layer:
      description: V(identity policy) or V(permissions boundary).
      type: str
      sample: identity policy
    regions:
      description: The regions that are blocked, of those that were asked for.
      type: list
      elements: str
      sample: [us-east-1]
    actions:
      description: The actions that are blocked, of those that were asked for.
      type: list
      elements: str
      sample: ["polly:SynthesizeSpeech"]
    resources:
      description: The resources that are blocked, of those that were asked for.
      type: list
      elements: str
      sample: ["*"]
    statement:
      description: The statement.
      type: dict
      sample:
        Sid: DenyOutsideCanada
        Effect: Deny
        Action: "*"
        Resource: "*"
        Condition: {StringNotEquals: {"aws:RequestedRegion": ca-central-1}}
    explanation:
      description: What blocks what, for a person.
      type: str
      sample: >-
        The statement DenyOutsideCanada of the inline policy StayInCanada denies polly:SynthesizeSpeech in us-east-1 by
        its Condition.StringNotEquals.aws:RequestedRegion, which is ca-central-1.
    remedy:
      description: What to change.
      type: str
      sample: >-
        Add us-east-1 to Condition.StringNotEquals.aws:RequestedRegion of the statement DenyOutsideCanada of the inline
        policy StayInCanada.
undecided_statements:
  description:
    - The statements of which it is not known whether they block, with the keys of RV(region_locks) except C(remedy).
    - C(keys) are the condition keys whose values are not known.
  returned: success
  type: list
  elements: dict
  sample: []
regional_allows:
  description: >-
    The Allow statements for O(actions) that hold in some regions only. They lock nothing. Each has C(policy),
    C(policy_type), C(sid), C(index), C(element), C(regions), C(actions) and C(statement).
  returned: success
  type: list
  elements: dict
  sample: []
"""

import re
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.exceptions import AnsibleAWSError
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.safesecrets.infra.plugins.module_utils import iam_role_access
from ansible_collections.safesecrets.infra.plugins.module_utils.iam_policy_document import ACTIONS
from ansible_collections.safesecrets.infra.plugins.module_utils.iam_region_locks import region_locks, regional_allows
from ansible_collections.safesecrets.infra.plugins.module_utils.iam_simulation import (
    lacking_documents,
    lock_requests,
    planned_policies,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.iam_statements import MANAGED, parse_document
from ansible_collections.safesecrets.infra.plugins.module_utils.iam_trust_policy import trusts_ec2

ROLE_NAME = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)


def describe_role(role: dict[str, Any]) -> dict[str, Any]:
    """Return what the module says of a role that GetRole gave."""
    _arn, partition, _iam, _no_region, account_id, _role = role["Arn"].split(":", 5)
    trust_policy = parse_document(role["AssumeRolePolicyDocument"])
    return {
        "arn": role["Arn"],
        "name": role["RoleName"],
        "path": role["Path"],
        "account_id": account_id,
        "partition": partition,
        "permissions_boundary_arn": (role.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn"),
        "trust_policy": trust_policy,
        "ec2_trusted": trusts_ec2(trust_policy),
    }


def find_role(module: AnsibleAWSModule, client: Any) -> dict[str, Any]:
    """Return the role, or fail and say in which account it was looked for."""
    name = module.params["role_name"]
    if not ROLE_NAME.fullmatch(name):
        module.fail_json(
            msg=f"role_name: {name!r} is no name of a role. Give the name alone, without path and ARN: letters, "
            "digits and +=,.@_- (64 at most)."
        )
    role = iam_role_access.get_role(client, name)
    if role is None:
        account_id = iam_role_access.get_caller_identity(module.client("sts"))["Account"]
        module.fail_json(
            msg=f"role_name: there is no role {name} in the account {account_id}. Give the name of the role that is in "
            "the instance profile of the host, or credentials of its account."
        )
    return role


def look_at_access(module: AnsibleAWSModule) -> dict[str, Any]:
    """Return everything that the module documents."""
    parameters, client = module.params, module.client("iam")
    role = find_role(module, client)
    described = describe_role(role)
    attached = iam_role_access.read_policies(client, role)
    documents = lacking_documents(parameters["policy_documents"], attached)
    policies = [*attached, *planned_policies(documents)]
    decisions = iam_role_access.read_decisions(client, role, parameters["simulations"], documents, policies)
    requests = lock_requests(
        parameters["simulations"], parameters["regions"], parameters["actions"], described["partition"]
    )
    search = region_locks(policies, requests)
    named = parameters["managed_policy_name"]
    arn = f"arn:{described['partition']}:iam::{described['account_id']}:policy/{named}"
    managed = iam_role_access.find_managed_policy(client, arn) if named else None
    return {
        "role": described,
        "policies": [
            {"name": each.name, "arn": each.arn, "type": each.policy_type, "document": each.document}
            for each in attached
        ],
        "managed_policy": managed
        and {**managed, "attached": arn in [each.arn for each in attached if each.policy_type == MANAGED]},
        "decisions": decisions,
        "region_locks": search.locks,
        "undecided_statements": search.undecided,
        "regional_allows": regional_allows(attached, parameters["actions"]),
    }


def main() -> None:
    simulation = {
        "region": {"type": "str", "required": True},
        "actions": {"type": "list", "elements": "str", "required": True},
        "resources": {"type": "list", "elements": "str", "default": ["*"]},
        "context": {"type": "dict", "default": {}},
        "expected": {"type": "str", "choices": ["allowed", "denied", "explicitDeny"], "default": "allowed"},
    }
    module = AnsibleAWSModule(
        argument_spec={
            "role_name": {"type": "str", "required": True},
            "simulations": {"type": "list", "elements": "dict", "default": [], "options": simulation},
            "managed_policy_name": {"type": "str"},
            "policy_documents": {"type": "list", "elements": "dict", "default": []},
            "regions": {"type": "list", "elements": "str", "default": []},
            "actions": {"type": "list", "elements": "str", "default": list(ACTIONS)},
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(changed=False, **look_at_access(module))
    except AnsibleAWSError as error:
        module.fail_json_aws_error(error)
    except ValueError as error:
        module.fail_json(msg=f"The role {module.params['role_name']} could not be looked at: {error}")


if __name__ == "__main__":
    main()
