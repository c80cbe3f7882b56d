#!/usr/bin/python
# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

DOCUMENTATION = r"""
---
module: instance_metadata_info
version_added: 0.1.0
short_description: Ask an EC2 host who it is and which role it has
description:
  - Asks the instance metadata service with a session token (IMDSv2), past any proxy, for the instance's identity
    document, its instance profile and the name of its role. Credentials are not asked for.
  - A service that does not answer is no failure of the module. RV(token) says so, and RV(instance) is empty.
  - >-
    The paths and the token are described at
    U(https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html).
options:
  endpoint:
    description: The address of the instance metadata service.
    type: str
    default: http://169.254.169.254
  timeout:
    description: Seconds that each answer may take.
    type: int
    default: 5
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
notes:
  - AWS's APIs are not called, no IAM action is needed. Runs on the host and needs Python 3.9 there, nothing else.
author: SafeSecrets infrastructure team (@safesecrets)
extends_documentation_fragment:
  - safesecrets.infra.attributes
"""

EXAMPLES = r"""
- name: Ask the host who it is
  safesecrets.infra.instance_metadata_info:
  register: metadata

- name: Show its role
  ansible.builtin.debug:
    msg: "{{ metadata.instance.role_name }}"
"""

RETURN = r"""
token:
  description: What was answered to the request for a token, without it.
  returned: success
  type: dict
  contains:
    status:
      description: The HTTP status; below 0 where there was no answer.
      type: int
      sample: 200
    msg:
      description: What was wrong, or how many bytes came.
      type: str
      sample: OK (56 bytes)
instance:
  description: Who the host says that it is. What it did not say is empty.
  returned: success
  type: dict
  contains:
    instance_id:
      description: The ID of the instance.
      type: str
      sample: i-0123456789abcdef0
    region:
      description: Its region.
      type: str
      sample: ca-central-1
    account_id:
      description: Its account, twelve digits.
      type: str
      sample: "123456789012"
    instance_profile_arn:
      description: The ARN of its instance profile.
      type: str
      sample: arn:aws:iam::123456789012:instance-profile/app
    role_name:
      description: The name of the role in the profile.
      type: str
      sample: app
"""

from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.safesecrets.infra.plugins.module_utils import instance_metadata

CONNECTIONS = {"http": HTTPConnection, "https": HTTPSConnection}
UNANSWERED = -1


def ask(module, path, method, headers):
    """Return the status, what is said of it, and the content; that is empty where the status is no success.

    Ansible's own fetch_url takes longer to be imported than all of the answers take.
    """
    try:
        parts = urlsplit(module.params["endpoint"].rstrip("/") + path)
        if parts.scheme not in CONNECTIONS or not parts.hostname:
            return UNANSWERED, "this is no address that starts with http:// or https://", ""
        connection = CONNECTIONS[parts.scheme](parts.hostname, parts.port, timeout=module.params["timeout"])
        with closing(connection):
            connection.request(method, parts.path, headers=headers)
            answer = connection.getresponse()
            content = answer.read()
    except (OSError, ValueError, HTTPException) as error:
        return UNANSWERED, f"Request failed: {error or type(error).__name__}", ""
    if answer.status != instance_metadata.OK:
        return answer.status, f"HTTP Error {answer.status}: {answer.reason}", ""
    return answer.status, f"OK ({len(content)} bytes)", content.decode(errors="replace")


def main():
    module = AnsibleModule(
        argument_spec={
            "endpoint": {"type": "str", "default": "http://169.254.169.254"},
            "timeout": {"type": "int", "default": 5},
        },
        supports_check_mode=True,
    )
    status, said, token = ask(module, instance_metadata.SESSION, "PUT", instance_metadata.LIFETIME)
    headers = {instance_metadata.HEADER_OF_SESSION: token}
    contents = {path: ask(module, path, "GET", headers)[2] for path in instance_metadata.PATHS} if token else {}
    token_answer = {"status": status, "msg": said}
    module.exit_json(changed=False, token=token_answer, instance=instance_metadata.instance(contents))


if __name__ == "__main__":
    main()
