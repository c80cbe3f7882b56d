#!/usr/bin/python
# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

DOCUMENTATION = r"""
---
module: caller_identity_info
version_added: 0.1.0
short_description: Tell whose credentials are in use, and whether their account has a role
description:
  - Tells the account and the ARN of the credentials with C(GetCallerIdentity), and fails where none are there that
    work.
  - Looks at the same time for a role of the account and the instance profiles that it stands in. Credentials that may
    not do this do not fail the module. It says so in RV(role_error), so that the account can be judged all the same.
  - Nothing is changed.
options:
  role_name:
    description: Name of the role to look for, without path.
    type: str
    required: true
notes:
  - >-
    IAM actions needed by the caller, on the role: C(iam:ListInstanceProfilesForRole), and C(iam:GetRole) where it
    stands in no instance profile. C(sts:GetCallerIdentity) needs no permission.
author: SafeSecrets infrastructure team (@safesecrets)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - safesecrets.infra.attributes.info_module
"""

EXAMPLES = r"""
- name: Ask whose credentials these are
  safesecrets.infra.caller_identity_info:
    role_name: MM-KA-SceneBeat-SafeSecretsEC2Role
    region: ca-central-1
  register: caller

- name: Require the right account and the role
  ansible.builtin.assert:
    that:
      - caller.account_id == '111122223333'
      - caller.role is defined
      - caller.role is not none
    fail_msg: "{{ caller.role_error | default('Another account, or no such role.') }}"
"""

RETURN = r"""
account_id:
  description: The account of the credentials.
  returned: success
  type: str
  sample: "111122223333"
partition:
  description: The partition of the account.
  returned: success
  type: str
  sample: aws
arn:
  description: The ARN of the user or of the session of a role whose credentials they are.
  returned: success
  type: str
  sample: arn:aws:iam::111122223333:user/operator
role:
  description: The role, V(null) where the account has none of this name.
  returned: when it could be looked for
  type: dict
  contains:
    arn:
      description: Its ARN.
      type: str
      sample: arn:aws:iam::111122223333:role/MM-KA-SceneBeat-SafeSecretsEC2Role
    instance_profile_arns:
      description: The instance profiles that it stands in.
      type: list
      elements: str
      sample: ["arn:aws:iam::111122223333:instance-profile/MM-KA-SceneBeat-SafeSecretsEC2Role"]
role_error:
  description: Why the role could not be looked for, with the IAM action that is missing.
  returned: when it could not be looked for
  type: str
  sample: >-
    Failed to list the instance profiles of the role MM-KA-SceneBeat-SafeSecretsEC2Role in ca-central-1 (IAM action
    iam:ListInstanceProfilesForRole): An error occurred (AccessDenied) when calling the ListInstanceProfilesForRole
    operation.
"""

from functools import partial
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.exceptions import AnsibleAWSError
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.safesecrets.infra.plugins.module_utils.concurrent_calls import run_all
from ansible_collections.safesecrets.infra.plugins.module_utils.iam_role_access import find_role, get_caller_identity


def look_for_role(client: Any, role_name: str) -> dict[str, Any]:
    """Return the role, or why it could not be looked for."""
    try:
        return {"role": find_role(client, role_name)}
    except AnsibleAWSError as error:
        return {"role_error": f"{error}"}


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={"role_name": {"type": "str", "required": True}},
        supports_check_mode=True,
    )
    calls = {
        "caller": partial(get_caller_identity, module.client("sts")),
        "role": partial(look_for_role, module.client("iam"), module.params["role_name"]),
    }
    try:
        answers = run_all(calls)
    except AnsibleAWSError as error:
        module.fail_json_aws_error(error)
    caller = answers["caller"]
    module.exit_json(
        changed=False,
        account_id=caller["Account"],
        partition=caller["Arn"].split(":")[1],
        arn=caller["Arn"],
        **answers["role"],
    )


if __name__ == "__main__":
    main()
