"""Bedrock's control plane in the lab."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab import accounts
from tests.lab.direct_lab import DirectLab, allow, changed, error

CATALOGUE = Path(accounts.__file__).with_name("data") / "foundation_models.yml"
HAIKU, OPUS = "anthropic.claude-3-haiku-20240307-v1:0", "anthropic.claude-3-opus-20240229-v1:0"
NOVA, SONNET_5 = "amazon.nova-lite-v1:0", "anthropic.claude-sonnet-4-6"
US_HAIKU = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
FORM = {
    "companyName": "SafeSecrets",
    "companyWebsite": "https://safesecrets.example",
    "intendedUsers": "0",
    "industryOption": "Technology",
    "otherIndustryOption": "",
    "useCases": "A voice assistant",
}
FORM_MISSING = "You have not filled out the request form. Fill out the form before getting access."
UNRESOLVED = (
    "ResourceNotFoundException",
    "Could not resolve the foundation model from the provided model identifier.",
    404,
)


@pytest.fixture
def lab() -> DirectLab:
    return DirectLab()


def listed(lab: DirectLab, region: str, **filters: str) -> set[str]:
    summaries = lab.client("bedrock", region).list_foundation_models(**filters)["modelSummaries"]
    return {summary["modelId"] for summary in summaries}


def availability(lab: DirectLab, region: str, model: str) -> dict[str, Any]:
    answer = lab.client("bedrock", region).get_foundation_model_availability(modelId=model)
    del answer["ResponseMetadata"]
    return dict(answer)


def offer_token(lab: DirectLab, model: str = HAIKU, region: str = "us-east-1") -> str:
    offers = lab.client("bedrock", region).list_foundation_model_agreement_offers(modelId=model)["offers"]
    return str(offers[0]["offerToken"])


def agree(lab: DirectLab, model: str = HAIKU, region: str = "us-east-1", **changes: Any) -> Any:
    parameters = {"modelId": model, "offerToken": offer_token(lab, model, region), **changes}
    return lab.client("bedrock", region).create_foundation_model_agreement(**parameters)


def put_form(lab: DirectLab, form: Any = FORM, region: str = "us-east-1") -> Any:
    data = form if isinstance(form, bytes) else json.dumps(form).encode()
    return lab.client("bedrock", region).put_use_case_for_model_access(formData=data)


def test_models_of_a_region(lab: DirectLab) -> None:
    assert HAIKU in listed(lab, "us-east-1") & listed(lab, "ca-central-1")
    assert OPUS not in listed(lab, "us-east-1") | listed(lab, "ca-central-1")
    assert NOVA in listed(lab, "ca-central-1") - listed(lab, "eu-west-2")
    assert listed(lab, "sa-east-1") == set()


@pytest.mark.parametrize(
    ("filters", "present", "absent"),
    [
        ({"byProvider": "anthropic"}, HAIKU, NOVA),
        ({"byProvider": "Amazon"}, NOVA, HAIKU),
        ({"byInferenceType": "ON_DEMAND"}, HAIKU, SONNET_5),
        ({"byOutputModality": "TEXT"}, NOVA, None),
        ({"byOutputModality": "IMAGE"}, None, NOVA),
        ({"byCustomizationType": "FINE_TUNING"}, None, HAIKU),
    ],
)
def test_filters(lab: DirectLab, filters: dict[str, str], present: str | None, absent: str | None) -> None:
    found = listed(lab, "us-east-1", **filters)
    assert present is None or present in found
    assert absent not in found


def test_an_unknown_filter_is_refused(lab: DirectLab) -> None:
    assert error(lab.client("bedrock").list_foundation_models, byInferenceType="BATCH") == (
        "ValidationException",
        "1 validation error detected: Value 'BATCH' at 'byInferenceType' failed to satisfy constraint: Member must "
        "satisfy enum value set: [ON_DEMAND, PROVISIONED]",
        400,
    )


@pytest.mark.parametrize("identifier", [HAIKU, f"arn:aws:bedrock:us-east-1::foundation-model/{HAIKU}"])
def test_a_model_tells_what_aws_tells(lab: DirectLab, identifier: str) -> None:
    assert lab.client("bedrock").get_foundation_model(modelIdentifier=identifier)["modelDetails"] == {
        "modelArn": f"arn:aws:bedrock:us-east-1::foundation-model/{HAIKU}",
        "modelId": HAIKU,
        "modelName": "Claude 3 Haiku",
        "providerName": "Anthropic",
        "inputModalities": ["TEXT", "IMAGE"],
        "outputModalities": ["TEXT"],
        "responseStreamingSupported": True,
        "customizationsSupported": [],
        "inferenceTypesSupported": ["ON_DEMAND"],
        "modelLifecycle": {"status": "ACTIVE", "startOfLifeTime": datetime(2024, 3, 13, tzinfo=UTC)},
    }


@pytest.mark.parametrize("identifier", ["anthropic.claude-9", OPUS])
def test_a_model_that_the_region_has_not(lab: DirectLab, identifier: str) -> None:
    assert error(lab.client("bedrock").get_foundation_model, modelIdentifier=identifier) == UNRESOLVED


def test_the_arn_of_another_region_is_not_found(lab: DirectLab) -> None:
    arn = f"arn:aws:bedrock:ca-central-1::foundation-model/{HAIKU}"
    assert error(lab.client("bedrock").get_foundation_model, modelIdentifier=arn) == UNRESOLVED


@pytest.mark.parametrize(
    ("now", "status"),
    [(datetime(2026, 7, 7, tzinfo=UTC), "ACTIVE"), (datetime(2026, 7, 8, tzinfo=UTC), "LEGACY")],
)
def test_a_model_is_legacy_from_its_date_on(lab: DirectLab, now: datetime, status: str) -> None:
    lab.now = now
    model = "anthropic.claude-opus-4-1-20250805-v1:0"
    details = lab.client("bedrock").get_foundation_model(modelIdentifier=model)["modelDetails"]
    assert details["modelLifecycle"] == {
        "status": status,
        "startOfLifeTime": datetime(2025, 8, 5, tzinfo=UTC),
        "legacyTime": datetime(2026, 7, 8, tzinfo=UTC),
        "publicExtendedAccessTime": datetime(2026, 10, 8, tzinfo=UTC),
        "endOfLifeTime": datetime(2027, 1, 8, tzinfo=UTC),
    }


def test_an_account_changes_adds_and_takes_models_in_one_region() -> None:
    ending = {"modelLifecycle": {"endOfLifeTime": "2026-09-10T00:00:00Z"}, "authorizationStatus": "NOT_AUTHORIZED"}
    models = {"us-east-1": {HAIKU: ending, OPUS: {}, NOVA: None}}
    lab = DirectLab(changed("today", bedrock={"models": models}))
    bedrock = lab.client("bedrock")
    lifecycle = bedrock.get_foundation_model(modelIdentifier=HAIKU)["modelDetails"]["modelLifecycle"]
    assert lifecycle["endOfLifeTime"] == datetime(2026, 9, 10, tzinfo=UTC)
    assert lifecycle["startOfLifeTime"] == datetime(2024, 3, 13, tzinfo=UTC)
    assert availability(lab, "us-east-1", HAIKU)["authorizationStatus"] == "NOT_AUTHORIZED"
    assert OPUS in listed(lab, "us-east-1") - listed(lab, "ca-central-1")
    assert NOVA in listed(lab, "ca-central-1") - listed(lab, "us-east-1")
    assert error(bedrock.get_inference_profile, inferenceProfileIdentifier=f"us.{NOVA}")[2] == 404


AVAILABILITY = {
    "agreed": ("ca-central-1", HAIKU, "AVAILABLE", "AUTHORIZED", "AVAILABLE"),
    "not agreed": ("us-east-1", HAIKU, "NOT_AVAILABLE", "AUTHORIZED", "AVAILABLE"),
    "of amazon": ("us-east-1", NOVA, "AVAILABLE", "AUTHORIZED", "AVAILABLE"),
    "of other regions": ("us-east-1", OPUS, "NOT_AVAILABLE", "NOT_AUTHORIZED", "NOT_AVAILABLE"),
}


@pytest.mark.parametrize(
    ("region", "model", "agreement", "authorization", "elsewhere"), AVAILABILITY.values(), ids=AVAILABILITY
)
def test_availability(
    lab: DirectLab, region: str, model: str, agreement: str, authorization: str, elsewhere: str
) -> None:
    assert availability(lab, region, model) == {
        "modelId": model,
        "agreementAvailability": {"status": agreement},
        "authorizationStatus": authorization,
        "entitlementAvailability": elsewhere,
        "regionAvailability": elsewhere,
    }


def test_availability_of_an_unknown_model(lab: DirectLab) -> None:
    assert error(lab.client("bedrock").get_foundation_model_availability, modelId="anthropic.claude-9") == UNRESOLVED


def test_an_agreement_is_pending_then_available_in_its_region_only(lab: DirectLab) -> None:
    put_form(lab)
    answer = agree(lab)
    assert (answer["ResponseMetadata"]["HTTPStatusCode"], answer["modelId"]) == (202, HAIKU)
    assert availability(lab, "us-east-1", HAIKU)["agreementAvailability"] == {"status": "PENDING"}
    assert error(agree, lab)[::2] == ("ConflictException", 400)
    lab.now += timedelta(seconds=lab.account.bedrock.agreement_delay_seconds)
    assert availability(lab, "us-east-1", HAIKU)["agreementAvailability"] == {"status": "AVAILABLE"}
    assert availability(lab, "us-west-2", HAIKU)["agreementAvailability"] == {"status": "NOT_AVAILABLE"}
    assert error(agree, lab) == (
        "ConflictException",
        "Could not create agreement - Agreement already exists",
        400,
    )


def test_an_agreement_may_end_in_error_and_be_asked_for_again() -> None:
    lab = DirectLab("agreement_in_error")
    put_form(lab)
    agree(lab)
    lab.now += timedelta(minutes=1)
    status = availability(lab, "us-east-1", HAIKU)["agreementAvailability"]
    assert status["status"] == "ERROR"
    assert status["errorMessage"].startswith("INVALID_PAYMENT_INSTRUMENT")
    agree(lab)


def test_an_agreement_can_be_deleted(lab: DirectLab) -> None:
    bedrock = lab.client("bedrock", "ca-central-1")
    assert bedrock.delete_foundation_model_agreement(modelId=HAIKU)["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert availability(lab, "ca-central-1", HAIKU)["agreementAvailability"] == {"status": "NOT_AVAILABLE"}
    assert error(bedrock.delete_foundation_model_agreement, modelId=HAIKU)[::2] == ("ResourceNotFoundException", 404)


def test_anthropic_wants_the_form_first(lab: DirectLab) -> None:
    assert error(agree, lab) == ("AccessDeniedException", FORM_MISSING, 403)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"offerToken": "another"}, "The provided offer token is invalid."),
        (
            {"offerToken": None},
            "1 validation error detected: Value null at 'offerToken' failed to satisfy constraint: ",
        ),
    ],
)
def test_a_wrong_offer_is_refused(lab: DirectLab, changes: dict[str, Any], message: str) -> None:
    put_form(lab)
    code, text, status = error(agree, lab, **changes)
    assert (code, status) == ("ValidationException", 400)
    assert text.startswith(message)


def test_the_offer_of_another_region_is_refused(lab: DirectLab) -> None:
    put_form(lab)
    assert error(agree, lab, offerToken=offer_token(lab, region="us-west-2"))[0] == "ValidationException"


def test_amazons_models_have_no_agreement(lab: DirectLab) -> None:
    refusal = ("ValidationException", "Agreement not supported for this model", 400)
    assert error(lab.client("bedrock").list_foundation_model_agreement_offers, modelId=NOVA) == refusal
    assert error(lab.client("bedrock").delete_foundation_model_agreement, modelId=NOVA) == refusal


def test_an_offer_tells_its_terms(lab: DirectLab) -> None:
    (offer,) = lab.client("bedrock").list_foundation_model_agreement_offers(modelId=HAIKU, offerType="PUBLIC")["offers"]
    assert {"usageBasedPricingTerm", "legalTerm", "supportTerm"} == set(offer["termDetails"])


@pytest.mark.parametrize(
    ("allowed", "action"),
    [
        (["bedrock:*"], "aws-marketplace:ViewSubscriptions"),
        (["bedrock:*", "aws-marketplace:ViewSubscriptions"], "aws-marketplace:Subscribe"),
    ],
)
def test_an_agreement_needs_the_marketplace(allowed: list[str], action: str) -> None:
    lab = DirectLab("converged", operator=allow(*allowed))
    code, message, status = error(agree, lab, "anthropic.claude-sonnet-4-6")
    assert (code, status) == ("AccessDeniedException", 403)
    assert message.endswith(f"because no identity-based policy allows the {action} action")


def test_the_form_is_put_once_for_all_regions(lab: DirectLab) -> None:
    assert error(lab.client("bedrock").get_use_case_for_model_access) == (
        "ResourceNotFoundException",
        FORM_MISSING,
        404,
    )
    assert put_form(lab)["ResponseMetadata"]["HTTPStatusCode"] == 201
    answer = lab.client("bedrock", "ca-central-1").get_use_case_for_model_access()
    assert json.loads(answer["formData"]) == FORM
    assert error(put_form, lab, region="ca-central-1")[::2] == ("ValidationException", 400)


BAD_FORMS: dict[str, Any] = {
    "too short": b"{}",
    "too long": json.dumps(FORM | {"useCases": "x" * 16384}).encode(),
    "no json": b"companyName=SafeSecrets",
    "no object": b'["companyName"]',
    "no company": FORM | {"companyName": ""},
    "no use case": {key: value for key, value in FORM.items() if key != "useCases"},
    "other users": FORM | {"intendedUsers": "3"},
    "number of users": FORM | {"intendedUsers": 0},
    "encoded twice": base64.b64encode(json.dumps(FORM).encode()),
}


@pytest.mark.parametrize("form", BAD_FORMS.values(), ids=BAD_FORMS)
def test_a_bad_form_is_refused_and_not_kept(lab: DirectLab, form: Any) -> None:
    assert error(put_form, lab, form)[::2] == ("ValidationException", 400)
    assert lab.state.use_case_forms == {}


def arns(model: str, *regions: str) -> list[dict[str, str]]:
    return [{"modelArn": f"arn:aws:bedrock:{region}::foundation-model/{model}"} for region in regions]


def test_a_profile_tells_what_aws_tells(lab: DirectLab) -> None:
    answer = lab.client("bedrock").get_inference_profile(inferenceProfileIdentifier=US_HAIKU)
    del answer["ResponseMetadata"]
    assert answer == {
        "inferenceProfileName": "US Anthropic Claude Haiku 4.5",
        "description": "Routes requests to Anthropic Claude Haiku 4.5 in us-east-1, us-east-2 and us-west-2.",
        "createdAt": datetime(2025, 10, 15, tzinfo=UTC),
        "updatedAt": datetime(2025, 10, 15, tzinfo=UTC),
        "inferenceProfileArn": f"arn:aws:bedrock:us-east-1:210987654321:inference-profile/{US_HAIKU}",
        "models": arns(US_HAIKU.removeprefix("us."), "us-east-1", "us-east-2", "us-west-2"),
        "inferenceProfileId": US_HAIKU,
        "status": "ACTIVE",
        "type": "SYSTEM_DEFINED",
    }


DESTINATIONS = {
    ("ca-central-1", f"us.{SONNET_5}"): ["ca-central-1", "us-east-1", "us-east-2", "us-west-2"],
    ("ca-central-1", f"global.{SONNET_5}"): ["ca-central-1", ""],
    ("ca-central-1", f"ca.{NOVA}"): ["ca-central-1", "ca-west-1"],
    ("us-east-1", f"us.{NOVA}"): ["us-east-1", "us-east-2", "us-west-2"],
    ("eu-west-2", f"global.{SONNET_5}"): ["eu-west-2", ""],
}


@pytest.mark.parametrize(("source", "regions"), DESTINATIONS.items())
def test_destinations_depend_on_the_source(lab: DirectLab, source: tuple[str, str], regions: list[str]) -> None:
    region, profile = source
    bedrock = lab.client("bedrock", region)
    arn = f"arn:aws:bedrock:{region}:210987654321:inference-profile/{profile}"
    for identifier in (profile, arn):
        models = bedrock.get_inference_profile(inferenceProfileIdentifier=identifier)["models"]
        assert models == arns(profile.partition(".")[2], *regions)


@pytest.mark.parametrize(
    ("region", "profile"),
    [
        ("eu-west-2", US_HAIKU),
        ("us-east-1", f"ca.{NOVA}"),
        ("us-east-1", "ca.anthropic.claude-sonnet-4-6"),
        ("us-east-1", HAIKU),
        ("us-east-1", f"arn:aws:bedrock:ca-central-1:210987654321:inference-profile/{US_HAIKU}"),
    ],
)
def test_a_profile_that_the_region_has_not(lab: DirectLab, region: str, profile: str) -> None:
    refusal = error(lab.client("bedrock", region).get_inference_profile, inferenceProfileIdentifier=profile)
    assert refusal[::2] == ("ResourceNotFoundException", 404)


@pytest.mark.parametrize("size", [None, 1, 4, 1000])
def test_pages_hold_every_profile_once(lab: DirectLab, size: int | None) -> None:
    paginator = lab.client("bedrock").get_paginator("list_inference_profiles")
    pages = list(paginator.paginate(**({"maxResults": size} if size else {})))
    found = [profile["inferenceProfileId"] for page in pages for profile in page["inferenceProfileSummaries"]]
    assert len(found) == len(set(found)) == 15
    assert {profile.partition(".")[0] for profile in found} == {"us", "global"}
    assert all(len(page["inferenceProfileSummaries"]) <= (size or 10) for page in pages)


@pytest.mark.parametrize("bad", [{"maxResults": 0}, {"maxResults": 1001}, {"nextToken": "x"}, {"typeEquals": "ALL"}])
def test_bad_pages_are_refused(lab: DirectLab, bad: dict[str, Any]) -> None:
    assert error(lab.client("bedrock").list_inference_profiles, **bad)[::2] == ("ValidationException", 400)


def test_there_are_no_application_profiles_until_the_account_has_some(lab: DirectLab) -> None:
    answer = lab.client("bedrock").list_inference_profiles(typeEquals="APPLICATION")
    assert answer["inferenceProfileSummaries"] == []


def test_an_application_profile_leads_where_the_one_does_that_it_was_copied_from() -> None:
    lab = DirectLab("working_profiles")
    bedrock, own = (
        lab.client("bedrock"),
        "arn:aws:bedrock:us-east-1:210987654321:application-inference-profile/a1b2c3d4e5f6",
    )
    (listed,) = bedrock.list_inference_profiles(typeEquals="APPLICATION")["inferenceProfileSummaries"]
    for identifier in ("a1b2c3d4e5f6", own):
        got = bedrock.get_inference_profile(inferenceProfileIdentifier=identifier)
        assert {key: got[key] for key in listed} == listed
    assert (listed["inferenceProfileArn"], listed["type"]) == (own, "APPLICATION")
    assert listed["models"] == bedrock.get_inference_profile(inferenceProfileIdentifier=US_HAIKU)["models"]
    elsewhere = error(
        lab.client("bedrock", "us-west-2").get_inference_profile, inferenceProfileIdentifier="a1b2c3d4e5f6"
    )
    assert elsewhere[::2] == ("ResourceNotFoundException", 404)


RESOURCES = {
    "get_foundation_model": ({"modelIdentifier": HAIKU}, f"arn:aws:bedrock:us-east-1::foundation-model/{HAIKU}"),
    "get_inference_profile": (
        {"inferenceProfileIdentifier": US_HAIKU},
        f"arn:aws:bedrock:us-east-1:210987654321:inference-profile/{US_HAIKU}",
    ),
}


@pytest.mark.parametrize(("operation", "parameters", "resource"), [(o, *rest) for o, rest in RESOURCES.items()])
def test_reading_needs_the_permission_on_that_resource(
    operation: str, parameters: dict[str, str], resource: str
) -> None:
    getattr(DirectLab(operator=allow("bedrock:Get*", resource=resource)).client("bedrock"), operation)(**parameters)
    denied = DirectLab(operator=allow("bedrock:Get*", resource=f"{resource}x")).client("bedrock")
    code, message, status = error(getattr(denied, operation), **parameters)
    assert (code, status) == ("AccessDeniedException", 403)
    assert f" on resource: {resource} because no identity-based policy allows" in message


@pytest.mark.parametrize("name", accounts.names())
def test_accounts_change_only_what_a_model_has(name: str) -> None:
    known = set(yaml.safe_load(CATALOGUE.read_text())["defaults"]) | {"modelName", "providerName", "inputModalities"}
    times = {"status", "startOfLifeTime", "legacyTime", "publicExtendedAccessTime", "endOfLifeTime"}
    for models in accounts.load(name).bedrock.models.values():
        for change in filter(None, models.values()):
            assert set(change) <= known | {"inferenceTypesSupported"}
            assert set(change.get("modelLifecycle", {})) <= times
