"""The chance from which a file is drawn."""

import hashlib


def seed_of(job_id: str, number: int) -> bytes:
    """Chance for the file of this number of a job: 32 bytes, the same each time."""
    return hashlib.sha256(f"{job_id}/{number}".encode()).digest()
