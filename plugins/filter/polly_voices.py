# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters of the role polly_voices."""

from __future__ import annotations

from ansible_collections.safesecrets.infra.plugins.module_utils import polly_voices, step_variables


class FilterModule:
    """Filters on the voices that Polly offers."""

    def filters(self):
        return {
            "polly_engines": polly_voices.engines_to_ask,
            "polly_voice_findings": polly_voice_findings,
            "polly_voices_faults": step_variables.polly_voices_faults,
        }


def polly_voice_findings(voices, regions):
    """Judge the voices of the regions."""
    return polly_voices.findings_of_voices(regions, voices)
