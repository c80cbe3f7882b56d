# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Decide what has to be requested so that models can be used: use-case forms and agreements."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.model_readiness import unmet

Row = dict[str, Any]
#: A model in a region: (region, foundation model ID).
Model = tuple[str, str]

#: What a request mends.
MENDABLE = frozenset({"use_case_form", "agreement"})


@dataclass(frozen=True)
class Plan:
    """Regions without the use-case form, models without an agreement with the URL of their terms.

    not_offered: models without an agreement for which AWS offers none.
    """

    form_regions: tuple[str, ...]
    agreements: Mapping[Model, str | None]
    not_offered: tuple[Model, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Tell whether there is nothing to request."""
        return not self.form_regions and not self.agreements


def plan(rows: Iterable[Row]) -> Plan:
    """Decide what to request for rows of ``look_at_models``.

    A model that a request would not make usable is left alone: no terms are accepted for what cannot be called.
    """
    form_regions: dict[str, None] = {}
    agreements: dict[Model, str | None] = {}
    not_offered: dict[Model, None] = {}
    for row in rows:
        missing, model = unmet(row), (row["region"], row["foundation_model_id"])
        if not missing or not missing <= MENDABLE:
            continue
        if row["agreement_offered"] is False:
            not_offered[model] = None
            continue
        if "use_case_form" in missing:
            form_regions[row["region"]] = None
        if row["agreement_offered"]:
            agreements[model] = row["legal_terms_url"]
    return Plan(tuple(form_regions), agreements, tuple(not_offered))


def explain_missing_consent(wanted: Plan) -> str:
    """Say which terms would have to be accepted, and how to consent."""
    lines = [
        f"{model_id} in {region} (terms: {url or 'see the model catalog of the Bedrock console'})"
        for (region, model_id), url in wanted.agreements.items()
    ]
    if wanted.form_regions:
        lines.append(f"the use-case form, in {', '.join(wanted.form_regions)}")
    return (
        "Missing, and not requested because accept_agreement is false: "
        + "; ".join(lines)
        + ". Read the terms and set accept_agreement to true to accept them for this account."
    )


def describe_agreements(rows: Iterable[Row], requested: Collection[Model]) -> list[Row]:
    """Return a row per request: what stood before, and whether an agreement was requested."""
    return [
        {
            "region": row["region"],
            "model_id": row["model_id"],
            "foundation_model_id": row["foundation_model_id"],
            "status_before": row["agreement_availability"]["status"],
            "requested": (row["region"], row["foundation_model_id"]) in requested,
            "legal_terms_url": row["legal_terms_url"],
        }
        for row in rows
    ]


def difference(rows: Sequence[Row], form_regions: Collection[str], requested: Collection[Model]) -> dict[str, Any]:
    """Return before and after for --diff: what was requested only."""
    status = {(row["region"], row["foundation_model_id"]): row["agreement_availability"]["status"] for row in rows}
    before = {f"{region} {model_id}": status[region, model_id] for region, model_id in requested}
    form = {f"{region} use-case form": "missing" for region in form_regions}
    terms = {(row["region"], row["foundation_model_id"]): row["legal_terms_url"] for row in rows}
    accepted = {
        f"{region} {model_id}": f"PENDING, terms accepted: {terms[region, model_id] or 'no address given'}"
        for region, model_id in requested
    }
    return {"before": {**form, **before}, "after": {**dict.fromkeys(form, "submitted"), **accepted}}
