"""What ministack lacks of managed prefix lists: versions that conflict, states that pass, and AWS's limits."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ministack.services import ec2

from lab import ec2_permissions

Answer = tuple[int, dict[str, str], bytes]
#: Entries that one call may add, and as many to remove.
BATCH = 100
MODIFIED_BY_MINISTACK: Callable[[Any], Answer] = ec2._ACTION_MAP["ModifyManagedPrefixList"]
CREATED_BY_MINISTACK: Callable[[Any], Answer] = ec2._ACTION_MAP["CreateManagedPrefixList"]
DESCRIBED_BY_MINISTACK: Callable[[Any], Answer] = ec2._ACTION_MAP["DescribeManagedPrefixLists"]
DELETED_BY_MINISTACK: Callable[[Any], Answer] = ec2._ACTION_MAP["DeleteManagedPrefixList"]
XML_BY_MINISTACK: Callable[..., str] = ec2._prefix_list_xml


def complete() -> None:
    """Make ministack keep prefix lists as AWS does."""
    ec2._prefix_list_xml = _xml
    ec2._ACTION_MAP.update(
        CreateManagedPrefixList=_create,
        ModifyManagedPrefixList=_modify,
        DeleteManagedPrefixList=_delete,
        DescribeManagedPrefixLists=_describe,
        GetManagedPrefixListAssociations=_associations,
    )


def _create(parameters: Any) -> Answer:
    entries = list(_members(parameters, "Entry"))
    if len(entries) > BATCH:
        return _error("InvalidParameterValue", f"A request may hold up to {BATCH} entries.")
    if len(entries) > int(ec2._p(parameters, "MaxEntries") or 0):
        return _error("PrefixListMaxEntriesExceeded", "You've reached the maximum number of entries.")
    before = set(ec2._prefix_lists)
    answer = CREATED_BY_MINISTACK(parameters)
    for name in set(ec2._prefix_lists) - before:
        ec2._parse_tag_specs(parameters, "prefix-list", name)
        ec2._prefix_lists[name]["Moves"] = "create-complete"
        ec2._prefix_lists[name]["State"] = "create-in-progress"
    status, headers, body = answer
    return status, headers, body.replace(b"create-complete", b"create-in-progress")


def _modify(parameters: Any) -> Answer:
    held = ec2._prefix_lists.get(ec2._p(parameters, "PrefixListId"))
    if held is None:
        return MODIFIED_BY_MINISTACK(parameters)
    adding, removing = (set(_members(parameters, name)) for name in ("AddEntry", "RemoveEntry"))
    if refusal := _refusal(parameters, held, adding, removing):
        return refusal
    version = held["Version"]
    size = {**held, "MaxEntries": int(ec2._p(parameters, "MaxEntries") or 0)}
    if full := [
        name for name, group in _users(held) if ec2_permissions.is_too_much(group["IpPermissionsEgress"], size)
    ]:
        held |= {"State": "modify-in-progress", "Moves": "modify-failed", "StateMessage": f"Not supported by {full}"}
        return _answer("ModifyManagedPrefixList", _xml(held, "prefixList"))
    answer = MODIFIED_BY_MINISTACK(parameters)
    # Only other entries make another version.
    held["Version"] = version + int(bool(adding or removing))
    held |= {"Moves": "modify-complete", "State": "modify-in-progress", "StateMessage": ""}
    status, headers, body = answer
    return status, headers, body.replace(b"modify-complete", b"modify-in-progress")


def _delete(parameters: Any) -> Answer:
    """A list that something names stays, which its state tells."""
    held = ec2._prefix_lists.get(ec2._p(parameters, "PrefixListId"), {})
    if names := [name for name, _group in _users(held)]:
        held |= {"State": "delete-failed", "StateMessage": f"Referenced by {names}"}
        return _answer("DeleteManagedPrefixList", _xml(held, "prefixList"))
    return DELETED_BY_MINISTACK(parameters)


def _associations(parameters: Any) -> Answer:
    users = _users({"PrefixListId": ec2._p(parameters, "PrefixListId")})
    items = "".join(
        f"<item><resourceId>{name}</resourceId><resourceOwner>{group['OwnerId']}</resourceOwner></item>"
        for name, group in users
    )
    found = f"<prefixListAssociationSet>{items}</prefixListAssociationSet>"
    return _answer("GetManagedPrefixListAssociations", found)


def _users(held: Any) -> list[tuple[str, dict[str, Any]]]:
    """The security groups whose outbound rules name a list."""
    named = {"PrefixListId": held.get("PrefixListId")}
    return [
        (name, group)
        for name, group in ec2._security_groups.items()
        if any(
            named.items() <= entry.items() for rule in group["IpPermissionsEgress"] for entry in rule["PrefixListIds"]
        )
    ]


def _xml(held: Any, tag: str = "item") -> str:
    told = f"<stateMessage>{held['StateMessage']}</stateMessage>" if held.get("StateMessage") else ""
    return XML_BY_MINISTACK(held, tag=tag).replace(f"</{tag}>", f"{told}</{tag}>")


def _refusal(parameters: Any, held: dict[str, Any], adding: set[str], removing: set[str]) -> Answer | None:
    """What AWS refuses of a change."""
    then = {entry["Cidr"] for entry in held["Entries"]} - removing | adding
    faults = {
        ("IncorrectState", f"The prefix list is in the state {held['State']}."): held["State"].endswith("-in-progress"),
        ("PrefixListVersionMismatch", "The prefix list has a different version number from the one specified."): (
            bool(adding or removing) and int(ec2._p(parameters, "CurrentVersion") or -1) != held["Version"]
        ),
        ("InvalidParameterValue", f"A request may hold up to {BATCH} entries to add or remove."): (
            max(len(adding), len(removing)) > BATCH
        ),
        ("InvalidParameterCombination", "Entries and their maximum cannot be changed at the same time."): (
            bool(ec2._p(parameters, "MaxEntries")) and bool(adding or removing)
        ),
        ("PrefixListMaxEntriesExceeded", "You've reached the maximum number of entries."): (
            len(then) > int(ec2._p(parameters, "MaxEntries") or held["MaxEntries"])
        ),
    }
    return next((_error(*told) for told, is_fault in faults.items() if is_fault), None)


def _describe(parameters: Any) -> Answer:
    """Lists come to rest: each is described as it is, then as it will be."""
    filters = ec2._parse_filters(parameters)
    asked = [*ec2._parse_member_list(parameters, "PrefixListId"), *filters.get("prefix-list-id", [])]
    if asked:
        parameters = {f"PrefixListId.{number}": [name] for number, name in enumerate(asked, 1)}
    answer = DESCRIBED_BY_MINISTACK(parameters)
    for held in ec2._prefix_lists.values():
        held["State"] = held.pop("Moves", held["State"])
    return answer


def _members(parameters: Any, prefix: str) -> Iterable[str]:
    number = 1
    while cidr := ec2._p(parameters, f"{prefix}.{number}.Cidr"):
        yield str(cidr)
        number += 1


def _answer(action: str, content: str) -> Answer:
    answer: Answer = ec2._xml(200, f"{action}Response", content)
    return answer


def _error(code: str, message: str) -> Answer:
    answer: Answer = ec2._error(code, message, 400)
    return answer
