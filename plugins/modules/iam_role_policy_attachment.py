#!/usr/bin/python
# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: iam_role_policy_attachment
version_added: 0.1.0
short_description: Attach one managed policy to a role, or detach it
description:
  - Attaches one managed policy to a role that exists, or detaches it. Nothing else of the role is read or touched.
  - The policy itself is the business of M(amazon.aws.iam_managed_policy).
options:
  role_name:
    description: Name of the role, without path.
    type: str
    required: true
  policy_arn:
    description: ARN of the managed policy.
    type: str
    required: true
  state:
    description: Whether the policy shall be attached.
    type: str
    choices: [present, absent]
    default: present
notes:
  - >-
    IAM actions needed by the caller, on the role: C(iam:ListAttachedRolePolicies), C(iam:AttachRolePolicy),
    C(iam:DetachRolePolicy). The condition key C(iam:PolicyARN) can bind the latter two to the policy.
author: SafeSecrets infrastructure team (@safesecrets)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - safesecrets.infra.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
"""

EXAMPLES = r"""
- name: Let the host's role have the policy
  safesecrets.infra.iam_role_policy_attachment:
    role_name: MM-KA-SceneBeat-SafeSecretsEC2Role
    policy_arn: arn:aws:iam::111122223333:policy/SafeSecretsMultiRegion
"""

RETURN = r"""
attached:
  description: Whether the policy is attached now or, in check mode, would be.
  returned: success
  type: bool
  sample: true
"""

from ansible_collections.amazon.aws.plugins.module_utils.exceptions import AnsibleAWSError
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.safesecrets.infra.plugins.module_utils import iam_policy_attachment

ARGUMENT_SPEC = {
    "role_name": {"type": "str", "required": True},
    "policy_arn": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def main() -> None:
    module = AnsibleAWSModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    role_name, arn = module.params["role_name"], module.params["policy_arn"]
    wanted = module.params["state"] == "present"
    client = module.client("iam")
    try:
        was_attached = iam_policy_attachment.is_attached(client, role_name, arn)
        if was_attached != wanted and not module.check_mode:
            change = iam_policy_attachment.attach if wanted else iam_policy_attachment.detach
            change(client, role_name, arn)
    except AnsibleAWSError as error:
        module.fail_json_aws_error(error)
    module.exit_json(
        changed=was_attached != wanted,
        attached=wanted,
        diff={"before": {arn: was_attached}, "after": {arn: wanted}},
    )


if __name__ == "__main__":
    main()
