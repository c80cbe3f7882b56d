"""Which foundation models and inference profiles a region has, for this account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from lab.state import LabState
from lab.templates import read

AMAZON, ANTHROPIC = "Amazon", "Anthropic"
SYSTEM_DEFINED, APPLICATION = "SYSTEM_DEFINED", "APPLICATION"
LIFECYCLE = ("startOfLifeTime", "legacyTime", "publicExtendedAccessTime", "endOfLifeTime")


@dataclass(frozen=True)
class Model:
    """A foundation model in one region; ``entry`` is the one of lab/data/foundation_models.yml, overrides merged."""

    id: str
    region: str
    entry: Mapping[str, Any]

    @property
    def arn(self) -> str:
        """Its ARN in this region."""
        return foundation_model_arn(self.region, self.id)

    @property
    def provider(self) -> str:
        """Who made it."""
        return str(self.entry["providerName"])

    @property
    def is_on_demand(self) -> bool:
        """Whether it can be called by its own ID."""
        return "ON_DEMAND" in self.entry["inferenceTypesSupported"]

    def lifecycle(self, now: datetime) -> dict[str, str]:
        """AWS's ``modelLifecycle``; the status follows from the dates unless the entry says it."""
        times = {name: moment.strftime("%Y-%m-%dT%H:%M:%SZ") for name in LIFECYCLE if (moment := self.time(name))}
        status = "LEGACY" if self.has_passed("legacyTime", now) else "ACTIVE"
        return {"status": self.entry["modelLifecycle"].get("status", status), **times}

    def time(self, name: str) -> datetime | None:
        """One date of its lifecycle."""
        value = self.entry["modelLifecycle"].get(name)
        return datetime.fromisoformat(str(value)).astimezone(UTC) if value else None

    def has_passed(self, name: str, now: datetime) -> bool:
        """Whether one date of its lifecycle lies behind."""
        moment = self.time(name)
        return moment is not None and moment <= now


@dataclass(frozen=True)
class Profile:
    """An inference profile, seen from a source region."""

    id: str
    name: str
    description: str
    arn: str
    model: Model
    destinations: list[str]
    type: str = SYSTEM_DEFINED

    @property
    def model_arns(self) -> list[str]:
        """The foundation models that a call may reach."""
        return [foundation_model_arn(region, self.model.id) for region in self.destinations]


def foundation_model_arn(region: str, model_id: str) -> str:
    """A foundation model's ARN: no account owns it."""
    return f"arn:aws:bedrock:{region}::foundation-model/{model_id}"


def inference_profile_arn(state: LabState, region: str, profile_id: str) -> str:
    """A profile's ARN, in the source region and in the caller's account."""
    return f"arn:aws:bedrock:{region}:{state.account_id}:inference-profile/{profile_id}"


def resource_id(identifier: str) -> str:
    """The model or profile ID of an identifier that may be an ARN."""
    return identifier.rsplit("/", 1)[-1] if identifier.startswith("arn:") else identifier


def is_known(model_id: str) -> bool:
    """Whether Bedrock has the model in any region."""
    return model_id in read("foundation_models.yml")["models"]


def models(state: LabState, region: str) -> dict[str, Model]:
    """The models of a region by ID."""
    content = read("foundation_models.yml")
    overrides = state.account.bedrock.models.get(region, {})
    found = {}
    for model_id in {**content["models"], **overrides}:
        entry = dict(content["models"].get(model_id, {}))
        is_here = region in entry.pop("regions", [])
        override = overrides.get(model_id, {} if is_here else None)
        if override is None:
            continue
        lifecycle = {**entry.get("modelLifecycle", {}), **override.get("modelLifecycle", {})}
        values = {**content["defaults"], **entry, **override, "modelLifecycle": lifecycle}
        found[model_id] = Model(model_id, region, values)
    return found


def profiles(state: LabState, region: str) -> dict[str, Profile]:
    """The inference profiles of a source region by ID, the account's own among them."""
    available = models(state, region)
    defined = {
        profile.id: profile
        for prefix, geography in read("inference_profiles.yml")["geographies"].items()
        for model_id in geography["models"]
        if model_id in available and region in geography["destinations"]
        for profile in (_profile(state, prefix, geography, available[model_id]),)
    }
    copies = state.account.bedrock.application_inference_profiles.get(region, {})
    return defined | {own: _application_profile(state, own, defined[source]) for own, source in copies.items()}


def _application_profile(state: LabState, profile_id: str, source: Profile) -> Profile:
    arn = inference_profile_arn(state, source.model.region, profile_id).replace(
        ":inference-", ":application-inference-"
    )
    return replace(source, id=profile_id, name=profile_id, arn=arn, type=APPLICATION)


def _profile(state: LabState, prefix: str, geography: Mapping[str, Any], model: Model) -> Profile:
    destinations = geography["destinations"][model.region]
    *others, last = destinations
    places = "globally" if "" in destinations else f"in {', '.join(others)} and {last}"
    name = model.entry["modelName"]
    branded = name if model.provider == AMAZON else f"{model.provider} {name}"
    profile_id = f"{prefix}.{model.id}"
    return Profile(
        id=profile_id,
        name=f"{geography['name']} {branded}",
        description=f"Routes requests to {branded} {places}.",
        arn=inference_profile_arn(state, model.region, profile_id),
        model=model,
        destinations=destinations,
    )
