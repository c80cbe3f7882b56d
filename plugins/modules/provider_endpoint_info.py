#!/usr/bin/python
# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

DOCUMENTATION = r"""
---
module: provider_endpoint_info
version_added: 0.1.0
short_description: Look at a provider's HTTPS endpoint from the host, and whether it takes a key
description:
  - Resolves the name, connects, checks the certificate's chain and name, and makes a GET without a key. Only where that
    is refused, as by one who wants a key, a second GET brings the key as C(Authorization, Bearer).
  - So the key goes to nothing that does not ask for it. No redirect is followed.
  - A fault of the endpoint is a result, not a failure of the module.
  - Connects directly, whatever proxy the environment names, since the application does so too.
options:
  url:
    description: The URL to get, V(https://) only. It should cost nothing and ask for the key.
    type: str
    required: true
  api_key:
    description: The key.
    type: str
    required: true
  timeout:
    description: How long each of both requests may take in all, in seconds.
    type: float
    default: 10
  ca_bundle:
    description: File with the certificates to trust on the host, in place of those of the system.
    type: path
author: SafeSecrets infrastructure team (@safesecrets)
extends_documentation_fragment:
  - safesecrets.infra.attributes.info_module
"""

EXAMPLES = r"""
- name: Look at the endpoint
  safesecrets.infra.provider_endpoint_info:
    url: https://api.smallest.ai/waves/v1/lightning-v3.1/get_voices
    api_key: "{{ key }}"
  register: looked
"""

RETURN = r"""
without_key:
  description: The request without a key.
  returned: success
  type: dict
  contains:
    phase:
      description: How far it came, V(resolve), V(connect), V(tls), V(answer), V(answered).
      type: str
      sample: answered
    error:
      description: What ended it before its answer; V(no_such_name), V(resolver), V(connection), V(timeout),
        V(certificate), V(tls), V(no_http), or null.
      type: str
      sample: null
    error_code:
      description: OpenSSL's code for a certificate that is not accepted.
      type: int
      sample: 10
    error_text:
      description: The error in the library's words.
      type: str
      sample: certificate has expired
    attempted_at:
      description: When it began.
      type: str
      sample: "2026-11-24T20:00:00Z"
    latency_ms:
      description: How long it took, in milliseconds.
      type: int
      sample: 84
    addresses:
      description: The addresses of the name.
      type: list
      elements: str
      sample: [192.0.2.10]
    certificate:
      description: The accepted certificate's issuer and its end.
      type: dict
      sample: {issuer: "Example CA", not_after: "Feb 20 12:00:00 2027 GMT"}
    http_status:
      description: The status of the answer.
      type: int
      sample: 401
    content_type:
      description: The type of the answer's body.
      type: str
      sample: application/json
    is_json:
      description: Whether the body is JSON.
      type: bool
      sample: true
    redirect:
      description: Scheme and host that the answer points to.
      type: dict
      sample: null
    request_id:
      description: The provider's name for the request.
      type: str
      sample: null
with_key:
  description: The request with the key, in the same form; null where it was not made.
  returned: success
  type: dict
  sample: null
"""

import ssl

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.safesecrets.infra.plugins.module_utils.provider_endpoint import look

ARGUMENT_SPEC = {
    "url": {"type": "str", "required": True},
    "api_key": {"type": "str", "required": True, "no_log": True},
    "timeout": {"type": "float", "default": 10},
    "ca_bundle": {"type": "path"},
}


def main():
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    asked = module.params
    if not asked["url"].lower().startswith("https://"):
        module.fail_json(msg="url does not start with https://: the key would be readable on its way")
    try:
        context = ssl.create_default_context(cafile=asked["ca_bundle"] or None)
    except OSError as error:
        module.fail_json(msg=f"ca_bundle {asked['ca_bundle']} cannot be used: {error}")
    module.exit_json(changed=False, **look(asked["url"], asked["api_key"], asked["timeout"], context))


if __name__ == "__main__":
    main()
