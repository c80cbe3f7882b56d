#!/usr/bin/python
# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

DOCUMENTATION = r"""
---
module: stored_secret_info
version_added: 0.1.0
short_description: Read a secret from Secrets Manager or the Parameter Store
description:
  - Reads the current text of one secret of AWS Secrets Manager, or of one C(SecureString) of the Parameter Store of AWS
    Systems Manager.
  - The result is the secret itself, so every task with this module needs C(no_log). The secret is never an argument.
options:
  secret_id:
    description: Name or ARN of the secret in Secrets Manager.
    type: str
  parameter:
    description: Name or ARN of the parameter, with a version or label after a colon where wanted. A parameter that is
      no C(SecureString) is refused, since it keeps its value in the clear.
    type: str
notes:
  - >-
    IAM actions needed by the caller: C(secretsmanager:GetSecretValue) for O(secret_id), C(ssm:GetParameter) for
    O(parameter), and C(kms:Decrypt) where a key of your own encrypts it.
author: SafeSecrets infrastructure team (@safesecrets)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - safesecrets.infra.attributes.info_module
"""

EXAMPLES = r"""
- name: Read the provider's key from Secrets Manager
  safesecrets.infra.stored_secret_info:
    secret_id: safesecrets/smartest-ai
    region: ca-central-1
  register: stored
  no_log: true

- name: Read it from the Parameter Store
  safesecrets.infra.stored_secret_info:
    parameter: /safesecrets/smartest-ai
    region: ca-central-1
  register: stored
  no_log: true
"""

RETURN = r"""
secret:
  description: The secret; empty where Secrets Manager holds bytes and not text.
  returned: success
  type: str
  sample: "..."
"""

from ansible_collections.amazon.aws.plugins.module_utils.exceptions import AnsibleAWSError
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.safesecrets.infra.plugins.module_utils.secret_stores import secret_of, secure_string_of

ARGUMENT_SPEC = {
    # Names, not secrets; the words alone would make Ansible hide them.
    "secret_id": {"type": "str", "no_log": False},
    "parameter": {"type": "str"},
}


def main():
    module = AnsibleAWSModule(
        argument_spec=ARGUMENT_SPEC,
        supports_check_mode=True,
        mutually_exclusive=[("secret_id", "parameter")],
        required_one_of=[("secret_id", "parameter")],
    )
    try:
        if module.params["secret_id"]:
            secret = secret_of(module.client("secretsmanager"), module.params["secret_id"])
        else:
            secret = secure_string_of(module.client("ssm"), module.params["parameter"])
    except AnsibleAWSError as error:
        module.fail_json_aws_error(error)
    module.exit_json(changed=False, secret=secret)


if __name__ == "__main__":
    main()
