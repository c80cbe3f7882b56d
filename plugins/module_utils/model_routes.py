# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The routes by which the configured models are called, and the regions in which each may run.

``regions`` is ``safesecrets_regions``: by code, each with ``region`` and ``models`` (default, allowlist, optional).
``models`` are rows of bedrock_model_access_info; needed for inference profiles only, whose ARNs AWS alone knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.model_identifiers import (
    ANYWHERE,
    INFERENCE_PROFILE,
    parse,
    region_of_arn,
)

Row = Mapping[str, Any]
Regions = Mapping[str, Mapping[str, Any]]

ON_DEMAND = "on_demand"
GEOGRAPHIC_PROFILE = "geographic_profile"
GLOBAL_PROFILE = "global_profile"
APPLICATION_PROFILE = "application_profile"
KINDS = (ON_DEMAND, GEOGRAPHIC_PROFILE, GLOBAL_PROFILE, APPLICATION_PROFILE)

#: The region that a request has when a global inference profile leaves the choice to AWS.
UNSPECIFIED_REGION = "unspecified"


@dataclass(frozen=True)
class ModelRoute:
    """How a configured model is called from a region, and where AWS may run the call.

    code: region code of the configuration. region: where the call is made. model_id: as configured.
    kind: one of :data:`KINDS`. arn: what the call names, a foundation model or an inference profile.
    model_arns: the foundation models that may answer, in the order in which AWS gives them.
    """

    code: str
    region: str
    model_id: str
    kind: str
    arn: str
    model_arns: tuple[str, ...]

    @property
    def is_profile(self) -> bool:
        """Tell whether the call goes through an inference profile."""
        return self.kind != ON_DEMAND

    @property
    def destinations(self) -> tuple[str, ...]:
        """The regions in which the call may run; ``global`` stands for every commercial region."""
        return tuple(dict.fromkeys(region_of_arn(arn) for arn in self.model_arns))

    @property
    def granted_model_arns(self) -> tuple[str, ...]:
        """The foundation models that IAM is asked about: where the call may run, and always where it is made."""
        here = [in_region(arn, self.region) for arn in self.model_arns[:1]]
        return tuple(dict.fromkeys([*here, *self.model_arns]))

    def evidence(self) -> dict[str, Any]:
        """Return the route as findings show it."""
        return {
            "kind": self.kind,
            "id": self.model_id,
            "arn": self.arn,
            "destinations": list(self.destinations),
            "model_arns": list(self.model_arns),
        }


def in_region(arn: str, region: str) -> str:
    """Return the ARN that the same thing has in another region."""
    parts = arn.split(":", 5)
    return ":".join([*parts[:3], region, *parts[4:]])


def requested_region(arn: str) -> str:
    """Return the aws:RequestedRegion of a request that reaches a foundation model."""
    region = region_of_arn(arn)
    return UNSPECIFIED_REGION if region == ANYWHERE else region


def profile_kind(profile: Row) -> str:
    """Tell the kind of an inference profile, in the form of ``inference_profile`` of a row."""
    if profile.get("type") == "APPLICATION":
        return APPLICATION_PROFILE
    anywhere = ANYWHERE in [region_of_arn(arn) for arn in profile["model_arns"]]
    return GLOBAL_PROFILE if anywhere else GEOGRAPHIC_PROFILE


def route_of_row(row: Row, code: str = "") -> ModelRoute | None:
    """Return the route of one row, None where nothing that could be called is known under its identifier."""
    profile = row.get("inference_profile")
    if profile and profile["model_arns"]:
        arns = tuple(profile["model_arns"])
        return ModelRoute(code, row["region"], row["model_id"], profile_kind(profile), profile["arn"], arns)
    if row["kind"] == INFERENCE_PROFILE or "ON_DEMAND" not in row["inference_types_supported"]:
        return None
    return ModelRoute(code, row["region"], row["model_id"], ON_DEMAND, row["model_arn"], (row["model_arn"],))


def configured_model_ids(entry: Row) -> list[str]:
    """Return the models of one region of the configuration, each once."""
    models = entry["models"]
    return list(dict.fromkeys([models["default"], *models.get("allowlist", []), *models.get("optional", [])]))


def configured_inference_profiles(regions: Regions) -> list[dict[str, str]]:
    """Return region and ID of the configured models that are inference profiles."""
    return [
        {"region": entry["region"], "model_id": model_id}
        for entry in regions.values()
        for model_id in configured_model_ids(entry)
        if is_profile(model_id, entry["region"])
    ]


def is_profile(model_id: str, region: str) -> bool:
    """Tell whether an identifier, used in a region, names an inference profile."""
    return parse(model_id, region).kind == INFERENCE_PROFILE


def model_routes(regions: Regions, models: Iterable[Row] = (), partition: str = "aws") -> list[ModelRoute]:
    """Return the route of each configured model; an optional profile that is not offered has none.

    Raises ValueError for what is no model ID, and for an inference profile of which ``models`` does not give the ARNs.
    """
    rows = {(row["region"], row["model_id"]): row for row in models}
    routes = []
    for code, entry in regions.items():
        region = entry["region"]
        for model_id in configured_model_ids(entry):
            row = rows.get((region, model_id), {})
            if not is_profile(model_id, region):
                arn = foundation_model_arn(model_id, region, partition)
                routes.append(ModelRoute(code, region, model_id, ON_DEMAND, arn, (arn,)))
            elif (row.get("inference_profile") or {}).get("model_arns"):
                profile = row["inference_profile"]
                arns = tuple(profile["model_arns"])
                routes.append(ModelRoute(code, region, model_id, profile_kind(profile), profile["arn"], arns))
            elif model_id not in entry["models"].get("optional", []):
                raise ValueError(_unknown_profile(code, region, model_id))
    return routes


def foundation_model_arn(model_id: str, region: str, partition: str = "aws") -> str:
    """Return the ARN of a foundation model in a region; an ARN is returned as it is."""
    return model_id if model_id.startswith("arn:") else f"arn:{partition}:bedrock:{region}::foundation-model/{model_id}"


def _unknown_profile(code: str, region: str, model_id: str) -> str:
    return (
        f"safesecrets_regions.{code}.models: {model_id} is an inference profile, and its ARNs in {region} are not "
        f"known. Name a profile that {region} offers (aws bedrock list-inference-profiles --region {region})."
    )
