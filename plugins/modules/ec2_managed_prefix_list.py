#!/usr/bin/python
# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

DOCUMENTATION = r"""
---
module: ec2_managed_prefix_list
version_added: 0.1.0
short_description: Keep a customer-managed prefix list
description:
  - Creates a managed prefix list of that name, and gives it exactly the entries that are asked for; or deletes it.
  - Entries are changed in calls of at most 100. What is missing is added before anything is removed. Where there is
    no room for that, entries go first that hold no address that is asked for. So nothing that rules open by the list
    and that is asked for is closed on the way.
  - Each call is decided from what the list holds at that moment and made against its version. When somebody else
    changes the list at the same time, it is read anew.
  - The list is made larger only where there is no other way to make room, and never smaller. Its maximum, not the
    number of its entries, counts against the quotas of the rules and routes that name it.
options:
  name:
    description: The list's name. EC2 lets several lists have one; those without O(tags) are never touched.
    type: str
    required: true
  state:
    description:
      - V(absent) deletes the list. That is refused while anything refers to it.
    type: str
    choices: [present, absent]
    default: present
  entries:
    description: What it holds. Needed unless O(state=absent).
    type: list
    elements: dict
    suboptions:
      cidr:
        description: An address range without host bits, of the list's family.
        type: str
        required: true
      description:
        description:
          - What is said of the range, at most 255 characters. It is set when the range is added. A standing entry
            keeps its own, since EC2 changes one only by taking the range away for a moment.
        type: str
        default: ""
  address_family:
    description: The family of its entries. It cannot be changed.
    type: str
    choices: [IPv4, IPv6]
    default: IPv4
  purge_entries:
    description:
      - Whether entries are removed that are not asked for. With V(false) only those go for which there is no room.
    type: bool
    default: true
  headroom:
    description: How many more entries it may hold than it does, in percent, when it is created or made larger.
    type: int
    default: 10
  tags:
    description:
      - The tags that it gets when it is created, and by which it is known again. A list of that name without them
        belongs to somebody else, and the module fails.
    type: dict
    default: {}
  wait_timeout:
    description: How long EC2 may take for each change, in seconds.
    type: int
    default: 120
notes:
  - >-
    IAM actions needed by the caller: C(ec2:DescribeManagedPrefixLists) and C(ec2:GetManagedPrefixListEntries); to
    create it C(ec2:CreateManagedPrefixList), and C(ec2:CreateTags) for O(tags); to change it
    C(ec2:ModifyManagedPrefixList); to delete it C(ec2:DeleteManagedPrefixList) and
    C(ec2:GetManagedPrefixListAssociations).
  - >-
    That a call takes at most 100 entries, that size and entries cannot be changed by one call, and that a size fails
    which does not fit what refers to the list, is told in the EC2 API reference under ModifyManagedPrefixList.
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
- name: Keep the addresses of two networks
  safesecrets.infra.ec2_managed_prefix_list:
    name: partners
    entries:
      - cidr: 192.0.2.0/24
        description: the one
      - cidr: 198.51.100.0/24
    tags:
      Owner: network team

- name: Delete the list
  safesecrets.infra.ec2_managed_prefix_list:
    name: partners
    state: absent
    tags:
      Owner: network team
"""

RETURN = r"""
prefix_list:
  description:
    - The list as EC2 describes it, in snake case, with its C(entries). In check mode as it would be, and with an empty
      C(prefix_list_id) where there is none yet.
  returned: when O(state=present)
  type: dict
  sample: {prefix_list_id: pl-0123456789abcdef0, address_family: IPv4, max_entries: 2, entries: [192.0.2.0/24]}
before:
  description: What stood before, with C(prefix_list_id), C(max_entries) and C(entries) as O(entries) takes them.
  returned: success
  type: dict
  sample: {prefix_list_id: "", max_entries: 0, entries: []}
added:
  description: The entries that were added, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample: [192.0.2.0/24]
removed:
  description: The entries that were removed, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample: []
"""

import uuid

from ansible.module_utils.common.dict_transformations import camel_dict_to_snake_dict
from ansible_collections.amazon.aws.plugins.module_utils.exceptions import AnsibleAWSError
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.safesecrets.infra.plugins.module_utils import ec2_prefix_lists, prefix_list

ENTRY = {"cidr": {"type": "str", "required": True}, "description": {"type": "str", "default": ""}}
ARGUMENT_SPEC = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "entries": {"type": "list", "elements": "dict", "options": ENTRY},
    "address_family": {"type": "str", "choices": ["IPv4", "IPv6"], "default": "IPv4"},
    "purge_entries": {"type": "bool", "default": True},
    "headroom": {"type": "int", "default": 10},
    "tags": {"type": "dict", "default": {}},
    "wait_timeout": {"type": "int", "default": 120},
}
#: How EC2 says that a list is not, or no longer, what a call took it for.
CONFLICTS = ("IncorrectState", "PrefixListVersionMismatch")
#: How often somebody else may change the list while this does.
MOST_CONFLICTS = 5


def is_conflict(error):
    """Tell whether EC2 refused a call because the list is another since it was read."""
    return getattr(error.exception, "response", {}).get("Error", {}).get("Code") in CONFLICTS


def create(client, params, wanted):
    """Make an empty list with room for what is wanted, and wait for it."""
    size = prefix_list.size_for(len(wanted), params["headroom"])
    token = str(uuid.uuid4())
    tags = {str(key): str(value) for key, value in params["tags"].items()}
    return ec2_prefix_lists.create(
        client, params["name"], family=params["address_family"], max_entries=size, tags=tags, token=token
    )


def fill(client, params, prefix_list_id, wanted):
    """Take step after step until the list is what is wanted, each from a fresh look at it."""
    expected, conflicts = None, 0
    while conflicts <= MOST_CONFLICTS:
        held = ec2_prefix_lists.settled(client, prefix_list_id, params["wait_timeout"])
        if held is None:
            raise AnsibleAWSError(message=f"{prefix_list_id} was deleted by somebody else. Run this again.")
        if expected is not None or held["State"] == "create-failed":
            ec2_prefix_lists.check_outcome(held)
        entries = ec2_prefix_lists.entries_of(client, held)
        conflicts += expected is not None and set(entries) != expected
        step = prefix_list.next_step(
            list(entries),
            list(wanted),
            held["MaxEntries"],
            headroom=params["headroom"],
            purge=params["purge_entries"],
        )
        if step is None:
            return held, entries
        try:
            ec2_prefix_lists.change(client, prefix_list_id, held["Version"], step, wanted)
            expected = set(prefix_list.applied(list(entries), step))
        except AnsibleAWSError as error:
            if not is_conflict(error):
                raise
            expected, conflicts = None, conflicts + 1
    raise AnsibleAWSError(
        message=f"{prefix_list_id} was changed by somebody else {conflicts} times while this changed it. Find out who "
        "keeps it too, and run this again: nothing that is asked for was removed."
    )


def predicted(module, held, entries, wanted):
    """Return the list and its entries as they would be."""
    size = held["MaxEntries"] if held else prefix_list.size_for(len(wanted), module.params["headroom"])
    options = {"headroom": module.params["headroom"], "purge": module.params["purge_entries"]}
    there = list(entries)
    for step in prefix_list.steps(list(entries), list(wanted), size, **options):
        size = step.max_entries or size
        there = prefix_list.applied(there, step)
    blank = {"PrefixListId": "", "PrefixListName": module.params["name"]}
    then = {**(held or blank), "AddressFamily": module.params["address_family"], "MaxEntries": size}
    return then, {cidr: entries.get(cidr, wanted.get(cidr, "")) for cidr in there}


def present(client, module, held, entries, wanted):
    """Make the list what is wanted, or predict it."""
    if held and held["AddressFamily"] != module.params["address_family"]:
        module.fail_json(
            msg=f"{held['PrefixListId']} holds {held['AddressFamily']}, which cannot be changed to "
            f"{module.params['address_family']}. Choose another name."
        )
    then, there = predicted(module, held, entries, wanted)
    if not module.check_mode and (held is None or entries.keys() != there.keys()):
        made = held or create(client, module.params, wanted)
        then, there = fill(client, module.params, made["PrefixListId"], wanted)
    described = camel_dict_to_snake_dict(then, ignore_list=["Tags"])
    return {
        "prefix_list": {**described, "tags": ec2_prefix_lists.tags_of(then), "entries": list(there)},
        "after": prefix_list.shown(there, then["MaxEntries"]),
        "entries": there,
    }


def absent(client, module, held):
    """Delete the list, unless something refers to it."""
    if held:
        name = held["PrefixListId"]
        users = ec2_prefix_lists.associations(client, name)
        if users:
            module.fail_json(
                msg=f"{name}, named {module.params['name']}, is named by {', '.join(users)}, so it was not deleted. "
                "Take it out of their rules and routes first."
            )
        if not module.check_mode:
            ec2_prefix_lists.delete(client, name)
            left = ec2_prefix_lists.settled(client, name, module.params["wait_timeout"])
            if left:
                ec2_prefix_lists.check_outcome(left)
    return {"entries": {}, "after": ""}


def main():
    module = AnsibleAWSModule(
        argument_spec=ARGUMENT_SPEC, supports_check_mode=True, required_if=[("state", "present", ["entries"])]
    )
    if module.params["state"] == "present" and module.params["entries"] is None:
        # An undefined variable must not empty a list that rules name.
        module.fail_json(msg="entries is null: give what the list holds, or [] for a list that holds nothing.")
    try:
        wanted = prefix_list.checked_entries(module.params["entries"] or [], module.params["address_family"])
    except ValueError as error:
        module.fail_json(msg=str(error))
    client = module.client("ec2")
    try:
        held = ec2_prefix_lists.owned_list(client, module.params["name"], module.params["tags"])
        entries = ec2_prefix_lists.entries_of(client, held) if held else {}
        if module.params["state"] == "present":
            made = present(client, module, held, entries, wanted)
        else:
            made = absent(client, module, held)
    except AnsibleAWSError as error:
        module.fail_json_aws_error(error)
    there, size = made.pop("entries"), held["MaxEntries"] if held else 0
    before, after = prefix_list.shown(entries, size) if held else "", made.pop("after")
    listed = [{"cidr": cidr, "description": description} for cidr, description in entries.items()]
    module.exit_json(
        changed=before != after,
        before={"prefix_list_id": held["PrefixListId"] if held else "", "max_entries": size, "entries": listed},
        added=[each for each in there if each not in entries],
        removed=[each for each in entries if each not in there],
        diff={"before": before, "after": after},
        **made,
    )


if __name__ == "__main__":
    main()
