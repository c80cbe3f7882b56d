# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A required voice must be on its engine in its region; everything that was listed is on record."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.filter.polly_voices import FilterModule
from ansible_collections.safesecrets.infra.plugins.module_utils import polly_voices

REGIONS: dict[str, Any] = {
    "CA": {"region": "ca-central-1", "voices": {"engine": "neural", "required": []}},
    "US": {"region": "us-east-1", "voices": {"engine": "generative", "required": ["Ruth", "Matthew", "Joanna"]}},
}


def voices(listed: dict[tuple[str, str], list[str]]) -> list[dict[str, Any]]:
    return [
        polly_voices.describe(region, engine, {"Id": voice, "Name": voice, "SupportedEngines": [engine]})
        for (region, engine), names in listed.items()
        for voice in names
    ]


def judge(
    listed: dict[tuple[str, str], list[str]], regions: dict[str, Any] = REGIONS
) -> dict[tuple[str, str, str], dict[str, Any]]:
    found = FilterModule().filters()["polly_voice_findings"](voices(listed), regions)
    return {(each["id"], each["region"], each["subject"]): each for each in found}


AVAILABLE, LISTED = "polly_voices.voice_available", "polly_voices.voices_listed"
TODAY = {
    ("ca-central-1", "neural"): ["Joanna", "Matthew", "Ruth"],
    ("ca-central-1", "generative"): ["Joanna", "Ruth"],
    ("us-east-1", "neural"): ["Joanna", "Matthew", "Ruth", "Salli"],
    ("us-east-1", "generative"): ["Joanna", "Matthew", "Ruth"],
}


def test_engines_are_asked_for_once() -> None:
    assert polly_voices.engines_to_ask({**REGIONS, "EU": REGIONS["US"]}) == ["neural", "generative"]


def test_required_voices_that_are_there_pass_and_every_list_is_on_record() -> None:
    found = judge(TODAY)
    assert {key: each["status"] for key, each in found.items()} == {
        (AVAILABLE, "us-east-1", "Ruth (generative)"): "pass",
        (AVAILABLE, "us-east-1", "Matthew (generative)"): "pass",
        (AVAILABLE, "us-east-1", "Joanna (generative)"): "pass",
        (LISTED, "us-east-1", "all generative voices"): "pass",
        (LISTED, "us-east-1", "all neural voices"): "not_applicable",
        (LISTED, "ca-central-1", "all generative voices"): "not_applicable",
        (LISTED, "ca-central-1", "all neural voices"): "not_applicable",
    }
    canada = found[LISTED, "ca-central-1", "all generative voices"]
    assert canada["detail"] == "2 voices on the generative engine; none is required here: Joanna, Ruth."
    assert [voice["id"] for voice in canada["evidence"]["voices"]] == ["Joanna", "Ruth"]


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        (
            {**TODAY, ("us-east-1", "generative"): ["Ruth", "Joanna"]},
            "Matthew is not offered on the generative engine; there are Joanna, Ruth. Matthew is there on neural only.",
        ),
        (
            {**TODAY, ("us-east-1", "generative"): ["Ruth"], ("us-east-1", "neural"): []},
            "Matthew is not offered on the generative engine; there are Ruth.",
        ),
        (
            {("ca-central-1", "generative"): ["Matthew"]},
            "Matthew is not offered on the generative engine; no voice is on it there.",
        ),
    ],
    ids=["on another engine", "nowhere", "in another region only"],
)
def test_a_missing_voice_fails_and_says_what_is_there(listed: dict[tuple[str, str], list[str]], said: str) -> None:
    missing = judge(listed)[AVAILABLE, "us-east-1", "Matthew (generative)"]
    assert (missing["status"], missing["detail"]) == ("fail", said)
    assert "safesecrets_regions.US.voices.required" in missing["remedy"]


def test_an_empty_list_is_never_a_pass() -> None:
    assert {each["status"] for each in judge({}).values()} == {"fail", "not_applicable"}


def test_a_long_list_is_shortened_in_the_sentence_only() -> None:
    names = [f"Voice{number:02}" for number in range(20)]
    listing = judge({("ca-central-1", "neural"): names})[LISTED, "ca-central-1", "all neural voices"]
    assert listing["detail"].endswith("Voice06, Voice07 and 12 more.")
    assert len(listing["evidence"]["voices"]) == 20
