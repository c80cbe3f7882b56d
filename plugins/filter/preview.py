# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters of a run that only looks."""

from __future__ import annotations

from ansible_collections.safesecrets.infra.plugins.module_utils import preview


class FilterModule:
    """Filters on what was seen, and on what was not."""

    def filters(self):
        return {
            "preview_findings": preview.preview_findings,
            "unseen_findings": preview.unseen_findings,
        }
