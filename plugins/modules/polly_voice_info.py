#!/usr/bin/python
# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

DOCUMENTATION = r"""
---
module: polly_voice_info
version_added: 0.1.0
short_description: List the voices that Polly offers in several regions
description:
  - Lists the voices of Amazon Polly in several regions and on several engines at the same time.
options:
  regions:
    description: The regions to ask, for example V(us-east-1).
    type: list
    elements: str
    required: true
  engines:
    description:
      - List only voices that can be used with one of these engines, once for each.
      - All voices are listed once when there is none.
    type: list
    elements: str
    choices: [standard, neural, long-form, generative]
    default: []
  language_code:
    description: List only voices of this language, for example V(en-US).
    type: str
  include_additional_language_codes:
    description: With O(language_code), list bilingual voices too that speak it as an additional language.
    type: bool
    default: false
notes:
  - >-
    IAM action needed by the caller, in every region asked: C(polly:DescribeVoices).
author: SafeSecrets infrastructure team (@safesecrets)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - safesecrets.infra.attributes.info_module
"""

EXAMPLES = r"""
- name: List the generative voices of both regions
  safesecrets.infra.polly_voice_info:
    regions: [ca-central-1, us-east-1]
    engines: [generative]
  register: generative

- name: Show those of us-east-1
  ansible.builtin.debug:
    msg: "{{ generative.voices | selectattr('region', 'equalto', 'us-east-1') | map(attribute='id') }}"
"""

RETURN = r"""
voices:
  description: >-
    One row per voice, region and engine asked for; regions and engines in the order asked, voices as Polly lists them.
  returned: success
  type: list
  elements: dict
  contains:
    region:
      description: The region that offers the voice.
      type: str
      sample: us-east-1
    engine:
      description: The engine of O(engines) for which the voice was listed.
      type: str
      sample: generative
    id:
      description: The voice's ID, which a request for speech names.
      type: str
      sample: Ruth
    name:
      description: The voice's name.
      type: str
      sample: Ruth
    gender:
      description: V(Female) or V(Male).
      type: str
      sample: Female
    language_code:
      description: Its language.
      type: str
      sample: en-US
    language_name:
      description: Its language in words.
      type: str
      sample: US English
    additional_language_codes:
      description: Further languages of a bilingual voice.
      type: list
      elements: str
      sample: []
    supported_engines:
      description: The engines with which it can be used.
      type: list
      elements: str
      sample: [generative, neural]
"""

from ansible_collections.amazon.aws.plugins.module_utils.exceptions import AnsibleAWSError
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.safesecrets.infra.plugins.module_utils.polly import look_at_voices
from ansible_collections.safesecrets.infra.plugins.module_utils.polly_voices import ENGINES

ARGUMENT_SPEC = {
    "regions": {"type": "list", "elements": "str", "required": True},
    "engines": {"type": "list", "elements": "str", "choices": list(ENGINES), "default": []},
    "language_code": {"type": "str"},
    "include_additional_language_codes": {"type": "bool", "default": False},
}


def main():
    module = AnsibleAWSModule(
        argument_spec=ARGUMENT_SPEC,
        supports_check_mode=True,
    )
    parameters = {
        "LanguageCode": module.params["language_code"],
        "IncludeAdditionalLanguageCodes": module.params["include_additional_language_codes"] or None,
    }
    filters = {name: value for name, value in parameters.items() if value is not None}
    clients = {region: module.client("polly", region=region) for region in module.params["regions"]}
    try:
        voices = look_at_voices(clients, module.params["engines"], filters)
    except AnsibleAWSError as error:
        module.fail_json_aws_error(error)
    module.exit_json(changed=False, voices=voices)


if __name__ == "__main__":
    main()
