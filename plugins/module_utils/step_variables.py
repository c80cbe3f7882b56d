# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is wrong with the variables of a step that runs alone, beyond their types, which Ansible checks.

In a run of the whole chain the configuration has been checked; who calls a role with variables of their own has not.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.configuration import POLLY_ENGINES, REGION
from ansible_collections.safesecrets.infra.plugins.module_utils.faults import Fault, fault

Regions = Mapping[str, Mapping[str, Any]]

POLICY_NAME = re.compile(r"[A-Za-z0-9+=,.@_-]{1,128}")
INSTANCE_ID = re.compile(r"i-[0-9a-f]+")
#: A path becomes part of a command of the host's shell, which may fill in its stars.
HOST_FILE = re.compile(r"/[A-Za-z0-9/._*-]+")
LONGEST_WAIT_MINUTES = 15
SHORTEST_DELAY_SECONDS = 1


def bedrock_access_faults(regions: Regions, wait_minutes: Any, wait_delay: Any) -> list[Fault]:
    """Say what is wrong with the variables of bedrock_access.

    regions: ``bedrock_access_regions``. wait_minutes, wait_delay: numbers, or text that stands for them.
    """
    faults = _no_regions("bedrock_access_regions", regions, "is empty, so there is no model to look at")
    for code, region in regions.items():
        default, variable = region["models"]["default"], f"bedrock_access_regions.{code}.models"
        if default not in region["models"]["allowlist"]:
            what = f"is {default}, which its allow-list does not name"
            remedy = f"add it to {variable}.allowlist, or choose another default"
            faults.append(fault(f"{variable}.default", what, remedy))
    if not 0 <= float(wait_minutes) <= LONGEST_WAIT_MINUTES:
        remedy = f"give 0 to {LONGEST_WAIT_MINUTES} minutes"
        faults.append(fault("bedrock_access_wait_minutes", f"is {wait_minutes}", remedy))
    if not SHORTEST_DELAY_SECONDS <= float(wait_delay) <= math.inf:
        remedy = f"give at least {SHORTEST_DELAY_SECONDS} second between two looks"
        faults.append(fault("bedrock_access_wait_delay", f"is {wait_delay}", remedy))
    return faults


def polly_voices_faults(regions: Regions) -> list[Fault]:
    """Say what is wrong with ``polly_voices_regions``."""
    faults = _no_regions("polly_voices_regions", regions, "is empty, so there is no voice to look for")
    for code, region in regions.items():
        engine = region["voices"]["engine"]
        if engine not in POLLY_ENGINES:
            what, remedy = f"is {engine}, which is no engine of Polly's", f"write one of {', '.join(POLLY_ENGINES)}"
            faults.append(fault(f"polly_voices_regions.{code}.voices.engine", what, remedy))
    return faults


def iam_policy_variable_faults(regions: Regions, policy_name: str, controls: Mapping[str, str]) -> list[Fault]:
    """Say what is wrong with the variables of iam_policy.

    regions: ``iam_policy_regions``. controls: what has to be denied, by the name of its variable; "" leaves it out.
    """
    faults = _no_regions("iam_policy_regions", regions, "is empty", "name the regions that the role may use")
    if not POLICY_NAME.fullmatch(policy_name):
        what = f"is {policy_name!r}, which is no name of a policy"
        faults.append(fault("iam_policy_name", what, "use 1 to 128 letters, digits and +=,.@_- only"))
    wanted = {"iam_policy_control_region": [region["region"] for region in regions.values()]}
    models = list(dict.fromkeys(_models(regions)))
    for variable, value in controls.items():
        configured = wanted.get(variable, models)
        remedy = f"name one that is none of {', '.join(configured)}, or '' to do without this control"
        if value in configured:
            faults.append(fault(variable, f"is {value!r}, but the policy has to deny it", remedy))
        elif variable in wanted and value and not REGION.fullmatch(value):
            faults.append(fault(variable, f"is {value!r}, which is no name of an AWS region", remedy))
    return faults


def egress_faults(variables: Mapping[str, Any], host: str) -> list[Fault]:
    """Say what is wrong with the variables of egress.

    variables: ``instance_id``, ``region``, ``regions``, ``services`` and ``host_files`` without their prefix. host:
    whose they are.
    """
    faults = []
    instance_id, region = variables["instance_id"], variables["region"]
    if not INSTANCE_ID.fullmatch(instance_id) or not region:
        what = f"is '{instance_id}' and egress_region is '{region}', so it is not known which EC2 instance {host} is"
        faults.append(fault("egress_instance_id", what, "run the role preflight on this host first, or set both"))
    if not variables["regions"] or not variables["services"]:
        remedy = "name the regions and the service endpoints that the application calls"
        faults.append(fault("egress_regions or egress_services", "is empty", remedy))
    strange = [path for path in variables["host_files"] if not (isinstance(path, str) and HOST_FILE.fullmatch(path))]
    if strange:
        remedy = "give absolute paths of letters, digits, dots, dashes, underscores and stars"
        faults.append(fault("egress_host_files", f"has {json.dumps(strange)}", remedy))
    return faults


def _no_regions(
    variable: str, regions: Regions, what: str, remedy: str = "configure safesecrets_regions"
) -> list[Fault]:
    return [] if regions else [fault(variable, what, remedy)]


def _models(regions: Regions) -> Iterator[str]:
    for region in regions.values():
        models = region["models"]
        yield models["default"]
        yield from models.get("allowlist", [])
        yield from models.get("optional", [])
