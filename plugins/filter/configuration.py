# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters that check the configuration."""

from __future__ import annotations

from ansible_collections.safesecrets.infra.plugins.module_utils import configuration, faults


def known_regions():
    """Return the regions that this controller's botocore knows, none where there is no botocore."""
    try:
        from botocore.loaders import Loader  # noqa: PLC0415 - the other filters do without it
    except ImportError:
        return []
    # A session would read the endpoints of every service for the same names, which takes a tenth of a second.
    partitions = Loader().load_data("partitions")["partitions"]
    return [name for each in partitions for name in each["regions"] if configuration.REGION.fullmatch(name)]


def configuration_faults(variables):
    return configuration.configuration_faults(variables, known_regions)


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
