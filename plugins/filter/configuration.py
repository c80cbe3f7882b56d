# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters that check the configuration."""

from __future__ import annotations

from functools import lru_cache

from ansible_collections.safesecrets.infra.plugins.module_utils import configuration, faults


@lru_cache(maxsize=1)
def known_regions():
    """Return the regions that this controller's botocore knows, none where there is no botocore."""
    try:
        from botocore.session import Session  # noqa: PLC0415 - the other filters do without it
    except ImportError:
        return ()
    session = Session()
    return tuple(
        region
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("ec2", partition_name=partition)
    )


def configuration_faults(variables):
    return configuration.configuration_faults(variables, known_regions())


def unknown_regions(regions):
    return configuration.unknown_regions(regions, known_regions())


class FilterModule:
    """Filters that check the configuration."""

    def filters(self):
        return {
            "configuration_faults": configuration_faults,
            "explain_faults": faults.explain_faults,
            "unknown_regions": unknown_regions,
        }
