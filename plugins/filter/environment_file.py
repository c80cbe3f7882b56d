# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters that generate the managed blocks of the environment file and judge what became of them."""

from __future__ import annotations

from ansible_collections.safesecrets.infra.plugins.module_utils import environment_file, environment_findings


class FilterModule:
    """Filters that generate the managed blocks of the environment file and judge what became of them."""

    def filters(self):
        return {
            "environment_faults": environment_file.environment_faults,
            "environment_findings": environment_findings.environment_findings,
            "environment_restart_findings": environment_findings.restart_findings,
            "environment_rollback_findings": environment_findings.rollback_findings,
            "environment_service_faults": environment_file.service_faults,
            "region_variables": environment_file.region_variables,
        }
