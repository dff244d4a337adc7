"""The tables, and the steps that lead from each version of a file to the next.

Few trees are touched by a submission: the job, three indexes of it, and the tallies. A job is known elsewhere by its
number, which counts on and is never given again, so that what belongs to new jobs stands together at the end of a tree.
"""

from collections.abc import Sequence

APPLICATION_ID = 0x41704672
"""Stands in the head of each file; a file of another program has another one."""
Migrations = Sequence[Sequence[str]]
"""The statements that make version 1 of an empty file, those that make 2 of 1, and so on."""
MIGRATIONS: Migrations = (
    (
        # What is counted: credits of teams, jobs, jobs that left, jobs of a list and model, deliveries, the version.
        "CREATE TABLE tallies (what TEXT, whose TEXT, n INTEGER, PRIMARY KEY (what, whose)) WITHOUT ROWID",
        "INSERT INTO tallies VALUES ('version', '', 0), ('jobs', '', 0), ('evicted', '', 0)",
        "INSERT INTO tallies VALUES ('pending', '', 0), ('done', '', 0)",
        "CREATE TABLE teams (no INTEGER PRIMARY KEY, id TEXT UNIQUE, value BLOB)",
        "CREATE TABLE keys (no INTEGER PRIMARY KEY, digest TEXT UNIQUE, team TEXT, value BLOB)",
        "CREATE TABLE seen (digest TEXT, no INTEGER, at REAL, PRIMARY KEY (digest, no)) WITHOUT ROWID",
        # Lists of jobs by number, of a user or of the LoRAs that a user made. They are never deleted.
        """CREATE TABLE lists (
            list INTEGER PRIMARY KEY, user TEXT, team TEXT, is_lora INTEGER, UNIQUE (user, team, is_lora)
        )""",
        "CREATE INDEX lists_of_team ON lists (team, is_lora)",
        """CREATE TABLE jobs (
            no INTEGER PRIMARY KEY, id BLOB, list INTEGER, created_at REAL, started_at REAL, runs_s REAL, pace_s REAL,
            marks BLOB, outcome INTEGER, error BLOB, keeps_s REAL, cost INTEGER, later_cost INTEGER, outputs INTEGER,
            model TEXT, operation TEXT, result TEXT, input BLOB, notes BLOB, key BLOB, hook BLOB,
            webhook_status INTEGER, leaves_at REAL
        )""",
        "CREATE UNIQUE INDEX jobs_by_id ON jobs (id)",
        "CREATE INDEX jobs_of_list ON jobs (list, created_at, id)",
        # Those that may leave a full store once their time has come; one that waits for its webhooks is not among them.
        "CREATE INDEX jobs_by_end ON jobs (leaves_at) WHERE leaves_at IS NOT NULL",
        """CREATE TABLE claims (
            place BLOB PRIMARY KEY, expires_at REAL, job BLOB, final INTEGER, fingerprint BLOB
        ) WITHOUT ROWID""",
        """CREATE TABLE ledger (
            team TEXT, at REAL, job INTEGER, is_start INTEGER, credit INTEGER, PRIMARY KEY (team, at, job, is_start)
        ) WITHOUT ROWID""",
        "CREATE TABLE slots (team TEXT PRIMARY KEY, free_at BLOB) WITHOUT ROWID",
        # Of whoever may have only so many unfinished: of a team those with a slot, and LoRAs of a list.
        """CREATE TABLE open_jobs (
            whose TEXT, ended_at REAL, job INTEGER, ready_at REAL, PRIMARY KEY (whose, ended_at, job)
        ) WITHOUT ROWID""",
        # Nobody (0) or a worker has a delivery that is not done.
        """CREATE TABLE deliveries (
            job INTEGER, name TEXT, id BLOB, event TEXT, progress INTEGER, event_at REAL, due_at REAL,
            attempts INTEGER, status INTEGER, is_resent INTEGER, worker INTEGER, done_no INTEGER,
            PRIMARY KEY (job, name)
        ) WITHOUT ROWID""",
        "CREATE INDEX deliveries_due ON deliveries (worker, due_at) WHERE worker IS NOT NULL",
        "CREATE INDEX deliveries_done ON deliveries (done_no) WHERE done_no IS NOT NULL",
        "CREATE TABLE attempts (no INTEGER PRIMARY KEY, job INTEGER, name TEXT, told BLOB, body BLOB)",
        "CREATE INDEX attempts_of_delivery ON attempts (job, name)",
        "CREATE TABLE workers (id INTEGER PRIMARY KEY, until REAL)",
        "CREATE TABLE documents (name TEXT PRIMARY KEY, value BLOB)",
        "CREATE TABLE counters (name TEXT PRIMARY KEY, n INTEGER) WITHOUT ROWID",
        "CREATE TABLE turn (one INTEGER PRIMARY KEY, holder TEXT, until REAL)",
        """CREATE TABLE records (
            no INTEGER PRIMARY KEY, kind TEXT, id TEXT, owner TEXT, size INTEGER, expires_at REAL, value BLOB,
            UNIQUE (kind, id)
        )""",
        "CREATE INDEX records_of_owner ON records (kind, owner, no, size)",
        "CREATE INDEX records_by_end ON records (kind, expires_at)",
        "CREATE TABLE streams (no INTEGER PRIMARY KEY, name TEXT UNIQUE, first INTEGER, last INTEGER, size INTEGER)",
        "CREATE TABLE stream_rows (no INTEGER PRIMARY KEY, value BLOB)",
        "CREATE TABLE pieces (no INTEGER PRIMARY KEY, blob TEXT, number INTEGER, piece BLOB, UNIQUE (blob, number))",
    ),
)
FORGOTTEN_AT_RESET = (
    "teams",
    "keys",
    "seen",
    "jobs",
    "claims",
    "ledger",
    "slots",
    "open_jobs",
    "deliveries",
    "attempts",
    "workers",
    "documents",
    "counters",
    "records",
    "stream_rows",
    "pieces",
)
