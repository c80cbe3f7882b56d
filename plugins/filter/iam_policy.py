# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters that build the role's inline policy, the simulations that prove it, and the findings."""

from __future__ import annotations

from functools import wraps

from ansible.errors import AnsibleFilterError
from ansible_collections.safesecrets.infra.plugins.module_utils import (
    iam_policy_document,
    iam_policy_findings,
    iam_policy_kinds,
    iam_reach_findings,
    model_routes,
    step_variables,
)


def explained(function):
    """Hand over what a function refuses as an error of the filter, without a traceback."""

    @wraps(function)
    def call(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except ValueError as error:
            raise AnsibleFilterError(str(error)) from error

    return call


class FilterModule:
    """Filters of the role iam_policy."""

    def filters(self):
        return {
            "configured_inference_profiles": explained(model_routes.configured_inference_profiles),
            "iam_policy_absent_findings": iam_policy_findings.iam_policy_absent_findings,
            "iam_policy_as_configured": iam_policy_kinds.is_as_configured,
            "iam_policy_faults": iam_policy_kinds.policy_faults,
            "iam_policy_findings": iam_policy_findings.iam_policy_findings,
            "iam_policy_obstacles": iam_policy_findings.iam_policy_obstacles,
            "iam_policy_present_kinds": iam_policy_kinds.present_kinds,
            "iam_policy_variable_faults": step_variables.iam_policy_variable_faults,
            "iam_reach_findings": explained(iam_reach_findings.iam_reach_findings),
            "multi_region_policy_document": explained(iam_policy_document.multi_region_policy_document),
            "multi_region_simulations": explained(iam_policy_document.multi_region_simulations),
        }
