#!/usr/bin/python
# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

DOCUMENTATION = r"""
---
module: cloudtrail_event_info
version_added: 0.1.0
short_description: Look up CloudTrail's management events in several regions
description:
  - Looks up the management events of the last 90 days (LookupEvents) in several regions at the same time, page by page,
    and with no more than the two requests a second that AWS lets through in each region.
  - CloudTrail knows of a call about 5 minutes later, at times 15. Before that, a missing event proves nothing.
options:
  regions:
    description: The regions to ask, for example V(us-east-1). IAM's events are in V(us-east-1).
    type: list
    elements: str
    required: true
  attributes:
    description:
      - What to filter by. AWS filters by one attribute at a time, so each is a look-up of its own in each region; an
        event that several of them find is returned once.
      - Without any, all events are looked up.
    type: list
    elements: dict
    default: []
    suboptions:
      key:
        description:
          - The attribute. V(Username) is the name of the session, which for an EC2 role is the instance's ID.
          - There is none for error codes.
        type: str
        choices: [AccessKeyId, EventId, EventName, EventSource, ReadOnly, ResourceName, ResourceType, Username]
        required: true
      value:
        description: Its exact value.
        type: str
        required: true
  start_time:
    description: Only events from this moment on, in UTC, as V(2026-11-24T20:00:00Z).
    type: str
  end_time:
    description: Only events up to this moment, in the same form.
    type: str
  max_pages:
    description:
      - After so many pages of 50 events a look-up ends, though there may be more. RV(lookups) says so.
    type: int
    default: 100
notes:
  - >-
    IAM action needed by the caller, in every region asked: C(cloudtrail:LookupEvents).
author: SafeSecrets infrastructure team (@safesecrets)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - safesecrets.infra.attributes.info_module
"""

EXAMPLES = r"""
- name: Look up the calls of models in both regions
  safesecrets.infra.cloudtrail_event_info:
    regions: [ca-central-1, us-east-1]
    attributes:
      - {key: EventName, value: InvokeModel}
      - {key: EventName, value: InvokeModelWithResponseStream}
    start_time: "2026-11-24T20:00:00Z"
  register: trail

- name: Show what was denied
  ansible.builtin.debug:
    msg: "{{ trail.events | selectattr('error_code', 'equalto', 'AccessDenied') | map(attribute='error_message') }}"
"""

RETURN = r"""
events:
  description: The events of all regions, each once, the newest first.
  returned: success
  type: list
  elements: dict
  contains:
    region:
      description: The region whose CloudTrail knows it.
      type: str
      sample: us-east-1
    event_id:
      description: CloudTrail's ID of the event.
      type: str
      sample: 0f9a5b52-8f6e-4a57-9d5b-5d8a8d0f8f5e
    event_name:
      description: The operation.
      type: str
      sample: InvokeModel
    event_source:
      description: The service.
      type: str
      sample: bedrock.amazonaws.com
    event_time:
      description: When the call was made, in UTC.
      type: str
      sample: "2026-11-24T20:22:14Z"
    username:
      description: The user, or the name of the role's session.
      type: str
      sample: i-0abc1234567890def
    principal_arn:
      description: The ARN of the caller.
      type: str
      sample: arn:aws:sts::111122223333:assumed-role/app/i-0abc1234567890def
    session_issuer_arn:
      description: The ARN of the role whose session made the call, null for other callers.
      type: str
      sample: arn:aws:iam::111122223333:role/app
    source_ip_address:
      description: Where the call came from.
      type: str
      sample: 203.0.113.10
    user_agent:
      description: What the caller said of its software.
      type: str
      sample: aws-sdk-js/3.800.0
    request_id:
      description: AWS's ID of the request, which the caller got too.
      type: str
      sample: 6db3133b-2e10-46ac-a1df-d6fb61fd32fb
    request_parameters:
      description: What CloudTrail shows of the parameters.
      type: dict
      sample: {modelId: "anthropic.claude-3-haiku-20240307-v1:0"}
    inference_region:
      description: Where a call of an inference profile ran.
      type: str
      sample: us-east-2
    error_code:
      description: CloudTrail's code of the error, null for a call that succeeded.
      type: str
      sample: AccessDenied
    error_message:
      description: AWS's text of the error.
      type: str
      sample: "User: arn:aws:sts::111122223333:assumed-role/app/i-0abc is not authorized to perform: ..."
lookups:
  description: What each look-up came to, by region and attribute.
  returned: success
  type: list
  elements: dict
  contains:
    region:
      description: The region.
      type: str
      sample: us-east-1
    key:
      description: The attribute, or null.
      type: str
      sample: EventName
    value:
      description: Its value, or null.
      type: str
      sample: InvokeModel
    events:
      description: How many events it found.
      type: int
      sample: 17
    complete:
      description: Whether there are no more events than those.
      type: bool
      sample: true
    oldest_event_time:
      description: The time of the oldest one.
      type: str
      sample: "2026-11-24T20:01:03Z"
"""

from ansible_collections.amazon.aws.plugins.module_utils.exceptions import AnsibleAWSError
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.safesecrets.infra.plugins.module_utils.cloudtrail import look_up
from ansible_collections.safesecrets.infra.plugins.module_utils.findings import moment

ATTRIBUTE_KEYS = (
    "AccessKeyId",
    "EventId",
    "EventName",
    "EventSource",
    "ReadOnly",
    "ResourceName",
    "ResourceType",
    "Username",
)
ARGUMENT_SPEC = {
    "regions": {"type": "list", "elements": "str", "required": True},
    "attributes": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "key": {"type": "str", "choices": list(ATTRIBUTE_KEYS), "required": True, "no_log": False},
            "value": {"type": "str", "required": True},
        },
    },
    "start_time": {"type": "str"},
    "end_time": {"type": "str"},
    "max_pages": {"type": "int", "default": 100},
}


def main():
    module = AnsibleAWSModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    window = {}
    for option, name in (("start_time", "StartTime"), ("end_time", "EndTime")):
        if module.params[option]:
            try:
                window[name] = moment(module.params[option])
            except ValueError:
                module.fail_json(msg=f"{option} is {module.params[option]!r}: write it as 2026-11-24T20:00:00Z")
    clients = {region: module.client("cloudtrail", region=region) for region in module.params["regions"]}
    try:
        events, lookups = look_up(clients, module.params["attributes"], window, module.params["max_pages"])
    except AnsibleAWSError as error:
        module.fail_json_aws_error(error)
    module.exit_json(changed=False, events=events, lookups=lookups)


if __name__ == "__main__":
    main()
