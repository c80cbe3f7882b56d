# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters on the list of findings."""

from __future__ import annotations

from ansible_collections.safesecrets.infra.plugins.module_utils import report
from ansible_collections.safesecrets.infra.plugins.plugin_utils import recorded_findings


class FilterModule:
    """Filters that read the list of findings."""

    def filters(self):
        return {
            "drift_findings": report.drift,
            "recorded_findings": recorded_findings.of_this_run,
        }
