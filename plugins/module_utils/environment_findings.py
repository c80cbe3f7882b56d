# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What follows for INFRA-P2-5 and INFRA-P2-6 from the managed blocks of the environment file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.findings import (
    FAIL,
    NOT_APPLICABLE,
    PASS,
    UNPROVEN,
    Finding,
    finding,
)


def _verdict(block: Mapping[str, Any], names: Sequence[str], planned: bool) -> tuple[str, str, str]:
    """Return status, detail and remedy of some variables of a managed block, after it was written or would have been.

    block: what ``ManagedBlock.examine`` said about the file afterwards. planned: check mode held a change back.
    """
    changes = "; ".join(each for each in block["changes"] if each.partition(":")[0] in names)
    if planned:
        plan = changes or "the file, but none of these variables"
        return UNPROVEN, f"A run without check mode would change {plan}", "Run without --check."
    if block["up_to_date"]:
        return PASS, f"The file holds {', '.join(names)}", ""
    elsewhere = "a line outside sets a variable of the managed block" if block["outside"] else "other variables differ"
    why = changes or "; ".join(each["fault"] for each in block["faults"]) or elsewhere
    return FAIL, f"The file does not hold what was written: {why}", "Look for what else writes the file, and run again."


def environment_findings(
    block: Mapping[str, Any], variables: Mapping[str, str], regions: Mapping[str, Any], subject: str, planned: bool
) -> list[Finding]:
    """Return the findings of INFRA-P2-5, one a region.

    block: what ``ManagedBlock.examine`` said about the file afterwards. variables: what the block shall set.
    subject: host and path of the file.
    """
    found = []
    for code, region in regions.items():
        shown = _variables_of(variables, code, region)
        status, detail, remedy = _verdict(block, list(shown), planned)
        found.append(
            finding(
                "environment.variables",
                "INFRA-P2-5",
                subject,
                status,
                f"{detail}.",
                region=region["region"],
                remedy=remedy,
                evidence={"variables": shown},
            )
        )
    return found


def _variables_of(variables: Mapping[str, str], code: str, region: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables that concern a region: those with its code or name, and the default when it is that."""
    names = [
        f"AWS_REGION_{region['name']}",
        *(
            f"{kind}_{code}"
            for kind in ("BEDROCK_MODEL_ID", "BEDROCK_MODEL_ALLOWLIST", "POLLY_REGION", "TRANSCRIBE_REGION")
        ),
    ]
    if variables["AWS_REGION_DEFAULT"] == region["region"]:
        names.insert(0, "AWS_REGION_DEFAULT")
    return {name: variables[name] for name in names}


def restart_findings(restart: Mapping[str, Any], earlier: Sequence[Finding], planned: bool) -> list[Finding]:
    """Return the finding on the restart for which a changed value waited, and anew what it made untrue.

    restart: ``host``, ``service``, ``health_url``, ``path``; ``failure`` says why the service did not come up, and
    ``second_failure`` why it did not with the previous file either; both are empty where it did.
    earlier: what this run found on the host before. planned: check mode held the restart back.
    """
    service, url = restart["service"], restart["health_url"]
    status, detail, remedy = PASS, f"A value changed; {service} was restarted and {url} answers.", ""
    if planned:
        status, detail = UNPROVEN, f"A run without check mode would restart {service}, for a value changes or changed."
        remedy = "Run without --check."
    elif restart["failure"]:
        status, detail, remedy = (
            FAIL,
            _setback(restart),
            f"Look at the log of {service} for why, mend it and run again.",
        )
    evidence = {name: restart[name] for name in ("service", "health_url", "path", "failure", "second_failure")}
    subject = f"{restart['host']}:{service}"
    found = [finding("environment.service", "INFRA-P2-5", subject, status, detail, remedy=remedy, evidence=evidence)]
    if status == FAIL:
        file = f"{restart['host']}:{restart['path']}"
        untrue = {(each["id"], each["region"]): each for each in earlier if each["subject"] == file}
        gone = f"The file is the previous one again, for {service} did not come up with what was written."
        found += [
            finding(each["id"], each["item"], file, FAIL, gone, remedy=remedy, region=each["region"])
            for each in untrue.values()
        ]
    return found


def _setback(restart: Mapping[str, Any]) -> str:
    service, path = restart["service"], restart["path"]
    if restart["second_failure"]:
        after = f"{service} was started again, but is not up with it either: {restart['second_failure'].rstrip('.')}."
    else:
        after = f"{service} was started again and {restart['health_url']} answers."
    failure = restart["failure"].rstrip(".")
    return f"{service} did not come up with the changed {path}: {failure}. The previous file is back; {after}"


def rollback_findings(block: str, subject: str, outcome: Mapping[str, Any], planned: bool) -> list[Finding]:
    """Return the finding on a managed block that was taken out.

    outcome: what the module ``environment_file`` answered. planned: check mode held the change back.
    """
    item = "INFRA-P2-6" if block == "smartest_ai" else "INFRA-P2-5"
    status, detail, remedy = PASS, f"The file holds no managed block {block}.", ""
    if planned:
        status, remedy = UNPROVEN, "Run without --check."
        detail = f"A run without check mode would take back the managed block {block}."
    if outcome["original_kept"]:
        detail += " The file as it was before the first block is kept beside it (environment_rollback: original)."
    evidence = {"changes": list(outcome["changes"]), "original_kept": outcome["original_kept"]}
    return [finding("environment.rolled_back", item, subject, status, detail, remedy=remedy, evidence=evidence)]


def smartest_ai_findings(
    block: Mapping[str, Any], key: Mapping[str, Any], endpoint: Mapping[str, str], subject: str, planned: bool
) -> list[Finding]:
    """Return the finding of INFRA-P2-6.

    block: what ``ManagedBlock.examine`` said about the file afterwards. key: ``name``, ``source``, ``fingerprint``,
    ``delivery``, ``places``, the files it is delivered by, and ``changes``, what the run changed or would. endpoint:
    ``name`` and ``url``. subject: host and path of the file. planned: check mode held a change back.
    """
    in_file = key["delivery"] == "environment"
    names = [*([key["name"]] if in_file or planned else []), endpoint["name"]]
    changes = dict.fromkeys([*block["changes"], *(key["changes"] if planned else [])])
    status, detail, remedy = _verdict({**block, "changes": list(changes)}, names, planned)
    if not in_file and not planned:
        detail += f"; {key['name']} is a credential of systemd"
    before = _fingerprint_before(key)
    if before and before != key["fingerprint"]:
        detail += f"; the key before was another ({before} -> {key['fingerprint']})"
    evidence = {
        "key_name": key["name"],
        "key_source": key["source"],
        "key_fingerprint": key["fingerprint"],
        "key_fingerprint_before": before,
        "key_delivery": key["delivery"],
        "key_places": list(key["places"]),
        "endpoint_name": endpoint["name"],
        "endpoint": endpoint["url"],
    }
    return [
        finding("smartest_ai.configured", "INFRA-P2-6", subject, status, f"{detail}.", remedy=remedy, evidence=evidence)
    ]


def _fingerprint_before(key: Mapping[str, Any]) -> str | None:
    """Return the fingerprint of the key that the host had before this run, wherever it was; None where it had none."""
    told = [
        change.partition(": ")[2].split(" -> ") for change in key["changes"] if change.startswith(f"{key['name']}: ")
    ]
    if not told:
        return str(key["fingerprint"])
    return next((before for before, *_after in told if before.startswith("sha256:")), None)


def smartest_ai_disabled(variable: str) -> list[Finding]:
    """Return the finding of INFRA-P2-6 where Smartest.ai is not wanted; ``variable`` says so."""
    detail = f"{variable} is false: Smartest.ai is not wanted, and nothing was looked at."
    return [finding("smartest_ai.configured", "INFRA-P2-6", variable, NOT_APPLICABLE, detail)]
