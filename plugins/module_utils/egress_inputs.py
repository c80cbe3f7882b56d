# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is wrong with the variables of the role ``egress``, before anything is looked at."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_INSTANCE = re.compile(r"i-[0-9a-f]+")
#: A path becomes part of a command of the host's shell, which may fill in its stars.
_PATH = re.compile(r"/[A-Za-z0-9/._*-]+")


def input_faults(inputs: Mapping[str, Any], host: str) -> list[str]:
    """Return a sentence or two for each fault: what is wrong, and the remedy.

    inputs: the role's variables ``instance_id``, ``region``, ``regions``, ``services`` and ``host_files``. host: whose
    they are.
    """
    return list(_faults(inputs, host))


def _faults(inputs: Mapping[str, Any], host: str) -> Iterator[str]:
    instance_id, region = inputs["instance_id"], inputs["region"]
    if not _INSTANCE.fullmatch(instance_id) or not region:
        yield (
            f"egress_instance_id is '{instance_id}' and egress_region is '{region}', so it is not known which EC2 "
            f"instance {host} is. Run the role preflight on this host first, or set both."
        )
    if not inputs["regions"] or not inputs["services"]:
        yield (
            "egress_regions or egress_services is empty. Name the regions and the service endpoints that the "
            "application calls."
        )
    strange = [path for path in inputs["host_files"] if not (isinstance(path, str) and _PATH.fullmatch(path))]
    if strange:
        yield (
            f"egress_host_files has {json.dumps(strange)}. Give absolute paths of letters, digits, dots, dashes, "
            "underscores and stars."
        )
