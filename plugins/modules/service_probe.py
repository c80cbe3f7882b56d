#!/usr/bin/python
# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

DOCUMENTATION = r"""
---
module: service_probe
version_added: 0.1.0
short_description: Call Bedrock, Polly, Transcribe and the speech provider from an EC2 host, as its application would
description:
  - Makes real calls from the host, all at the same time, with the credentials of its instance profile from IMDSv2 and
    with no others, and returns what came of each.
  - Opens fresh connections (TCP, then TLS with the certificate checked) to hosts and ports, without a request.
  - >-
    Needs nothing installed on the host but Python 3.9 or newer: what the calls need travels from the controller in one
    file with pinned libraries. The controller builds it once with C(python -m pip) and keeps it in
    C($XDG_CACHE_HOME/safesecrets-infra). Its SHA-256 is checked on the host before it is used; it is held in memory
    and removed from the disk before the first call. Connections alone need no such file.
  - Started as root, it reads O(environment_path) and O(credential_places) as root and makes the calls as O(user).
  - Where it finds static AWS keys on the host, it names their places and makes no call.
  - A call that fails is no failure of this module; RV(results) says what came of it.
options:
  calls:
    description: The calls to AWS. Each is returned in RV(results) with its own keys.
    type: list
    elements: dict
    default: []
    suboptions:
      service:
        description: The service to call.
        type: str
        choices: [bedrock, polly, transcribe]
        required: true
      operation:
        description: The operation, of this service.
        type: str
        choices: [InvokeModel, InvokeModelWithResponseStream, SynthesizeSpeech, StartStreamTranscription]
        required: true
      region:
        description: The region to call.
        type: str
        required: true
      expectation:
        description: What is expected, V(allowed) or V(refused). It is returned as it is and changes nothing.
        type: str
        choices: [allowed, refused]
        default: allowed
      model_id:
        description: ID or ARN of the model or inference profile, for Bedrock. It is asked for one token.
        type: str
      voice:
        description: ID of the voice, for Polly. It says one word.
        type: str
      engine:
        description: The voice's engine, for Polly.
        type: str
        choices: [standard, neural, long-form, generative]
      language_code:
        description: The language, for Transcribe, such as V(en-US). It hears half a second of silence.
        type: str
  provider:
    description:
      - An authenticated GET to the speech provider, with the key from O(environment_path) as the bearer token.
      - Redirects are not followed. The key is never returned.
    type: dict
    suboptions:
      url:
        description: The URL, https only.
        type: str
        required: true
      api_key_name:
        description: The variable of O(environment_path) that holds the key.
        type: str
        required: true
  connections:
    description: Hosts and ports to connect to.
    type: list
    elements: dict
    default: []
    suboptions:
      host:
        description: Name or address.
        type: str
        required: true
      port:
        description: TCP port.
        type: int
        default: 443
      tls:
        description: Whether a TLS handshake follows, with the certificate checked against O(ca_bundle) and the name.
        type: bool
        default: true
  environment_path:
    description: The application's environment file on the host. It is looked through for static keys, too.
    type: path
  credential_places:
    description:
      - Where static AWS keys are looked for, apart from O(environment_path). V(environment) is the environment of the
        module; C(~) stands for the homes of the connecting user and of the one that the module runs as.
    type: list
    elements: str
    default: [environment, ~/.aws/credentials, ~/.aws/config]
  imds_endpoint:
    description: Address of the instance metadata service, as the host reaches it.
    type: str
    default: http://169.254.169.254
  endpoint_url:
    description: One URL for all AWS services; empty for AWS's own endpoints.
    type: str
    default: ""
  ca_bundle:
    description: File on the host with the certificates to trust. The default is what the host's system trusts.
    type: path
  timeout:
    description: How long connecting, and each wait for an answer, may take, in seconds.
    type: int
    default: 20
  user:
    description:
      - User that makes the calls, when the module is started as root.
      - The default is the connecting user, or C(nobody) where that is root. Root makes them only when it is named here.
    type: str
  bundle:
    description:
      - File on the controller that travels to the host. The default is built where it is not in the cache yet.
      - C(python plugins/plugin_utils/probe_bundle.py FILE) builds one elsewhere, for controllers without packages.
    type: path
  bundle_sha256:
    description:
      - SHA-256 that the file must have on the host.
      - The default is that of the file on the controller, which the action plugin fills in.
    type: str
notes:
  - >-
    IAM actions needed by the host's role, in every region called: C(bedrock:InvokeModel),
    C(bedrock:InvokeModelWithResponseStream), C(polly:SynthesizeSpeech), C(transcribe:StartStreamTranscription).
    The operator needs none.
  - AWS and the provider bill the calls. In check mode none is made; connections are opened all the same.
attributes:
  check_mode:
    support: partial
    details: No call is made, because calls are billed. Connections are opened, and static keys looked for.
    description: Can run in check mode and return a prediction of the changed status without changing the target.
  diff_mode:
    support: N/A
    details: This module changes nothing.
    description: Returns details on what has changed, or possibly needs changing in check mode, when in diff mode.
  action:
    support: full
    description: Has a corresponding action plugin, which builds and sends the file.
author: SafeSecrets infrastructure team (@safesecrets)
"""

EXAMPLES = r"""
- name: Call a model and a voice in us-east-1, and see that us-west-2 is refused
  safesecrets.infra.service_probe:
    calls:
      - service: bedrock
        operation: InvokeModel
        region: us-east-1
        model_id: anthropic.claude-3-haiku-20240307-v1:0
      - service: polly
        operation: SynthesizeSpeech
        region: us-east-1
        voice: Ruth
        engine: generative
      - service: transcribe
        operation: StartStreamTranscription
        region: us-west-2
        language_code: en-US
        expectation: refused
    environment_path: /etc/safesecrets.env
  become: true
  register: probe

- name: Show what was refused
  ansible.builtin.debug:
    msg: "{{ probe.results | selectattr('status', 'equalto', 'refused') | map(attribute='message') }}"

- name: See whether the way out is open
  safesecrets.infra.service_probe:
    connections:
      - host: bedrock-runtime.us-east-1.amazonaws.com
      - host: polly.us-east-1.amazonaws.com
"""

RETURN = r"""
results:
  description: >-
    What came of each call, in the order of O(calls), then of O(provider) with C(service) V(provider) and its C(url).
    Empty in check mode and where static keys were found. Beside what is listed here, the call's own keys.
  returned: success
  type: list
  elements: dict
  contains:
    status:
      description: >-
        V(ok); V(refused) when AWS denied it, or the provider the key; V(failed) for another error in the answer;
        V(wrong_answer) when success was said and no audio, no model's answer or no event stream came;
        V(unanswered) when no answer came.
      type: str
      sample: refused
    http_status:
      description: Status of the answer, or null.
      type: int
      sample: 403
    error_code:
      description: AWS's code of the error, or null.
      type: str
      sample: AccessDeniedException
    message:
      description: AWS's text of the error, or null.
      type: str
      sample: "User: arn:aws:sts::111122223333:assumed-role/app/i-0abc is not authorized to perform: ..."
    request_id:
      description: AWS's ID of the request, which CloudTrail knows too.
      type: str
      sample: 6db3133b-2e10-46ac-a1df-d6fb61fd32fb
    latency_ms:
      description: How long the call took, connecting included, in milliseconds.
      type: int
      sample: 412
    attempted_at:
      description: When it was made.
      type: str
      sample: "2026-11-24T20:22:14Z"
    answer:
      description: Facts of a good answer, such as V(mp3_frames) of speech; null otherwise.
      type: dict
      sample: {audio_bytes: 2160, mp3_frames: 15}
connections:
  description: What came of each connection, in the order of O(connections).
  returned: success
  type: list
  elements: dict
  contains:
    host:
      description: As it was given.
      type: str
      sample: polly.us-east-1.amazonaws.com
    port:
      description: As it was given.
      type: int
      sample: 443
    connected:
      description: Whether TCP, and TLS where wanted, came about.
      type: bool
      sample: true
    address:
      description: The address that was reached, null where none was.
      type: str
      sample: 198.51.100.7
    tls_version:
      description: What TLS agreed on, or null.
      type: str
      sample: TLSv1.3
    error:
      description: Where it ended and why, or null.
      type: str
      sample: "no answer in time"
    latency_ms:
      description: How long it took, in milliseconds.
      type: int
      sample: 31
    attempted_at:
      description: When it was made.
      type: str
      sample: "2026-11-24T20:22:14Z"
static_keys:
  description: Static AWS keys on the host, C(found), each with its C(place) and C(name), and the places that were
    C(unreadable), each with the C(reason). Never a key.
  returned: success
  type: dict
  sample: {found: [{place: /home/ec2-user/.aws/credentials, name: "aws_access_key_id of [default]"}], unreadable: []}
credentials:
  description: Where the credentials came from, the role and their end; null when no call was made.
  returned: success
  type: dict
  sample: {source: IMDSv2, role_name: app, expires_at: "2026-11-25T02:21:39Z"}
timing:
  description: >-
    C(total_ms) of the whole probe on the host, and the longest C(latency_ms) of a call as C(slowest_call_ms),
    in milliseconds.
  returned: success
  type: dict
  sample: {total_ms: 690, slowest_call_ms: 412}
"""

import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.safesecrets.infra.plugins.module_utils import probe_host, static_keys

ARGUMENT_SPEC = {
    "calls": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "service": {"type": "str", "choices": ["bedrock", "polly", "transcribe"], "required": True},
            "operation": {
                "type": "str",
                "choices": [operation for each in probe_host.OPERATIONS.values() for operation in each],
                "required": True,
            },
            "region": {"type": "str", "required": True},
            "expectation": {"type": "str", "choices": ["allowed", "refused"], "default": "allowed"},
            "model_id": {"type": "str"},
            "voice": {"type": "str"},
            "engine": {"type": "str", "choices": ["standard", "neural", "long-form", "generative"]},
            "language_code": {"type": "str"},
        },
        "required_if": [
            ("service", "bedrock", ["model_id"]),
            ("service", "polly", ["voice", "engine"]),
            ("service", "transcribe", ["language_code"]),
        ],
    },
    "provider": {
        "type": "dict",
        "options": {
            "url": {"type": "str", "required": True},
            "api_key_name": {"type": "str", "required": True, "no_log": False},  # the name of a variable
        },
    },
    "connections": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "host": {"type": "str", "required": True},
            "port": {"type": "int", "default": 443},
            "tls": {"type": "bool", "default": True},
        },
    },
    "environment_path": {"type": "path"},
    "credential_places": {
        "type": "list",
        "elements": "str",
        "default": [static_keys.ENVIRONMENT, "~/.aws/credentials", "~/.aws/config"],
    },
    "imds_endpoint": {"type": "str", "default": "http://169.254.169.254"},
    "endpoint_url": {"type": "str", "default": ""},
    "ca_bundle": {"type": "path"},
    "timeout": {"type": "int", "default": 20},
    "user": {"type": "str"},
    "bundle": {"type": "path"},
    "bundle_sha256": {"type": "str"},
}


def main():
    began = time.perf_counter()
    module = AnsibleModule(
        argument_spec=ARGUMENT_SPEC,
        required_by={"provider": ["environment_path"]},
        supports_check_mode=True,
    )
    try:
        result = probe_host.probe(module.params, calls_allowed=not module.check_mode)
    except probe_host.ProbeError as error:
        module.fail_json(msg=str(error))
    latencies = [each["latency_ms"] for each in result["results"]]
    timing = {
        "total_ms": round((time.perf_counter() - began) * 1000),
        "slowest_call_ms": max(latencies, default=None),
    }
    module.exit_json(changed=False, timing=timing, **result)


if __name__ == "__main__":
    main()
