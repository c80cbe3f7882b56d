#!/usr/bin/python
# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

DOCUMENTATION = r"""
---
module: bedrock_model_access
version_added: 0.1.0
short_description: Submit the use-case form and make the agreements that Bedrock models need
description:
  - Makes the agreements that are missing for foundation models of Amazon Bedrock, and submits the use-case form
    where a provider wants one and the account has submitted none.
  - An agreement accepts the provider's terms for the account. That is a legal act, so nothing is requested without
    O(accept_agreement=true).
  - An agreement that exists, is pending or has failed is left alone. So is a model that an agreement would not make
    usable, because it is at the end of its life or cannot be called as configured.
  - Does not wait. An agreement can be pending for up to 15 minutes, see
    M(safesecrets.infra.bedrock_model_access_info).
options:
  requests:
    description: The models that are to be used.
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
  accept_agreement:
    description: Whether the models' terms are accepted for this account. Without it, anything missing is a failure.
    type: bool
    default: false
  use_case:
    description:
      - The use-case form, needed where the account has submitted none and a provider (Anthropic) wants one.
      - It is submitted once. AWS has no way to change it afterwards, so a form that is there is never compared.
    type: dict
    suboptions:
      company_name:
        description: Who uses the models, at most 128 characters.
        type: str
        required: true
      company_website:
        description: Its web address, at most 128 characters.
        type: str
        required: true
      intended_users:
        description: V(0) internal, V(1) external, V(2) internal and external.
        type: str
        choices: ["0", "1", "2"]
        required: true
      industry_option:
        description: Its industry, at most 128 characters.
        type: str
        required: true
      other_industry_option:
        description: The industry in own words where O(use_case.industry_option) says no more than V(Other).
        type: str
        default: ""
      use_cases:
        description: What the models are used for, at most 8192 characters.
        type: str
        required: true
notes:
  - >-
    IAM actions needed by the caller, in every region asked: those of
    M(safesecrets.infra.bedrock_model_access_info), and C(bedrock:CreateFoundationModelAgreement),
    C(bedrock:PutUseCaseForModelAccess), C(aws-marketplace:Subscribe), C(aws-marketplace:ViewSubscriptions).
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
- name: Request Claude 3 Haiku in us-east-1
  safesecrets.infra.bedrock_model_access:
    requests:
      - region: us-east-1
        model_id: anthropic.claude-3-haiku-20240307-v1:0
    accept_agreement: true
    use_case:
      company_name: Example Inc.
      company_website: https://example.com
      intended_users: "1"
      industry_option: Technology
      use_cases: Voice assistant for the customers of Example Inc.
"""

RETURN = r"""
agreements:
  description: One row per request, in the order of the requests.
  returned: success
  type: list
  elements: dict
  contains:
    region:
      description: The region.
      type: str
      sample: us-east-1
    model_id:
      description: The identifier as it was requested.
      type: str
      sample: anthropic.claude-3-haiku-20240307-v1:0
    foundation_model_id:
      description: The model that the agreement is for.
      type: str
      sample: anthropic.claude-3-haiku-20240307-v1:0
    status_before:
      description: The agreement's status before, V(null) where the region does not list the model.
      type: str
      sample: NOT_AVAILABLE
    requested:
      description: Whether the agreement was requested now or, in check mode, would be.
      type: bool
      sample: true
    legal_terms_url:
      description: The terms that were accepted, V(null) unless an agreement was missing.
      type: str
      sample: https://aws.amazon.com/legal/bedrock/third-party-models/
use_case_regions:
  description: Regions in which the use-case form was submitted now or, in check mode, would be.
  returned: success
  type: list
  elements: str
  sample: [us-east-1]
"""

from datetime import datetime, timezone

from ansible_collections.amazon.aws.plugins.module_utils.exceptions import AnsibleAWSError
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.safesecrets.infra.plugins.module_utils import bedrock, model_access_request, use_case_form
from ansible_collections.safesecrets.infra.plugins.module_utils.model_identifiers import REQUESTS_SPEC, parse_requests

ARGUMENT_SPEC = {
    "requests": REQUESTS_SPEC,
    "accept_agreement": {"type": "bool", "default": False},
    "use_case": use_case_form.USE_CASE_SPEC,
}


def checked_requests(module):
    """Return the requests; fail before anything is asked when an argument is wrong."""
    if module.params["use_case"]:
        problems = use_case_form.problems(module.params["use_case"])
        if problems:
            module.fail_json(msg="; ".join(problems))
    try:
        return parse_requests(module.params["requests"])
    except ValueError as error:
        module.fail_json(msg=str(error))


def check_plan(module, plan):
    """Fail before anything is requested when not all of it can be."""
    if plan.not_offered:
        models = ", ".join(f"{model_id} in {region}" for region, model_id in plan.not_offered)
        module.fail_json(
            msg=f"There is no agreement for {models}, and AWS offers none. Ask AWS Support, or take it out of requests."
        )
    if plan.is_empty:
        return
    if not module.params["accept_agreement"]:
        module.fail_json(msg=model_access_request.explain_missing_consent(plan))
    if plan.form_regions and not module.params["use_case"]:
        module.fail_json(
            msg=f"No use-case form has been submitted (looked in {', '.join(plan.form_regions)}), and use_case is not "
            f"set. Set use_case with {', '.join(use_case_form.FIELDS)}."
        )


def submit_form(module, clients, plan, submitted):
    """Submit the form, and note each region where that was done.

    One form serves the account in all regions but those that have to be opted into, so it is looked for again.
    """
    for region in plan.form_regions[:1] if module.check_mode else plan.form_regions:
        if submitted and bedrock.is_use_case_submitted(clients[region]):
            continue
        if not module.check_mode:
            bedrock.put_use_case(clients[region], use_case_form.form_data(module.params["use_case"]))
        submitted.append(region)


def make_agreements(module, clients, plan, made):
    """Accept the terms of one model after another, and note each for which that was done."""
    for region, model_id in plan.agreements:
        if not module.check_mode:
            offers = bedrock.list_agreement_offers(clients[region], model_id)
            if not bedrock.create_agreement(clients[region], model_id, offers[0]["offerToken"]):
                continue
        made.append((region, model_id))


def main():
    module = AnsibleAWSModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    requests = checked_requests(module)
    clients = {region: module.client("bedrock", region=region) for region in dict(requests)}
    rows, form_regions, agreements = [], [], []
    failure = None
    try:
        rows = bedrock.look_at_models(clients, requests, datetime.now(timezone.utc))
        plan = model_access_request.plan(rows)
        check_plan(module, plan)
        submit_form(module, clients, plan, form_regions)
        make_agreements(module, clients, plan, agreements)
    except AnsibleAWSError as error:
        failure = error
    result = {
        "changed": bool(form_regions or agreements),
        "agreements": model_access_request.describe_agreements(rows, agreements),
        "use_case_regions": form_regions,
        "diff": model_access_request.difference(rows, form_regions, agreements),
    }
    if failure:  # with what was requested before it
        module.fail_json_aws(failure.exception, msg=failure.message, **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
