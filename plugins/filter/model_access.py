# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters of the role bedrock_access."""

from __future__ import annotations

from ansible_collections.safesecrets.infra.plugins.module_utils import (
    model_access_findings,
    model_choice,
    step_variables,
)


class FilterModule:
    """Filters on models and on what stands in the way of their use."""

    def filters(self):
        return {
            "awaited_models": model_access_findings.awaited,
            "bedrock_access_faults": step_variables.bedrock_access_faults,
            "configured_models": model_access_findings.configured_models,
            "model_access_findings": model_access_findings.findings_of_models,
            "model_choice_findings": model_choice.model_choice_findings,
            "model_ids": model_choice.model_ids,
            "model_lifecycle_findings": model_access_findings.lifecycle_findings,
            "model_requests": model_access_findings.model_requests,
            "models_lack_form": model_access_findings.form_is_missing,
            "requestable_models": model_access_findings.requestable,
        }
