# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the application's environment file shall hold, and what it may not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.environment_values import (
    PLAIN,
    READERS,
    offending_classes,
    written,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.faults import Fault, fault

VARIABLE_NAME = re.compile(r"[A-Z_][A-Z0-9_]*")
#: The application has its credentials from the instance profile; these would win over it.
STATIC_KEY_NAMES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN")
ACCESS_KEY_ID = re.compile(r"(?<![A-Z0-9])(AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])")
#: A shorter key could be guessed from its fingerprint.
FINGERPRINTED_LENGTH = 16
MODE_REMEDY = 'write "0600", or "0640" with the application\'s group in environment_group, in quotes'


def region_variables(regions: Mapping[str, Any], default_region: str, model_ids: Mapping[str, Any]) -> dict[str, str]:
    """Generate the variables of INFRA-P2-5, in the order of requirements.md.

    regions: ``safesecrets_regions``. default_region: one of its codes.
    model_ids: for each code ``default`` and ``allowlist``, as INFRA-P2-2 found them.
    """
    variables = {"AWS_REGION_DEFAULT": regions[default_region]["region"]}
    variables.update({f"AWS_REGION_{region['name']}": region["region"] for region in regions.values()})
    variables.update({f"BEDROCK_MODEL_ID_{code}": model_ids[code]["default"] for code in regions})
    variables.update({f"BEDROCK_MODEL_ALLOWLIST_{code}": ",".join(model_ids[code]["allowlist"]) for code in regions})
    for service in ("POLLY", "TRANSCRIBE"):
        variables.update({f"{service}_REGION_{code}": region["region"] for code, region in regions.items()})
    return variables


def environment_faults(
    regions: Mapping[str, Any], default_region: str, model_ids: Any, readers: Mapping[str, Any] | None = None
) -> list[Fault]:
    """Return why the variables of INFRA-P2-5 cannot be generated, or not be written.

    The arguments are those of :func:`region_variables` and :func:`variable_faults`, as the variables ``environment_*``
    give them.
    """
    missing = [each for code in regions for each in _missing_model_ids(code, model_ids)]
    return missing or variable_faults(region_variables(regions, default_region, model_ids), readers=readers)


def _missing_model_ids(code: str, model_ids: Any) -> Iterator[Fault]:
    entry = model_ids.get(code) if isinstance(model_ids, Mapping) else None
    entry = entry if isinstance(entry, Mapping) else {}
    remedy = "run INFRA-P2-2 in the same run: it finds out which models may be called"
    if not isinstance(entry.get("default"), str):
        yield fault(f"environment_model_ids.{code}.default", "is not set", remedy)
    if not isinstance(entry.get("allowlist"), (list, tuple)) or not entry["allowlist"]:
        yield fault(f"environment_model_ids.{code}.allowlist", "is not set", remedy)


def target_faults(path: Any, mode: Any) -> list[Fault]:
    """Return what is wrong with the path and the mode of the file that shall hold the blocks.

    mode: four octal digits, or "" for the mode that the file has.
    """
    faults = []
    if not isinstance(path, str) or not path.startswith("/") or path.endswith("/"):
        faults.append(fault("environment_path", "is no absolute path of a file", "write e.g. /etc/safesecrets.env"))
    if not isinstance(mode, str) or not re.fullmatch(r"(0[46][046]0)?", mode):
        faults.append(fault("environment_mode", f"is {mode!r}, no mode for a file that holds keys", MODE_REMEDY))
    return faults


def exposure_faults(mode: str, found_mode: str) -> list[Fault]:
    """Return what stands against putting a secret into an existing file whose mode is to stay.

    mode: the wanted mode, "" to keep ``found_mode``, the file's own in octal digits.
    """
    if mode or int(found_mode, 8) & 0o007 == 0:
        return []
    what = f"is not set, and the file's own mode {found_mode} would show the key to every user of the host"
    return [fault("environment_mode", what, MODE_REMEDY)]


def service_faults(service: Any, health_url: Any) -> list[Fault]:
    """Return what is wrong with the service that reads the file, and with the URL that tells whether it is up."""
    if not isinstance(service, str) or not re.fullmatch(r"([A-Za-z0-9][A-Za-z0-9@_.:\\-]*)?", service):
        return [fault("environment_service", "is no name of a service", "write its name as systemctl knows it")]
    if service and (not isinstance(health_url, str) or not re.fullmatch(r"https?://[^\s/]+\S*", health_url)):
        remedy = "write the http or https URL that answers 200 once the service is up, as the host itself reaches it"
        return [
            fault("environment_health_url", "is no URL, and without it nobody sees whether the service is up", remedy)
        ]
    return []


def variable_faults(
    variables: Mapping[str, Any], named: bool = True, readers: Mapping[str, Any] | None = None
) -> list[Fault]:
    """Return which variables the file's readers would not all understand alike; never quotes a value.

    named: whether the keys are the names that the file will hold, and not just say where a value is from.
    readers: ``environment_readers``: for the variables that not all of the readers need, those that do.
    """
    wanted = readers or {}
    faults = [each for name in variables if named for each in _name_faults(name)]
    for name, value in variables.items():
        faults += [*_reader_faults(name, wanted.get(name, READERS))] or [*_value_faults(name, value, wanted.get(name))]
    return faults


def _name_faults(name: str) -> Iterator[Fault]:
    if not VARIABLE_NAME.fullmatch(name):
        yield fault(name, "is no name for a variable", "use capitals, digits and _ alone, and no digit at its start")
    if name in STATIC_KEY_NAMES:
        yield fault(name, "is a static AWS key", "leave it out: the instance profile gives the credentials")


def _reader_faults(name: str, readers: Any) -> Iterator[Fault]:
    if not isinstance(readers, (list, tuple)) or not readers or any(each not in READERS for each in readers):
        remedy = f"write a list of those who need the variable, of {', '.join(READERS)}"
        yield fault(f"environment_readers.{name}", f"is {readers!r}, no list of readers", remedy)


def _value_faults(name: str, value: Any, named_readers: Sequence[str] | None) -> Iterator[Fault]:
    if not isinstance(value, str):
        yield fault(name, "has a value that is not text", "write the value in quotes")
    elif not value:
        yield fault(name, "has an empty value", "give a value")
    elif ACCESS_KEY_ID.search(value):
        yield fault(name, "has an AWS access key ID in its value", "the instance profile gives the credentials")
    elif written(value, named_readers or READERS) is None:
        yield _unreadable(name, offending_classes(value, named_readers or READERS), named_readers)


def _unreadable(name: str, classes: Sequence[str], named_readers: Sequence[str] | None) -> Fault:
    readers = " and ".join(", ".join(named_readers or READERS).rsplit(", ", 1))
    what = f"has a value with a character that cannot be written so that {readers} take it literally"
    fewer = "name fewer readers of it" if named_readers else "name those who need the variable in environment_readers"
    return fault(name, f"{what} and no reader is misled: {', '.join(classes)}", f"use {PLAIN} alone, or {fewer}")


def fingerprint(secret: str) -> str:
    """Return what tells two keys apart and gives none away.

    Eight hexadecimal digits of the plain SHA-256: a key of high entropy cannot be found from them, and without a salt
    the same key has the same fingerprint on every host and in every report.
    """
    if len(secret) < FINGERPRINTED_LENGTH:
        return "sha256:withheld, the key is short"
    return f"sha256:{sha256(secret.encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"
