"""Judging what came of several submissions with the same keys, whatever their order in time."""

from collections.abc import Collection, Mapping, Sequence

from contract_tests.exchange import Exchange
from contract_tests.trial import ACCEPTED, Trial

MEANWHILE = 409
"""A server may refuse a key whose first request is still under way."""


def judge(trial: Trial, by_key: Mapping[str, Sequence[Exchange]], jobs: Collection[str]) -> None:
    """One job a key: all accepted answers name it, the others are 409 or no answer, and no job is there besides.

    Keys do not touch each other, so that judging each alone finds everything. *jobs* is what exists in the end.
    """
    named: set[str] = set()
    for key, answers in by_key.items():
        ids = {str(each.fields.get("jobId")) for each in answers if each.status == ACCEPTED}
        shown = "; ".join(each.summary for each in answers)
        trial.require(len(ids) <= 1, f"one job for the key {key[:40]!r}", shown, cause="a key made several jobs")
        refused = [each for each in answers if each.status not in (ACCEPTED, MEANWHILE, None)]
        trial.require(not refused, "202 or 409 from every submission with one key", refused[0] if refused else shown)
        trial.require(ids, "one of the submissions accepted", shown, cause="a key made no job")
        named |= ids
    strangers = [job_id for job_id in jobs if job_id not in named]
    trial.require(not strangers, f"{len(named)} jobs in all", f"{len(jobs)} jobs", cause="jobs that no answer named")
    missing = named - set(jobs)
    trial.require(not missing, "every accepted job in the list", f"not there: {' '.join(missing)}")
