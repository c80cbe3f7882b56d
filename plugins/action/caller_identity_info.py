# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Spares the module a process of its own where it runs on the controller."""

from __future__ import annotations

from ansible_collections.safesecrets.infra.plugins.plugin_utils.in_worker import ActionModule

__all__ = ["ActionModule"]
