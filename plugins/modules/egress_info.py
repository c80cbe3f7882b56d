#!/usr/bin/python
# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

DOCUMENTATION = r"""
---
module: egress_info
version_added: 0.1.0
short_description: Look at everything that a packet from an EC2 instance meets
description:
  - Looks, at the same time, at an instance's interfaces and security groups, the entries of the prefix lists that
    their rules name, the interface endpoints of its VPC with their addresses and groups, the route table and the
    network ACL of its primary interface's subnet; and, before a change, at who would notice it.
  - Fails when the instance or its groups cannot be looked at. Anything else that cannot be looked at is told in
    RV(egress.unseen), and is never returned as if nothing were there.
options:
  instance_id:
    description: The ID of the instance. Either this or O(instance_ids) is needed.
    type: str
  instance_ids:
    description:
      - The IDs of instances of the region that are looked at together. What several of them meet is asked for once.
      - An instance that cannot be looked at is named in RV(errors), and is in the way of no other.
    type: list
    elements: str
  own_group:
    description:
      - The name of a group that is, or may be, the instance's own, described wherever it is in the VPC.
      - Given, everything that tells whom a change of the groups would reach is looked at, too.
      - Not together with O(instance_ids).
    type: str
    default: ""
  prefix_list_ids:
    description: Prefix lists to look at beside those that the groups' rules name. An unknown one is left out.
    type: list
    elements: str
    default: []
notes:
  - >-
    IAM actions needed by the caller: C(ec2:DescribeInstances), C(ec2:DescribeSecurityGroups); and for the rest
    C(ec2:DescribeManagedPrefixLists), C(ec2:DescribeNetworkAcls), C(ec2:DescribeNetworkInterfaces),
    C(ec2:DescribeRouteTables), C(ec2:DescribeVpcEndpoints), C(ec2:DescribeVpcs), C(ec2:GetManagedPrefixListEntries).
author: SafeSecrets infrastructure team (@safesecrets)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - safesecrets.infra.attributes.info_module
"""

EXAMPLES = r"""
- name: Look at what leaves the instance
  safesecrets.infra.egress_info:
    instance_id: i-0123456789abcdef0
    own_group: safesecrets-egress-i-0123456789abcdef0
    region: ca-central-1
  register: look

- name: Look at what leaves several
  safesecrets.infra.egress_info:
    instance_ids: [i-0123456789abcdef0, i-0fedcba9876543210]
    region: ca-central-1

- name: Show who else has its groups
  ansible.builtin.debug:
    var: look.egress.group_users
"""

RETURN = r"""
egress:
  description: What was seen, as EC2 describes it, in snake case.
  returned: success, with O(instance_id)
  type: dict
  contains:
    instance:
      description: The instance.
      type: dict
    security_groups:
      description: The groups of its interfaces, those of the interface endpoints, and O(own_group).
      type: list
      elements: dict
    prefix_lists:
      description: The prefix lists that the groups' outbound rules name, each with its C(entries), a list of CIDRs.
      type: list
      elements: dict
    vpc_cidrs:
      description: The IPv4 ranges of the VPC.
      type: list
      elements: str
      sample: [10.20.0.0/16]
    vpc_endpoints:
      description: The interface endpoints of the VPC, each with its private C(addresses).
      type: list
      elements: dict
    route_table:
      description: The route table of the primary interface's subnet; the VPC's main one where it has none of its own.
      type: dict
    network_acl:
      description: The network ACL of that subnet.
      type: dict
    group_users:
      description: With O(own_group), the network interfaces that have each of the instance's groups, by its ID.
      type: dict
    referring_groups:
      description: With O(own_group), the groups whose inbound rules name each of the instance's groups, by its ID.
      type: dict
    reaching_groups:
      description: With O(own_group), the groups whose outbound rules name each of the instance's groups, by its ID.
      type: dict
    unseen:
      description: What could not be looked at, and what AWS said.
      type: dict
      sample: {}
instances:
  description: The same as RV(egress) of each instance that could be looked at, by its ID.
  returned: success, with O(instance_ids)
  type: dict
errors:
  description: What AWS said of each instance that could not be looked at, by its ID.
  returned: success, with O(instance_ids)
  type: dict
  sample: {}
"""

from ansible_collections.amazon.aws.plugins.module_utils.exceptions import AnsibleAWSError
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.safesecrets.infra.plugins.module_utils.ec2_network import look_at_network
from ansible_collections.safesecrets.infra.plugins.module_utils.ec2_networks import look_at_networks

ARGUMENT_SPEC = {
    "instance_id": {"type": "str"},
    "instance_ids": {"type": "list", "elements": "str"},
    "own_group": {"type": "str", "default": ""},
    "prefix_list_ids": {"type": "list", "elements": "str", "default": []},
}


def main():
    module = AnsibleAWSModule(
        argument_spec=ARGUMENT_SPEC,
        mutually_exclusive=[("instance_id", "instance_ids")],
        required_one_of=[("instance_id", "instance_ids")],
        supports_check_mode=True,
    )
    asked = module.params
    if asked["instance_ids"] is not None:
        instances, errors = look_at_networks(module.client("ec2"), asked["instance_ids"])
        module.exit_json(changed=False, instances=instances, errors=errors)
    try:
        seen = look_at_network(module.client("ec2"), asked["instance_id"], asked["own_group"], asked["prefix_list_ids"])
    except AnsibleAWSError as error:
        module.fail_json_aws_error(error)
    module.exit_json(changed=False, egress=seen)


if __name__ == "__main__":
    main()
