# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Calls of EC2 that make, change and delete a managed prefix list, one a function, and the wait for their end."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.exceptions import AnsibleAWSError
from ansible_collections.safesecrets.infra.plugins.module_utils.api_call import api_call
from ansible_collections.safesecrets.infra.plugins.module_utils.ec2_network import (
    describe_prefix_lists,
    prefix_list_entries,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.prefix_list import Step

Client = Any
Row = dict[str, Any]
LOOK_SECONDS = 2


@api_call("create the prefix list {name}", "ec2:CreateManagedPrefixList")
def create(client: Client, name: str, *, family: str, max_entries: int, tags: Mapping[str, str], token: str) -> Row:
    """Create an empty list with its tags; the token keeps a call that is tried again from making another."""
    given = [{"Key": key, "Value": value} for key, value in tags.items()]
    specification = [{"ResourceType": "prefix-list", "Tags": given}] if given else []
    answer = client.create_managed_prefix_list(
        PrefixListName=name,
        AddressFamily=family,
        MaxEntries=max_entries,
        TagSpecifications=specification,
        ClientToken=token,
    )
    return dict(answer["PrefixList"])


@api_call("change the prefix list {prefix_list_id}", "ec2:ModifyManagedPrefixList")
def change(client: Client, prefix_list_id: str, version: int, step: Step, descriptions: Mapping[str, str]) -> None:
    """Take one step from that version; EC2 refuses when somebody else has made another since."""
    if step.max_entries:
        # The size is of no version.
        client.modify_managed_prefix_list(PrefixListId=prefix_list_id, MaxEntries=step.max_entries)
        return
    entries: dict[str, list[dict[str, str]]] = {}
    if step.add:
        entries["AddEntries"] = [{"Cidr": cidr, "Description": descriptions[cidr]} for cidr in step.add]
    if step.remove:
        entries["RemoveEntries"] = [{"Cidr": cidr} for cidr in step.remove]
    client.modify_managed_prefix_list(PrefixListId=prefix_list_id, CurrentVersion=version, **entries)


@api_call("look at what uses the prefix list {prefix_list_id}", "ec2:GetManagedPrefixListAssociations")
def associations(client: Client, prefix_list_id: str) -> list[str]:
    """Return the IDs of what refers to the list."""
    pages = client.get_paginator("get_managed_prefix_list_associations").paginate(PrefixListId=prefix_list_id)
    return [each["ResourceId"] for page in pages for each in page["PrefixListAssociations"]]


@api_call("delete the prefix list {prefix_list_id}", "ec2:DeleteManagedPrefixList")
def delete(client: Client, prefix_list_id: str) -> None:
    client.delete_managed_prefix_list(PrefixListId=prefix_list_id)


def owned_list(client: Client, name: str, tags: Mapping[str, str]) -> Row | None:
    """Return the list of that name and these tags, None where the name is free.

    Raises AnsibleAWSError when lists of the name belong to somebody else, or there are several of ours.
    """
    found = [
        each
        for each in describe_prefix_lists(client, {"prefix-list-name": [name]})
        if each.get("OwnerId") != "AWS" and each["State"] != "delete-complete"
    ]
    ours = [each for each in found if tags.items() <= tags_of(each).items()]
    if len(ours) > 1:
        names = ", ".join(each["PrefixListId"] for each in ours)
        raise AnsibleAWSError(
            message=f"There are several prefix lists named {name} with these tags: {names}. Delete all but the one "
            "that rules name."
        )
    if found and not ours:
        names = ", ".join(each["PrefixListId"] for each in found)
        raise AnsibleAWSError(
            message=f"{names}, named {name}, has not the tags {dict(tags)}: it belongs to somebody else, and nothing "
            "was changed. Choose another name, or give the list these tags if it is yours."
        )
    return ours[0] if ours else None


def tags_of(held: Mapping[str, Any]) -> dict[str, str]:
    """Return a list's tags as a dictionary."""
    return {each["Key"]: each["Value"] for each in held.get("Tags") or []}


def entries_of(client: Client, held: Mapping[str, Any]) -> dict[str, str]:
    """Return the descriptions of the entries of the version that was described, by CIDR."""
    rows = prefix_list_entries(client, held["PrefixListId"], held.get("Version"))
    return {each["Cidr"]: each.get("Description") or "" for each in rows}


def settled(client: Client, prefix_list_id: str, seconds: int) -> Row | None:
    """Wait until the list is no longer being changed, and return it; None when it is gone."""
    end = time.monotonic() + seconds
    while True:
        found = describe_prefix_lists(client, {"prefix-list-id": [prefix_list_id]})
        if not found or found[0]["State"] == "delete-complete":
            return None
        if not found[0]["State"].endswith("-in-progress"):
            return found[0]
        if time.monotonic() >= end:
            raise AnsibleAWSError(
                message=f"{prefix_list_id} is still {found[0]['State']} after {seconds} s. Run this again later, or "
                "give wait_timeout more seconds: what is done is kept."
            )
        time.sleep(LOOK_SECONDS)


def check_outcome(held: Mapping[str, Any]) -> None:
    """Raise AnsibleAWSError with what EC2 says when the last change of the list failed."""
    if held["State"].endswith("-failed"):
        said = held.get("StateMessage") or "EC2 does not say why"
        raise AnsibleAWSError(
            message=f"{held['PrefixListId']} is {held['State']}: {said}. Where resources are named, a list of this "
            "size does not fit their quota: raise it, or ask for fewer entries or less headroom."
        )
