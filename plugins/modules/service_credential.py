#!/usr/bin/python
# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

DOCUMENTATION = r"""
---
module: service_credential
version_added: 0.1.0
short_description: Hand a secret to a service of systemd as a credential
description:
  - Writes the secret into a file for the module's user alone, root as a rule, in a directory for that user alone, and a
    drop-in of the service with C(LoadCredential). The service finds the secret in the file of that name in its
    C($CREDENTIALS_DIRECTORY), and nobody in its environment. Has systemd read its units anew where the drop-in changed.
  - The service gets the secret when it starts; this does not restart it.
  - Both files are replaced as a whole. The secret is never shown, not even in a diff.
options:
  name:
    description: The credential's name.
    type: str
    required: true
  service:
    description: The service that gets it, with or without C(.service).
    type: str
    required: true
  secret:
    description: The secret. Required with O(state=present).
    type: str
  state:
    description: Whether both files are there.
    type: str
    choices: [present, absent]
    default: present
  directory:
    description: The directory of the secret's file. It is made, and closed to others.
    type: path
    required: true
  unit_directory:
    description: The directory of systemd's units.
    type: path
    default: /etc/systemd/system
  restart_follows:
    description:
      - Whether the service is restarted after a change. Each file as it was then stays beside it as
        C(PATH.safesecrets-previous), until M(safesecrets.infra.environment_file) settles it or brings it back.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: Shows the secret by the first digits of its SHA-256.
author: SafeSecrets infrastructure team (@safesecrets)
extends_documentation_fragment:
  - safesecrets.infra.attributes
"""

EXAMPLES = r"""
- name: Hand the key to the application
  safesecrets.infra.service_credential:
    name: SMARTEST_AI_API_KEY
    service: safesecrets
    secret: "{{ key_from_vault }}"
    directory: /etc/safesecrets.credentials

- name: Take it back
  safesecrets.infra.service_credential:
    name: SMARTEST_AI_API_KEY
    service: safesecrets
    state: absent
    directory: /etc/safesecrets.credentials
"""

RETURN = r"""
changes:
  description: What changed of the secret, or would, by its fingerprints.
  returned: success
  type: list
  elements: str
  sample: ["SMARTEST_AI_API_KEY: sha256:0f1e2d3c -> sha256:4b5a6978"]
paths:
  description: The secret's file and the drop-in.
  returned: success
  type: list
  elements: str
  sample:
    - /etc/safesecrets.credentials/SMARTEST_AI_API_KEY
    - /etc/systemd/system/safesecrets.service.d/50-credential-SMARTEST_AI_API_KEY.conf
restart_due:
  description: Whether something changed, in this run or an earlier one, that the service has not taken over.
  returned: success
  type: bool
  sample: false
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.safesecrets.infra.plugins.module_utils.service_credential import (
    Credential,
    paths,
    plan,
    shown_changes,
    systemd_fault,
)

ARGUMENT_SPEC = {
    "name": {"type": "str", "required": True},
    "service": {"type": "str", "required": True},
    "secret": {"type": "str", "no_log": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "directory": {"type": "path", "required": True},
    "unit_directory": {"type": "path", "default": "/etc/systemd/system"},
    "restart_follows": {"type": "bool", "default": False},
}


def systemctl(module, argument):
    return module.run_command([module.get_bin_path("systemctl") or "systemctl", argument], handle_exceptions=False)


def refuse_without_systemd(module):
    try:
        _code, output, _error = systemctl(module, "--version")
    except OSError:
        output = ""
    fault = systemd_fault(output)
    if fault:
        module.fail_json(
            msg=f"The host {fault}, which hands out no credentials. Remedy: deliver the secret in the environment file."
        )


def run(module, credential):
    secret = module.params["secret"] if module.params["state"] == "present" else None
    steps = plan(credential, secret)
    file, drop_in = steps
    changed = any(step.changes for step in steps)
    follows = module.params["restart_follows"]
    if not module.check_mode:
        for step in steps if secret is not None else reversed(steps):  # the drop-in never names what is not there
            step.carry_out(follows)
        if drop_in.has_new_content:
            code, _output, error = systemctl(module, "daemon-reload")
            if code:
                module.fail_json(
                    msg=f"systemd did not read its units anew: {error.strip()}. {credential.drop_in} is written."
                )
    shown = shown_changes(credential, file)
    return {
        "changed": changed,
        "changes": shown,
        "paths": list(paths(credential)),
        "restart_due": any(step.previous.exists() or (follows and step.has_new_content) for step in steps),
        "diff": {"prepared": "".join(f"{change}\n" for change in shown)},
    }


def main():
    module = AnsibleModule(
        argument_spec=ARGUMENT_SPEC,
        required_if=[("state", "present", ("secret",))],
        supports_check_mode=True,
    )
    asked = module.params
    credential = Credential(asked["name"], asked["service"], asked["directory"], asked["unit_directory"])
    if asked["state"] == "present":
        refuse_without_systemd(module)
    try:
        result = run(module, credential)
    except OSError as error:
        module.fail_json(
            msg=f"{error.filename or credential.path} could not be looked at or replaced: {error.strerror}. "
            "Remedy: look at the directories; let the role become root."
        )
    module.exit_json(**result)


if __name__ == "__main__":
    main()
