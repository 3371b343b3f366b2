"""The kinds of background work of triage: an operating point, and what becomes of the unread studies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from data.records import TriageAlarm, TriagePolicy, Way
from models.task import get_task
from workbench.jobs import QUICK, Work, kind

PLAN, RUN = "triage.plan", "triage.run"


@kind(PLAN, line=QUICK)
def plan(
    work: Work,
    *,
    task: str,
    miss: float | None = None,
    confidence: float | None = None,
    prevalence: float | None = None,
) -> Mapping[str, Any]:
    """Make the champion's operating point, or refuse; see :func:`active_learning.triage_plan.plan`."""
    from active_learning.triage_plan import plan as made  # noqa: PLC0415 - slow to load

    clinical = get_task(task)
    return policy_dict(
        made(work.home, clinical, miss=miss, confidence=confidence, prevalence=prevalence, progress=work.progress)
    )


@kind(RUN, line=QUICK)
def run(work: Work, *, task: str) -> Mapping[str, Any]:
    """Decide on every unread study; see :func:`active_learning.triage_run.run`."""
    from active_learning.triage_run import run as decided  # noqa: PLC0415 - slow to load

    done = decided(work.home, get_task(task), progress=work.progress)
    return {
        "task": task,
        "version": done.version,
        "policy": done.policy.policy_id if done.policy else None,
        **{way.value: done.count(way) for way in Way},
        "newly_cleared": done.cleared,
        "audits": done.audits,
        "reasons": [{"way": way.value, "reason": reason, "studies": count} for way, reason, count in done.reasons],
        "alarms": [alarm_dict(alarm) for alarm in done.raised],
    }


def policy_dict(policy: TriagePolicy) -> dict[str, Any]:
    """An operating point as JSON, without its prediction sets."""
    return {
        "task": policy.task,
        "policy": policy.policy_id,
        "version": policy.version,
        "made_at": policy.made_at,
        "target": {name: list(options) for name, options in policy.target.items()},
        "miss": policy.miss,
        "confidence": policy.confidence,
        "threshold": policy.threshold,
        "patients": policy.patients,
        "pathological": policy.pathological,
        "missed": policy.missed,
        "unsettled": policy.unsettled,
        "bound": policy.bound,
        "cleared": policy.cleared.as_dict(),
        "pathology_if_cleared": policy.omission.as_dict() if policy.omission else None,
        "prevalence": policy.prevalence,
        "prevalence_stated": policy.stated,
        "threshold_in_expectation": policy.expected,
        "audit_share": policy.audit_share,
        "digest": policy.digest,
    }


def alarm_dict(alarm: TriageAlarm) -> dict[str, Any]:
    """An alarm as JSON."""
    return {
        "alarm": alarm.alarm_id,
        "watched": alarm.watched.value,
        "sentence": alarm.sentence,
        "raised_at": alarm.raised_at,
        "lifted_at": alarm.lifted_at or None,
        "reason": alarm.reason or None,
    }
