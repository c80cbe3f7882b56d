# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The smallest request to a model, and whether what comes back is an answer of one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

_WORD = "Hi"


def request_body(model_id: str) -> str:
    """Return the body that asks for one token, in the format of the model's provider.

    model_id: of a foundation model or of an inference profile, whose ID or ARN names the model too. What names no
    other provider is asked as Anthropic's models are.
    """
    if "amazon.nova" in model_id:
        message = {"role": "user", "content": [{"text": _WORD}]}
        return json.dumps({"messages": [message], "inferenceConfig": {"maxTokens": 1}})
    if "meta.llama" in model_id:
        return json.dumps({"prompt": _WORD, "max_gen_len": 1})
    message = {"role": "user", "content": _WORD}
    return json.dumps({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 1, "messages": [message]})


def answer_of(content: bytes) -> dict[str, Any]:
    """Return what a model's answer says of itself; raise ValueError where it is none."""
    answer = json.loads(content)
    if not isinstance(answer, Mapping) or not any(key in answer for key in ("content", "output", "generation")):
        raise ValueError("the body holds no answer of a model")
    return {"stop_reason": answer.get("stop_reason") or answer.get("stopReason"), "usage": answer.get("usage")}


def streamed_answer_of(chunks: Iterable[bytes]) -> dict[str, Any]:
    """Return what a streamed answer says of itself; raise ValueError where it does not come to its end."""
    events = [json.loads(chunk) for chunk in chunks]
    kinds = [event.get("type") or next(iter(event), "") for event in events]
    if not {"message_stop", "messageStop", "generation"} & set(kinds):
        raise ValueError(f"the stream broke off after {len(events)} events")
    return {"events": len(events)}
