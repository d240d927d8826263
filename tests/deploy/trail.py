"""The trail of the emulator: every call of AWS that it got, as CloudTrail tells of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx

from tests.deploy.deployment import CREDENTIALS

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_EVENTS = 50
_HEADERS = {
    "X-Amz-Target": "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents",
    "Content-Type": "application/x-amz-json-1.1",
    "Authorization": f"AWS4-HMAC-SHA256 Credential={CREDENTIALS['AWS_ACCESS_KEY_ID']}/20260101/"
    f"{CREDENTIALS['AWS_REGION']}/cloudtrail/aws4_request, SignedHeaders=host, Signature=none",
}


def calls(endpoint: str, since: float) -> Iterator[tuple[float, dict[str, Any]]]:
    """Each call since then, newest first, with when it was (seconds since 1970).

    ministack gives the latest fifty of what was asked for and no way on, so each page ends where the one before began.
    Not with boto3, which cuts instants to whole seconds: more than fifty calls may be in one.
    """
    asked: dict[str, float] = {"StartTime": since}
    with httpx.Client(headers=_HEADERS, timeout=30) as client:
        while True:
            events = client.post(endpoint, content=json.dumps(asked)).raise_for_status().json()["Events"]
            for event in events:
                yield event["EventTime"], json.loads(event["CloudTrailEvent"])
            if len(events) < MOST_EVENTS:
                return
            oldest = events[-1]["EventTime"]
            assert oldest < asked.get("EndTime", oldest + 1), "so many calls at one instant cannot be told apart"
            asked["EndTime"] = oldest
