#!/usr/bin/python
# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

DOCUMENTATION = r"""
---
module: bedrock_inference_profile_info
version_added: 0.1.0
short_description: Tell in which regions inference profiles may run a model
description:
  - Reads inference profiles of Amazon Bedrock, system-defined and application ones, in several regions at the same
    time. Nothing else is asked, so this is the cheapest look at where data may go.
  - A profile that could not be read does not end the module. Its row says why, so that a caller can tell it from one
    that is not there.
options:
  requests:
    description: The inference profiles to read.
    type: list
    elements: dict
    required: true
    suboptions:
      region:
        description: Region in which the profile is called, for example V(ca-central-1).
        type: str
        required: true
      model_id:
        description: ID or ARN of the profile.
        type: str
        required: true
notes:
  - >-
    IAM action needed by the caller, in every region asked: C(bedrock:GetInferenceProfile).
seealso:
  - module: safesecrets.infra.bedrock_model_access_info
author: SafeSecrets infrastructure team (@safesecrets)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - safesecrets.infra.attributes.info_module
"""

EXAMPLES = r"""
- name: Read where a profile may run that is called in Canada
  safesecrets.infra.bedrock_inference_profile_info:
    requests:
      - region: ca-central-1
        model_id: us.anthropic.claude-haiku-4-5-20251001-v1:0
  register: read

- name: Show the models behind it, each in its region
  ansible.builtin.debug:
    msg: "{{ read.profiles[0].error or read.profiles[0].inference_profile.model_arns }}"
"""

RETURN = r"""
profiles:
  description: One row per request, in the order of the requests; a request that stands twice has one row.
  returned: success
  type: list
  elements: dict
  contains:
    region:
      description: The region asked.
      type: str
      sample: ca-central-1
    model_id:
      description: The identifier as it was requested.
      type: str
      sample: us.anthropic.claude-haiku-4-5-20251001-v1:0
    inference_profile:
      description: >-
        The profile with C(id), C(arn), C(type), C(status) and C(model_arns), the models that it may run; V(null) where
        there is none or it could not be read.
      type: dict
      sample:
        id: us.anthropic.claude-haiku-4-5-20251001-v1:0
        arn: arn:aws:bedrock:ca-central-1:111122223333:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0
        type: SYSTEM_DEFINED
        status: ACTIVE
        model_arns:
          - arn:aws:bedrock:us-west-2::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0
    error:
      description: Why it could not be read, V(null) where it could.
      type: str
      sample: null
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.safesecrets.infra.plugins.module_utils.bedrock import look_at_profiles
from ansible_collections.safesecrets.infra.plugins.module_utils.model_identifiers import REQUESTS_SPEC, parse_requests


def main():
    module = AnsibleAWSModule(argument_spec={"requests": REQUESTS_SPEC}, supports_check_mode=True)
    try:
        requests = [(region, identifier.given) for region, identifier in parse_requests(module.params["requests"])]
    except ValueError as error:
        module.fail_json(msg=str(error))
    clients = {region: module.client("bedrock", region=region) for region in dict(requests)}
    module.exit_json(changed=False, profiles=look_at_profiles(clients, requests))


if __name__ == "__main__":
    main()
