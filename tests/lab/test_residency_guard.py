"""The lab's evaluator, which shares nothing with the product's, judges generated residency guards alike."""

from __future__ import annotations

from ansible_collections.safesecrets.infra.plugins.module_utils.model_routes import ModelRoute
from hypothesis import given, settings

from lab.policy_documents import parse
from lab.policy_evaluation import ALLOWED, EXPLICIT_DENY, decide
from tests.unit.residency_guard_cases import ROUTES, calls, guarded


@settings(deadline=None, max_examples=30)
@given(ROUTES)
def test_the_guard_denies_what_is_not_configured_and_nothing_else(routes: list[ModelRoute]) -> None:
    statements = parse(guarded(routes))
    for call in calls(routes):
        context = {"aws:requestedregion": [call.region]}
        if call.profile:
            context["bedrock:inferenceprofilearn"] = [call.profile]
        decision = decide(statements, call.action, call.resource, context).decision
        assert decision == (ALLOWED if call.permitted else EXPLICIT_DENY), call
