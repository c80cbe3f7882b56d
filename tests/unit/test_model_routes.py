# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Each configured model has one route, and the policy allows exactly the requests that the routes make."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils import iam_policy_document, model_routes
from ansible_collections.safesecrets.infra.plugins.module_utils.iam_statements import INLINE, Policy, Request, applying
from ansible_collections.safesecrets.infra.plugins.module_utils.model_routes import ModelRoute
from hypothesis import given, settings
from hypothesis import strategies as st

ACCOUNT = "111122223333"
HAIKU = "anthropic.claude-3-haiku-20240307-v1:0"
HAIKU_45, SONNET_46 = "anthropic.claude-haiku-4-5-20251001-v1:0", "anthropic.claude-sonnet-4-6"
ACTION = "bedrock:InvokeModel"
PROFILE_KEY = "bedrock:InferenceProfileArn"


def model(region: str, model_id: str) -> str:
    return f"arn:aws:bedrock:{region}::foundation-model/{model_id}"


def application(region: str, name: str) -> str:
    return f"arn:aws:bedrock:{region}:{ACCOUNT}:application-inference-profile/{name}"


def row(region: str, model_id: str, behind: str, destinations: list[str]) -> dict[str, Any]:
    """Give a row of bedrock_model_access_info for a profile: an ID, or the ARN of an application's."""
    arn = (
        model_id if model_id.startswith("arn:") else f"arn:aws:bedrock:{region}:{ACCOUNT}:inference-profile/{model_id}"
    )
    kind = "APPLICATION" if ":application-" in arn else "SYSTEM_DEFINED"
    arns = [model(each, behind) for each in destinations]
    profile = {"id": model_id, "arn": arn, "type": kind, "status": "ACTIVE", "model_arns": arns}
    return {"region": region, "model_id": model_id, "kind": "inference_profile", "inference_profile": profile}


US_ROW = row("us-east-1", f"us.{HAIKU_45}", HAIKU_45, ["us-east-1", "us-east-2", "us-west-2"])
GLOBAL_ROW = row("us-east-1", f"global.{HAIKU_45}", HAIKU_45, ["us-east-1", ""])
APPLICATION_ROW = row("us-east-1", application("us-east-1", "a1b2c3"), HAIKU_45, ["us-east-1", "us-east-2"])
ROWS = [US_ROW, GLOBAL_ROW, APPLICATION_ROW]


def configured(*model_ids: str, optional: list[str] | None = None) -> dict[str, Any]:
    models = {"default": model_ids[0], "allowlist": list(model_ids), "optional": optional or []}
    return {"US": {"region": "us-east-1", "models": models}}


@pytest.mark.parametrize(
    ("model_id", "kind", "destinations", "granted"),
    [
        (HAIKU, "on_demand", ("us-east-1",), ["us-east-1"]),
        (model("us-east-1", HAIKU), "on_demand", ("us-east-1",), ["us-east-1"]),
        (US_ROW["model_id"], "geographic_profile", ("us-east-1", "us-east-2", "us-west-2"),
         ["us-east-1", "us-east-2", "us-west-2"]),
        (GLOBAL_ROW["model_id"], "global_profile", ("us-east-1", "global"), ["us-east-1", ""]),
        (APPLICATION_ROW["model_id"], "application_profile", ("us-east-1", "us-east-2"), ["us-east-1", "us-east-2"]),
    ],
)  # fmt: skip
def test_routes(model_id: str, kind: str, destinations: tuple[str, ...], granted: list[str]) -> None:
    (route,) = model_routes.model_routes(configured(model_id), ROWS)
    assert (route.code, route.region, route.model_id, route.kind) == ("US", "us-east-1", model_id, kind)
    assert route.destinations == destinations
    behind = HAIKU if kind == "on_demand" else HAIKU_45
    assert route.granted_model_arns == tuple(model(region, behind) for region in granted)
    assert route.is_profile is (kind != "on_demand")
    evidence = route.evidence()
    assert (evidence["kind"], evidence["id"], evidence["arn"]) == (kind, model_id, route.arn)
    assert evidence["destinations"] == list(destinations)


def test_the_route_of_a_row() -> None:
    here = {
        "region": "us-east-1",
        "model_id": HAIKU,
        "kind": "foundation_model",
        "model_arn": model("us-east-1", HAIKU),
        "inference_types_supported": ["ON_DEMAND"],
        "inference_profile": None,
    }
    route = model_routes.route_of_row(here, "US")
    assert route == ModelRoute(
        "US", "us-east-1", HAIKU, "on_demand", model("us-east-1", HAIKU), (model("us-east-1", HAIKU),)
    )
    assert model_routes.route_of_row({**here, "inference_types_supported": ["INFERENCE_PROFILE"]}) is None
    through = model_routes.route_of_row(GLOBAL_ROW)
    assert through is not None
    assert (through.kind, through.arn) == ("global_profile", GLOBAL_ROW["inference_profile"]["arn"])
    assert model_routes.route_of_row({**GLOBAL_ROW, "inference_profile": None}) is None


def test_a_profile_that_aws_does_not_describe() -> None:
    with pytest.raises(ValueError, match=r"safesecrets_regions\.US\.models: us\.anthropic.* is an inference profile"):
        model_routes.model_routes(configured(US_ROW["model_id"]))
    assert [each.model_id for each in model_routes.model_routes(configured(HAIKU, optional=[US_ROW["model_id"]]))] == [
        HAIKU
    ]


def test_configured_inference_profiles() -> None:
    assert model_routes.configured_inference_profiles(configured(HAIKU)) == []
    assert model_routes.configured_inference_profiles(configured(HAIKU, US_ROW["model_id"])) == [
        {"region": "us-east-1", "model_id": US_ROW["model_id"]}
    ]


SOURCES = ["ca-central-1", "us-east-1", "eu-west-1"]
PLACES = ["ca-central-1", "us-east-1", "us-east-2", "us-west-2", "eu-west-1", ""]
MODELS = [HAIKU, HAIKU_45, SONNET_46]


@st.composite
def configurations(draw: st.DrawFn) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Draw regions with models by ID, profile and application profile, and Bedrock's rows for the profiles."""
    regions: dict[str, Any] = {}
    rows = []
    for number, region in enumerate(draw(st.lists(st.sampled_from(SOURCES), min_size=1, unique=True))):
        model_ids = draw(st.lists(st.sampled_from(MODELS), unique=True))
        prefixes = st.sampled_from(["us", "eu", "global", "application"])
        for prefix, behind in draw(st.lists(st.tuples(prefixes, st.sampled_from(MODELS)), unique=True, max_size=4)):
            name = application(region, f"p{len(rows)}") if prefix == "application" else f"{prefix}.{behind}"
            destinations = draw(st.lists(st.sampled_from(PLACES), min_size=1, unique=True))
            rows.append(row(region, name, behind, destinations))
            model_ids.append(name)
        model_ids = draw(st.permutations(model_ids or [HAIKU]))
        regions[f"R{number}"] = {"region": region, "models": {"default": model_ids[0], "allowlist": model_ids}}
    return regions, rows


def requests_of(route: ModelRoute) -> set[tuple[str, str, str | None]]:
    """Give what IAM is asked when the route is called: resource, aws:RequestedRegion, profile."""
    if not route.is_profile:
        return {(route.arn, route.region, None)}
    behind = {(arn, model_routes.requested_region(arn), route.arn) for arn in route.granted_model_arns}
    return {(route.arn, route.region, None), *behind}


def is_allowed(document: dict[str, Any], resource: str, region: str, profile: str | None) -> bool:
    context = {PROFILE_KEY: profile} if profile else {}
    request = Request.of(ACTION, resource, region, context)
    return any(verdict for _each, verdict in applying([Policy("P", INLINE, document)], request, denies=False))


@settings(deadline=None, max_examples=40)
@given(configurations())
def test_the_policy_allows_every_request_of_every_route_and_nothing_outside(
    drawn: tuple[dict[str, Any], list[dict[str, Any]]],
) -> None:
    regions, rows = drawn
    routes = model_routes.model_routes(regions, rows)
    document = iam_policy_document.multi_region_policy_document(regions, rows)
    wanted = {request for route in routes for request in requests_of(route)}
    profiles = [route.arn for route in routes if route.is_profile]
    strangers = [row(region, f"us.{HAIKU_45}", HAIKU_45, [region])["inference_profile"]["arn"] for region in SOURCES]
    for region in PLACES:
        requested = region or "unspecified"
        for model_id in MODELS:
            direct = (model(region, model_id), requested, None)
            for through in [None, *profiles, *strangers]:
                request = (model(region, model_id), requested, through)
                # What may be called on demand may answer a call that its profile's own ARN lets pass.
                assert is_allowed(document, *request) is bool({request, direct} & wanted), request
    for arn in {*profiles, *strangers}:
        region = arn.split(":")[3]
        assert is_allowed(document, arn, region, None) is ((arn, region, None) in wanted), arn
    sids = [statement["Sid"] for statement in document["Statement"]]
    assert len(sids) == len(set(sids))
    assert all(sid.isalnum() for sid in sids)
    written = [{"name": "Ours", "type": "inline", "document": document}]
    assert iam_policy_document.foreign_statements(written, "Ours") == []
