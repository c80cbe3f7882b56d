# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters that generate, examine and judge the managed blocks of the environment file."""

from __future__ import annotations

from base64 import b64decode

from ansible_collections.safesecrets.infra.plugins.module_utils import environment_file, environment_findings


def examine_managed_block(block, content, path):
    return environment_file.ManagedBlock(**block).examine(b64decode(content), path)


class FilterModule:
    """Filters that generate, examine and judge the managed blocks of the environment file."""

    def filters(self):
        return {
            "environment_exposure_faults": environment_file.exposure_faults,
            "environment_faults": environment_file.environment_faults,
            "environment_findings": environment_findings.environment_findings,
            "environment_target_faults": environment_file.target_faults,
            "examine_managed_block": examine_managed_block,
            "region_variables": environment_file.region_variables,
        }
