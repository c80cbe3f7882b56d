#!/usr/bin/python
# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

DOCUMENTATION = r"""
---
module: bedrock_model_access_info
version_added: 0.1.0
short_description: Tell whether the account can use Bedrock models, and what stands in the way
description:
  - Looks at foundation models and inference profiles of Amazon Bedrock in several regions at the same time.
  - For each it says whether it is listed, where it stands in its life, whether the account is authorized, has
    submitted the use-case form and has an agreement, whether it can be reached as configured, and which active
    models could take its place.
  - V(ready) is necessary for a call to succeed, not sufficient. What an IAM policy allows is not looked at here, see
    M(safesecrets.infra.iam_role_access_info).
options:
  requests:
    description: The models to look at.
    type: list
    elements: dict
    required: true
    suboptions:
      region:
        description: Region in which the model is called, for example V(us-east-1).
        type: str
        required: true
      model_id:
        description: Foundation model ID, inference profile ID, or the ARN of either in that region.
        type: str
        required: true
notes:
  - >-
    IAM actions needed by the caller, in every region asked: C(bedrock:ListFoundationModels),
    C(bedrock:ListInferenceProfiles), C(bedrock:GetInferenceProfile), C(bedrock:GetFoundationModelAvailability),
    C(bedrock:GetUseCaseForModelAccess), C(bedrock:ListFoundationModelAgreementOffers).
author: SafeSecrets infrastructure team (@safesecrets)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - safesecrets.infra.attributes.info_module
"""

EXAMPLES = r"""
- name: Look at the models of both regions
  safesecrets.infra.bedrock_model_access_info:
    requests:
      - region: ca-central-1
        model_id: anthropic.claude-3-haiku-20240307-v1:0
      - region: us-east-1
        model_id: us.anthropic.claude-haiku-4-5-20251001-v1:0
  register: access

- name: Say what stands in the way
  ansible.builtin.debug:
    msg: "{{ item.model_id }} in {{ item.region }}: {{ item.state }}. {{ item.reason }} {{ item.remedy }}"
  loop: "{{ access.models | rejectattr('state', 'equalto', 'ready') }}"
  loop_control:
    label: "{{ item.model_id }} in {{ item.region }}"
"""

RETURN = r"""
models:
  description: One row per request, in the order of the requests.
  returned: success
  type: list
  elements: dict
  contains:
    region:
      description: The region asked.
      type: str
      sample: us-east-1
    model_id:
      description: The identifier as it was requested.
      type: str
      sample: anthropic.claude-3-haiku-20240307-v1:0
    kind:
      description: What the identifier names, V(foundation_model) or V(inference_profile).
      type: str
      sample: foundation_model
    foundation_model_id:
      description: The model itself; of a profile, the model that it leads to. V(null) for a profile that is not there.
      type: str
      sample: anthropic.claude-3-haiku-20240307-v1:0
    model_arn:
      description: ARN of the model in the region, V(null) where it is not listed.
      type: str
      sample: arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0
    model_name:
      description: Its name.
      type: str
      sample: Claude 3 Haiku
    provider_name:
      description: Its provider.
      type: str
      sample: Anthropic
    requires_use_case:
      description: Whether the provider wants a use-case form.
      type: bool
      sample: true
    listed:
      description: Whether the region offers the model and, when a profile was requested, the profile.
      type: bool
      sample: true
    lifecycle:
      description: Where the model stands in its life, V(null) where it is not listed. Dates are ISO 8601 or V(null).
      type: dict
      contains:
        status:
          description: Bedrock's own word, V(ACTIVE) or V(LEGACY). There is none for the end of life.
          type: str
        start_of_life_time:
          description: When the model was launched.
          type: str
        legacy_time:
          description: When it becomes or became legacy.
          type: str
        public_extended_access_time:
          description: When access continues at the provider's price.
          type: str
        end_of_life_time:
          description: From when on calls fail.
          type: str
        phase:
          description: >-
            Computed from the dates when it was looked at, V(active), V(legacy), V(extended_access) or V(end_of_life).
          type: str
        days_left:
          description: Whole days until the end of life, V(0) after it, V(null) where no date is set.
          type: int
      sample:
        status: LEGACY
        start_of_life_time: "2024-03-13T00:00:00Z"
        legacy_time: "2026-03-10T00:00:00Z"
        public_extended_access_time: null
        end_of_life_time: "2026-12-10T00:00:00Z"
        phase: legacy
        days_left: 17
    inference_types_supported:
      description: How the model can be called.
      type: list
      elements: str
      sample: [ON_DEMAND]
    agreement_availability:
      description: The agreement with the provider.
      type: dict
      contains:
        status:
          description: V(AVAILABLE), V(PENDING), V(NOT_AVAILABLE) or V(ERROR), V(null) where the model is not listed.
          type: str
        error_message:
          description: AWS's message for V(ERROR).
          type: str
      sample: {status: NOT_AVAILABLE, error_message: null}
    authorization_status:
      description: V(AUTHORIZED) or V(NOT_AUTHORIZED), V(null) where the model is not listed.
      type: str
      sample: AUTHORIZED
    entitlement_availability:
      description: V(AVAILABLE) or V(NOT_AVAILABLE), V(null) where the model is not listed.
      type: str
      sample: NOT_AVAILABLE
    region_availability:
      description: V(AVAILABLE) or V(NOT_AVAILABLE), V(null) where the model is not listed.
      type: str
      sample: AVAILABLE
    use_case_submitted:
      description: Whether the account has submitted the use-case form.
      type: bool
      sample: true
    inference_profile:
      description: The requested profile, V(null) for a foundation model and for a profile that is not there.
      type: dict
      contains:
        id:
          description: Its ID.
          type: str
        arn:
          description: Its ARN in the region.
          type: str
        type:
          description: V(SYSTEM_DEFINED) or V(APPLICATION).
          type: str
        status:
          description: V(ACTIVE).
          type: str
        model_arns:
          description: The model in every region where a call through the profile may run.
          type: list
          elements: str
      sample: null
    inference_profiles:
      description: All profiles of the region that lead to the model, each with C(id), C(arn) and C(regions).
      type: list
      elements: dict
      sample: []
    agreement_offered:
      description: Whether AWS offers an agreement where one is missing, V(null) where none is missing.
      type: bool
      sample: true
    legal_terms_url:
      description: The terms that an agreement would accept, V(null) unless the agreement is missing.
      type: str
      sample: https://aws.amazon.com/legal/bedrock/third-party-models/
    state:
      description: >-
        V(ready), or the first that is not met of V(listed), V(lifecycle), V(region), V(authorization),
        V(use_case_form), V(agreement), V(route).
      type: str
      sample: agreement
    problems:
      description: >-
        All of these that are not met, each with C(state), C(reason), C(remedy) and C(owner). Of a model that is not
        listed nothing else is known.
      type: list
      elements: dict
      sample:
        - state: agreement
          reason: There is no agreement for anthropic.claude-3-haiku-20240307-v1:0 in us-east-1.
          remedy: "Accept its terms: safesecrets.infra.bedrock_model_access with accept_agreement."
          owner: account owner
    stages:
      description: >-
        The five stages in which a model becomes callable, V(listed), V(lifecycle), V(region_and_authorization),
        V(agreement_and_use_case_form) and V(invocable), each with C(state) (V(met), V(not_met) or V(unknown)),
        C(owner), C(reason) and C(next_step).
      type: list
      elements: dict
      sample:
        - {stage: listed, state: met, owner: null, reason: "", next_step: ""}
    route:
      description: How the model is called under this identifier, V(null) where it cannot be.
      type: dict
      contains:
        kind:
          description: V(on_demand), V(geographic_profile), V(global_profile) or V(application_profile).
          type: str
        id:
          description: The identifier as it was requested.
          type: str
        arn:
          description: ARN of the foundation model or of the inference profile.
          type: str
        destinations:
          description: Regions in which a call may run, V(global) for any commercial one.
          type: list
          elements: str
        model_arns:
          description: The foundation models that may answer.
          type: list
          elements: str
      sample:
        kind: on_demand
        id: anthropic.claude-3-haiku-20240307-v1:0
        arn: arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0
        destinations: [us-east-1]
        model_arns: ["arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0"]
    reason:
      description: What was seen, in a sentence. Empty when ready.
      type: str
      sample: There is no agreement for anthropic.claude-3-haiku-20240307-v1:0 in us-east-1.
    remedy:
      description: What to do. Empty when ready.
      type: str
      sample: "Accept its terms: safesecrets.infra.bedrock_model_access with accept_agreement."
    owner:
      description: Who can do it, V(operator), V(AWS) or V(account owner), V(null) when ready.
      type: str
      sample: account owner
    successors:
      description: Active models of the same provider and family in the region, newest first.
      type: list
      elements: dict
      contains:
        model_id:
          description: Foundation model ID.
          type: str
        model_name:
          description: Its name.
          type: str
        start_of_life_time:
          description: When it was launched.
          type: str
        route:
          description: How it is called, V(on_demand) or V(inference_profile).
          type: str
        inference_profiles:
          description: The profiles that lead to it, each with C(id), C(arn) and the C(regions) where it may run.
          type: list
          elements: dict
      sample: []
"""

from datetime import datetime, timezone

from ansible_collections.amazon.aws.plugins.module_utils.exceptions import AnsibleAWSError
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.safesecrets.infra.plugins.module_utils.bedrock import look_at_models
from ansible_collections.safesecrets.infra.plugins.module_utils.model_identifiers import REQUESTS_SPEC, parse_requests


def main():
    module = AnsibleAWSModule(argument_spec={"requests": REQUESTS_SPEC}, supports_check_mode=True)
    try:
        requests = parse_requests(module.params["requests"])
    except ValueError as error:
        module.fail_json(msg=str(error))
    clients = {region: module.client("bedrock", region=region) for region in dict(requests)}
    try:
        models = look_at_models(clients, requests, datetime.now(timezone.utc))
    except AnsibleAWSError as error:
        module.fail_json_aws_error(error)
    module.exit_json(changed=False, models=models)


if __name__ == "__main__":
    main()
