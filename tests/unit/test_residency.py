# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A mode that may take data further than it promises is found out, and what is not known is never called kept."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.safesecrets.infra.plugins.filter import residency as residency_filters
from ansible_collections.safesecrets.infra.plugins.module_utils import jurisdictions
from ansible_collections.safesecrets.infra.plugins.module_utils.residency import (
    mode_profiles,
    mode_routes,
    reach,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.residency_findings import residency_findings
from botocore.session import Session
from hypothesis import given, settings
from hypothesis import strategies as st

PRODUCTION = Path(__file__).resolve().parents[2] / "inventory/production/group_vars/all/safesecrets.yml"
SHIPPED = yaml.safe_load(PRODUCTION.read_text(encoding="utf-8"))
CA, US = "ca-central-1", "us-east-1"
HAIKU = "anthropic.claude-3-haiku-20240307-v1:0"
HAIKU_4_5 = "anthropic.claude-haiku-4-5-20251001-v1:0"
US_PROFILE, GLOBAL_PROFILE, CA_PROFILE = f"us.{HAIKU_4_5}", f"global.{HAIKU_4_5}", "ca.amazon.nova-lite-v1:0"
APPLICATION = f"arn:aws:bedrock:{CA}:111122223333:application-inference-profile/a1b2c3d4e5f6"
IN_US = ["us-east-1", "us-east-2", "us-west-2"]

Configuration = dict[str, Any]
Row = dict[str, Any]


def models(*allowlist: str, optional: tuple[str, ...] = ()) -> Row:
    return {"default": allowlist[0], "allowlist": list(allowlist), "optional": list(optional)}


def configuration(canada: Row | None = None, usa: Row | None = None, **modes: Row) -> Configuration:
    """Give the shipped configuration with other models, and modes changed by ``mode_1={...}``."""
    changed = deepcopy(SHIPPED)
    for code, given_models in (("CA", canada), ("US", usa)):
        if given_models:
            changed["safesecrets_regions"][code]["models"] = given_models
    for name, change in modes.items():
        changed["safesecrets_modes"][name.removeprefix("mode_")].update(change)
    return dict(changed)


def profile(region: str, profile_id: str, destinations: list[str] | None, error: str | None = None) -> Row:
    """Give a row of bedrock_inference_profile_info; no destinations: there is no such profile."""
    arns = [f"arn:aws:bedrock:{each}::foundation-model/{HAIKU_4_5}" for each in destinations or []]
    found = {"id": profile_id, "arn": "arn", "type": "SYSTEM_DEFINED", "status": "ACTIVE", "model_arns": arns}
    return {
        "region": region,
        "model_id": profile_id,
        "inference_profile": None if destinations is None else found,
        "error": error,
    }


def verdicts(found: list[Row]) -> dict[str, str]:
    return {each["evidence"]["mode"]: each["status"] for each in found}


def test_every_commercial_region_has_a_jurisdiction() -> None:
    known = Session().get_available_regions("ec2", partition_name="aws")
    assert len(known) > 30
    assert [region for region in known if jurisdictions.jurisdiction(region) is None] == []


@pytest.mark.parametrize(
    ("region", "found", "kept_by"),
    [
        ("ca-central-1", "canada", {"canada", "canada_and_us", "anywhere"}),
        ("ca-west-1", "canada", {"canada", "canada_and_us", "anywhere"}),
        ("us-west-2", "us", {"canada_and_us", "us", "anywhere"}),
        ("mx-central-1", "mexico", {"anywhere"}),
        ("global", "anywhere", {"anywhere"}),
        ("us-east-9", None, {"anywhere"}),
    ],
)
def test_promises(region: str, found: str | None, kept_by: set[str]) -> None:
    assert jurisdictions.jurisdiction(region) == found
    assert {promise for promise in jurisdictions.PROMISES if jurisdictions.keeps(promise, found)} == kept_by


def test_the_shipped_modes_keep_their_promises() -> None:
    found = residency_findings(SHIPPED, [])
    assert verdicts(found) == {"1": "pass", "2": "pass", "3": "pass", "4": "pass"}
    assert found[0]["evidence"]["reach"] == {"language_model": [CA], "transcription": [CA], "speech": [CA]}
    assert found[1]["evidence"]["reach"]["speech"] == [US]
    assert found[3]["evidence"]["reach"]["speech"] == ["smartest_ai"]
    assert [row["path"] for row in found[3]["evidence"]["services"]][-1] == "mode 4 → smartest_ai"
    assert {each["item"] for each in found} == {"prerequisites"}


def test_a_profile_in_the_us_keeps_the_promise_of_the_us() -> None:
    found = residency_findings(configuration(usa=models(US_PROFILE)), [profile(US, US_PROFILE, IN_US)])
    assert set(verdicts(found).values()) == {"pass"}
    assert found[2]["evidence"]["reach"]["language_model"] == IN_US


LEAVES = {
    "profile of the default model": (
        configuration(canada=models(US_PROFILE)),
        [profile(CA, US_PROFILE, [CA, *IN_US])],
        "1",
        f"mode 1 → Bedrock → profile {US_PROFILE} → us-east-1, us-east-2, us-west-2",
        "Configure in safesecrets_regions.CA.models a model that ca-central-1 offers on demand",
    ),
    "profile of one member of the allow-list": (
        configuration(canada=models(HAIKU, US_PROFILE)),
        [profile(CA, US_PROFILE, [CA, "us-west-2"])],
        "1",
        f"mode 1 → Bedrock → profile {US_PROFILE} → us-west-2",
        "Configure in safesecrets_regions.CA.models",
    ),
    "optional profile that is offered": (
        configuration(canada=models(HAIKU, optional=(US_PROFILE,))),
        [profile(CA, US_PROFILE, [CA, "us-west-2"])],
        "1",
        "us-west-2",
        "Configure in safesecrets_regions.CA.models",
    ),
    "application profile": (
        configuration(canada=models(APPLICATION)),
        [profile(CA, APPLICATION, [CA, "us-east-2"])],
        "1",
        f"mode 1 → Bedrock → profile {APPLICATION} → us-east-2",
        "Configure in safesecrets_regions.CA.models",
    ),
    "global profile": (
        configuration(usa=models(GLOBAL_PROFILE)),
        [profile(US, GLOBAL_PROFILE, [US, ""])],
        "34",
        f"mode 3 → Bedrock → profile {GLOBAL_PROFILE} → any commercial region",
        '(a global profile needs "anywhere")',
    ),
    "profile of the US called from Canada, for a promise of the US": (
        configuration(canada=models(US_PROFILE), mode_1={"data": "anywhere"}, mode_3={"language_model": "CA"}),
        [profile(CA, US_PROFILE, [CA, *IN_US])],
        "3",
        f"mode 3 → Bedrock → profile {US_PROFILE} → ca-central-1",
        "Let safesecrets_modes.3.language_model name a region in the US",
    ),
    "region of the model": (
        configuration(mode_1={"language_model": "US"}),
        [],
        "1",
        f"mode 1 → Bedrock → {HAIKU} → us-east-1",
        "Let safesecrets_modes.1.language_model name a region in Canada",
    ),
    "region of the transcription": (
        configuration(mode_1={"transcription": "US"}),
        [],
        "1",
        "mode 1 → Transcribe → us-east-1",
        "Let safesecrets_modes.1.transcription name a region in Canada",
    ),
    "region of the speech": (
        configuration(mode_1={"speech": {"region": "US", "engine": "generative"}}),
        [],
        "1",
        "mode 1 → Polly → us-east-1",
        "Let safesecrets_modes.1.speech name a region in Canada",
    ),
    "provider of the speech": (
        configuration(mode_1={"speech": {"provider": "smartest_ai"}}),
        [],
        "1",
        "mode 1 → smartest_ai",
        "Let Polly speak in safesecrets_modes.1.speech",
    ),
}


@pytest.mark.parametrize(("changed", "profiles", "modes", "path", "remedy"), LEAVES.values(), ids=LEAVES)
def test_a_mode_that_may_leave_its_promise_fails_with_the_path(
    changed: Configuration, profiles: list[Row], modes: str, path: str, remedy: str
) -> None:
    found = residency_findings(changed, profiles)
    failing = [each for each in found if each["status"] == "fail"]
    assert [each["evidence"]["mode"] for each in failing] == list(modes)
    assert path in failing[0]["detail"]
    assert remedy in failing[0]["remedy"]
    assert path in [each["path"] for each in failing[0]["evidence"]["exceeds"]] or "→" not in path


def test_a_region_without_a_known_jurisdiction_keeps_no_promise() -> None:
    changed = configuration()
    changed["safesecrets_regions"]["CA"]["region"] = "ca-east-9"
    failing = [each for each in residency_findings(changed, []) if each["status"] == "fail"]
    assert [each["evidence"]["mode"] for each in failing] == ["1", "2"]
    assert "ca-east-9 is in no jurisdiction that is known here" in failing[0]["remedy"]
    assert failing[0]["evidence"]["exceeds"][0]["jurisdictions"] == ["not known"]


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([], "Bedrock did not say where"),
        ([profile(CA, US_PROFILE, None)], "There is no inference profile"),
        ([profile(CA, US_PROFILE, [])], "Bedrock did not say where"),
        ([profile(CA, US_PROFILE, None, "Failed to look up: denied")], "Failed to look up: denied"),
        ([profile(US, US_PROFILE, IN_US)], "Bedrock did not say where"),  # another region's answer says nothing here
    ],
)
def test_what_could_not_be_read_is_refused_for_canada_and_unproven_elsewhere(rows: list[Row], why: str) -> None:
    found = residency_findings(configuration(canada=models(US_PROFILE)), rows)
    assert verdicts(found) == {"1": "fail", "2": "unproven", "3": "pass", "4": "pass"}
    assert why in found[0]["detail"]
    assert "bedrock:GetInferenceProfile in ca-central-1" in found[0]["remedy"]
    assert found[0]["evidence"]["services"][0]["unread"].startswith(why)
    assert found[0]["evidence"]["services"][0]["regions"] == [CA, "not known"]
    assert "what is not known" in found[0]["evidence"]["services"][0]["path"]


def test_an_optional_profile_that_is_not_offered_is_no_route() -> None:
    changed = configuration(canada=models(HAIKU, optional=(US_PROFILE,)))
    assert set(verdicts(residency_findings(changed, [profile(CA, US_PROFILE, None)])).values()) == {"pass"}
    denied = residency_findings(changed, [profile(CA, US_PROFILE, None, "denied")])
    assert verdicts(denied)["1"] == "fail"


def test_a_profile_that_stays_in_canada_is_no_fault() -> None:
    row = profile(CA, CA_PROFILE, ["ca-central-1", "ca-west-1"])
    assert set(verdicts(residency_findings(configuration(canada=models(CA_PROFILE)), [row])).values()) == {"pass"}


def test_a_promise_without_limits_takes_in_everything() -> None:
    changed = configuration(canada=models(GLOBAL_PROFILE), mode_1={"data": "anywhere"}, mode_2={"data": "anywhere"})
    assert set(verdicts(residency_findings(changed, [])).values()) == {"pass"}
    found = residency_findings(changed, [profile(CA, GLOBAL_PROFILE, [CA, ""])])
    assert found[0]["evidence"]["reach"]["language_model"] == [CA, "global"]


def test_a_provider_of_which_nothing_is_said() -> None:
    changed = {**SHIPPED, "safesecrets_provider_jurisdictions": {}}
    found = residency_findings(changed, [])
    assert verdicts(found) == {"1": "pass", "2": "pass", "3": "pass", "4": "unproven"}
    assert "safesecrets_provider_jurisdictions.smartest_ai" in found[3]["remedy"]
    elsewhere = residency_findings({**SHIPPED, "safesecrets_provider_jurisdictions": {"smartest_ai": "india"}}, [])
    assert verdicts(elsewhere)["4"] == "fail"


def test_only_profiles_of_modes_are_read() -> None:
    changed = configuration(canada=models(US_PROFILE, HAIKU), usa=models(GLOBAL_PROFILE))
    wanted = [{"region": CA, "model_id": US_PROFILE}, {"region": US, "model_id": GLOBAL_PROFILE}]
    assert mode_profiles(changed["safesecrets_modes"], changed["safesecrets_regions"]) == wanted
    only_canada = {key: mode for key, mode in changed["safesecrets_modes"].items() if key == "1"}
    assert mode_profiles(only_canada, changed["safesecrets_regions"]) == wanted[:1]
    assert mode_profiles(SHIPPED["safesecrets_modes"], SHIPPED["safesecrets_regions"]) == []


def test_filters() -> None:
    filters = residency_filters.FilterModule().filters()
    assert filters["mode_profiles"](SHIPPED["safesecrets_modes"], SHIPPED["safesecrets_regions"]) == []
    assert len(filters["residency_findings"](SHIPPED, [])) == 4


# Properties

REGION = st.sampled_from(["ca-central-1", "ca-west-1", "us-east-1", "us-west-2", "eu-west-1", ""])
PROFILE_IDS = [US_PROFILE, GLOBAL_PROFILE, CA_PROFILE, HAIKU]
ALLOWLIST = st.lists(st.sampled_from(PROFILE_IDS), min_size=1, unique=True)
PROFILES = st.lists(
    st.builds(profile, st.just(CA), st.sampled_from(PROFILE_IDS[:3]), st.none() | st.lists(REGION)),
    unique_by=lambda row: row["model_id"],
)


@settings(deadline=None)
@given(ALLOWLIST, PROFILES, st.sampled_from(sorted(SHIPPED["safesecrets_modes"])))
def test_removing_a_route_never_grows_a_reach(allowlist: list[str], profiles: list[Row], key: str) -> None:
    mode = SHIPPED["safesecrets_modes"][key]

    def reached(models_left: list[str]) -> frozenset[str]:
        regions = configuration(canada=models(*models_left))["safesecrets_regions"]
        return reach(mode_routes(mode, regions, profiles, {"smartest_ai": "us"}))

    whole = reached(allowlist)
    for gone in allowlist:
        left = [each for each in allowlist if each != gone]
        assert not left or reached(left) <= whole


@settings(deadline=None)
@given(ALLOWLIST, PROFILES)
def test_the_verdict_is_that_of_the_jurisdictions(allowlist: list[str], profiles: list[Row]) -> None:
    """A second, plainer judgement of mode 1: whatever is not certainly in Canada is refused."""
    found = residency_findings(configuration(canada=models(*allowlist)), profiles)[0]
    destinations = {row["model_id"]: (row["inference_profile"] or {}).get("model_arns", []) for row in profiles}
    certain = all(
        model_id == HAIKU
        or (destinations.get(model_id) and all(":bedrock:ca-" in arn for arn in destinations[model_id]))
        for model_id in allowlist
    )
    assert (found["status"] == "pass") == certain
