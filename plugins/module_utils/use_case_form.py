# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The use-case form that Anthropic wants before its first model is used: its fields, and its form on the wire."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

INTENDED_USERS = {"0": "internal", "1": "external", "2": "internal and external"}

#: Our names, the form's, and the longest value that AWS takes.
FIELDS = {
    "company_name": ("companyName", 128),
    "company_website": ("companyWebsite", 128),
    "intended_users": ("intendedUsers", 1),
    "industry_option": ("industryOption", 128),
    "other_industry_option": ("otherIndustryOption", 128),
    "use_cases": ("useCases", 8192),
}
OPTIONAL = ("other_industry_option",)

#: The option ``use_case`` of bedrock_model_access.
USE_CASE_SPEC: dict[str, Any] = {
    "type": "dict",
    "options": {
        name: {"type": "str", "default": ""} if name in OPTIONAL else {"type": "str", "required": True}
        for name in FIELDS
    },
}
USE_CASE_SPEC["options"]["intended_users"]["choices"] = list(INTENDED_USERS)


def problems(use_case: Mapping[str, str]) -> list[str]:
    """Say what AWS would refuse; it answers no more than "Invalid form data"."""
    found = []
    for name, (_theirs, longest) in FIELDS.items():
        value = use_case.get(name) or ""
        if not value.strip() and name not in OPTIONAL:
            found.append(f"use_case.{name} is empty: fill it in")
        if len(value) > longest:
            found.append(f"use_case.{name} has {len(value)} characters: shorten it to {longest}")
    website = use_case.get("company_website") or ""
    if website.strip() and not _is_web_address(website):
        found.append(f"use_case.company_website {website!r} is no web address: write it as https://example.com")
    return found


def _is_web_address(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme in ("http", "https") and "." in parts.netloc and not any(map(str.isspace, text))


def form_data(use_case: Mapping[str, str]) -> bytes:
    """Return what PutUseCaseForModelAccess takes."""
    return json.dumps({theirs: use_case.get(ours) or "" for ours, (theirs, _longest) in FIELDS.items()}).encode()
