#!/usr/bin/python
# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

DOCUMENTATION = r"""
---
module: environment_file
version_added: 0.1.0
short_description: Manage blocks of variables in an application's environment file
description:
  - Puts a block of variables into an environment file that systemd, docker, dotenv and sh read, or takes it out.
    What stands outside the block is kept byte for byte.
  - The file is replaced as a whole, behind a symbolic link, too. Whenever this is interrupted, the file is the old one
    or the new one. Owner, group, mode, access control list and SELinux context stay, unless the options say otherwise.
  - Refuses, and leaves the file alone, where a value would not be taken literally by its readers, where static AWS keys
    stand in the file, where the markers of a block or the quotes of a value are damaged, where the block's variables
    stand outside it, and where the file could not be replaced.
  - Neither a value of O(secrets) nor a line outside the block is shown, not even in a diff.
options:
  path:
    description: The file. A missing one is created, its directory is not.
    type: path
    required: true
  state:
    description:
      - V(present) puts the block in, V(absent) takes it out.
      - V(original) brings the file back as it was before the first block was put in, from the copy
        C(PATH.safesecrets-original). That is refused where lines were added or changed since.
      - V(previous) brings the file back as it was before the change that waits for its restart, from the copy
        C(PATH.safesecrets-previous).
      - V(settled) removes that copy, when the service has taken the change over.
    type: str
    choices: [present, absent, original, previous, settled]
    default: present
  block:
    description: Name of the block. Required with O(state=present) and O(state=absent).
    type: str
  variables:
    description: The variables of the block, in their order.
    type: dict
    default: {}
  secrets:
    description: Further variables of the block, which stand before the others, and whose values are never shown.
    type: dict
    default: {}
  absent_secrets:
    description:
      - Names of secrets that the block shall not hold any more. Lines outside it that set one are treated as those that
        set one of its variables.
    type: list
    elements: str
    default: []
  readers:
    description:
      - For variables whose value not all four readers take literally, those that need it, of V(systemd), V(docker),
        V(dotenv) and V(sh). The value is then quoted for them.
    type: dict
    default: {}
  take_over:
    description: Whether lines outside the block that set one of its variables are removed. Otherwise they are an error.
    type: bool
    default: false
  take_over_option:
    description: What the operator sets to O(take_over), for the message.
    type: str
    default: take_over
  owner:
    description: Owner of the file. Empty, a file keeps its own, and a new one belongs to the module's user.
    type: str
    default: ""
  group:
    description: Group of the file. Empty, a file keeps its own, and a new one gets that of the module's user.
    type: str
    default: ""
  mode:
    description:
      - Mode of the file, four octal digits in quotes. Others than owner and group get nothing.
      - Empty, a file keeps its own, and a new one gets V(0600). Secrets are not put into a file that everyone can read.
    type: str
    default: ""
  restart_follows:
    description:
      - Whether a service is restarted after a value changed. The file as it was then stays beside it as
        C(PATH.safesecrets-previous) until O(state=settled) or O(state=previous).
    type: bool
    default: false
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: Shows the block's variables alone, secrets by the first digits of their SHA-256.
author: SafeSecrets infrastructure team (@safesecrets)
extends_documentation_fragment:
  - safesecrets.infra.attributes
"""

EXAMPLES = r"""
- name: Put a block in
  safesecrets.infra.environment_file:
    path: /etc/safesecrets.env
    block: smartest_ai
    variables:
      SMARTEST_AI_ENDPOINT: https://api.smallest.ai/waves/v1/lightning-v3.1/get_speech
    secrets:
      SMARTEST_AI_API_KEY: "{{ key_from_vault }}"

- name: Write a value with a blank, which docker could not read without its quotes
  safesecrets.infra.environment_file:
    path: /etc/safesecrets.env
    block: greeting
    variables:
      GREETING: Good morning
    readers:
      GREETING: [systemd, dotenv, sh]

- name: Take the block out again
  safesecrets.infra.environment_file:
    path: /etc/safesecrets.env
    state: absent
    block: smartest_ai
"""

RETURN = r"""
changes:
  description: What changed, or would, a line a variable. Secrets by the first digits of their SHA-256.
  returned: success
  type: list
  elements: str
  sample: ["POLLY_REGION_US: us-west-2 -> us-east-1"]
examined:
  description: The block compared with the file as it is now. In check mode as it was.
  returned: O(state=present)
  type: dict
  contains:
    changes:
      description: What still differs, a line a variable.
      type: list
      elements: str
      sample: []
    outside:
      description: Variables of the block that are set outside it.
      type: list
      elements: str
      sample: []
    faults:
      description: What is wrong with the file.
      type: list
      elements: dict
      sample: []
    up_to_date:
      description: Whether the file's readers get what the block says.
      type: bool
      sample: true
restart_due:
  description: Whether a value changed, in this run or an earlier one, that the service has not taken over.
  returned: success
  type: bool
  sample: false
original_kept:
  description: Whether the file as it was before the first block is kept beside it.
  returned: success
  type: bool
  sample: true
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.safesecrets.infra.plugins.module_utils.environment_blocks import ManagedBlock
from ansible_collections.safesecrets.infra.plugins.module_utils.environment_file import target_faults
from ansible_collections.safesecrets.infra.plugins.module_utils.environment_storage import (
    carry_out,
    changed_names,
    kept_beside,
    plan_absent,
    plan_original,
    plan_present,
    plan_previous,
    plan_settled,
    sweep,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.faults import explain_faults
from ansible_collections.safesecrets.infra.plugins.module_utils.file_replacement import (
    NoSuchName,
    alone_beside,
    look,
    obstacles,
)

ARGUMENT_SPEC = {
    "path": {"type": "path", "required": True},
    "state": {
        "type": "str",
        "choices": ["present", "absent", "original", "previous", "settled"],
        "default": "present",
    },
    "block": {"type": "str"},
    "variables": {"type": "dict", "default": {}},
    "secrets": {"type": "dict", "default": {}, "no_log": True},
    # Names, no secrets; the word alone would make Ansible hide them.
    "absent_secrets": {"type": "list", "elements": "str", "default": [], "no_log": False},
    "readers": {"type": "dict", "default": {}},
    "take_over": {"type": "bool", "default": False},
    "take_over_option": {"type": "str", "default": "take_over"},
    "owner": {"type": "str", "default": ""},
    "group": {"type": "str", "default": ""},
    "mode": {"type": "str", "default": ""},
    "restart_follows": {"type": "bool", "default": False},
}


def block_of(parameters):
    return ManagedBlock(
        name=parameters["block"],
        variables={**parameters["secrets"], **parameters["variables"]},
        secrets=list(parameters["secrets"]),
        absent_secrets=parameters["absent_secrets"],
        readers=parameters["readers"],
        take_over=parameters["take_over"],
        take_over_option=parameters["take_over_option"],
    )


def planned(target, kept, parameters):
    """Return what shall happen, as the state wants it."""
    state, service = parameters["state"], parameters["restart_follows"]
    if state == "present":
        return plan_present(target, kept, block_of(parameters), parameters["mode"], service)
    if state == "absent":
        return plan_absent(target, kept, parameters["block"], service)
    if state == "original":
        return plan_original(target, kept, service)
    return plan_previous(target, kept) if state == "previous" else plan_settled(kept)


def result_of(target, plan, parameters, now):
    """Return what the module answers; ``now`` is the file's content afterwards, in check mode before."""
    before = target.content or b""
    result = {"changed": plan.changes}
    if parameters["state"] == "present":
        block = block_of(parameters)
        examined = block.examine(before, parameters["path"])
        removed = [f"{name}: removed outside the block" for name in examined["outside"]]
        result["changes"] = examined["changes"] + removed
        result["examined"] = block.examine(now, parameters["path"])
    else:
        result["changes"] = list(changed_names(before, before if plan.content is None else plan.content))
    return {**result, "diff": {"prepared": "".join(f"{change}\n" for change in result["changes"])}}


def run(module):
    """Look, plan, and do it."""
    parameters = module.params
    target = look(parameters["path"], parameters["owner"], parameters["group"], parameters["mode"])
    kept = kept_beside(target)
    plan = planned(target, kept, parameters)
    faults = [*plan.faults, *(obstacles(target) if plan.changes or plan.faults else [])]
    if faults:
        module.fail_json(msg=explain_faults(faults))
    now = target.content or b""
    if not module.check_mode:
        sweep(target)
        carry_out(target, plan)
        now = look(parameters["path"]).content or b""
    previous = (kept.previous is not None or plan.keep_previous) and not plan.drop_previous
    original = (kept.original is not None or plan.keep_original) and not plan.drop_original
    return {**result_of(target, plan, parameters, now), "restart_due": previous, "original_kept": original}


def main():
    module = AnsibleModule(
        argument_spec=ARGUMENT_SPEC,
        required_if=[("state", "present", ("block",)), ("state", "absent", ("block",))],
        supports_check_mode=True,
    )
    faults = target_faults(module.params["path"], module.params["mode"])
    if faults:
        module.fail_json(msg=explain_faults(faults))
    path = module.params["path"]
    try:
        with alone_beside(path):
            result = run(module)
    except NoSuchName as error:
        module.fail_json(msg=f"The host knows no {error}, whose {path} should be. Remedy: name one that it knows.")
    except OSError as error:
        module.fail_json(
            msg=f"{path} could not be looked at or replaced: {error.strerror}. It is as it was. "
            "Remedy: look at the file, its directory and their mount; let the role become root."
        )
    module.exit_json(**result)


if __name__ == "__main__":
    main()
