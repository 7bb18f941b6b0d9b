"""Work for later: the queue and the jobs that keep books of their own."""

from sqlalchemy import Column, Index, Integer, Table, text

from consigne.catalog.schema.columns import metadata, number, string

# Work that one process at a time may do.
lease = Table(
    "lease",
    metadata,
    string("name", key=True),
    string("holder"),
    number("until"),
)

# Work for later, and who does it now: the queue.
job = Table(
    "job",
    metadata,
    number("id", key=True),
    number("space_id"),
    string("kind"),
    string("state"),
    number("subject", null=True),
    string("key", null=True),
    string("payload"),
    number("done"),
    number("total", null=True),
    Column("attempts", Integer, nullable=False),
    Column("max_attempts", Integer, nullable=False),
    number("run_at"),
    string("holder", null=True),
    number("lease_until"),
    number("credits"),
    number("created_at"),
    number("created_by", null=True),
    number("started_at", null=True),
    number("ended_at", null=True),
    string("error", null=True),
    string("result", null=True),
    Index("ix_job_space", "space_id", "id"),
    Index(
        "ix_job_due",
        "run_at",
        "id",
        sqlite_where=text("state = 'queued'"),
        postgresql_where=text("state = 'queued'"),
    ),
    Index(
        "ix_job_lapsed",
        "lease_until",
        sqlite_where=text("state = 'running'"),
        postgresql_where=text("state = 'running'"),
    ),
    Index("ix_job_key", "key", "id"),
    # Of several wishes for the same work, one is under way; the others join it.
    Index(
        "uq_job_key",
        "key",
        unique=True,
        sqlite_where=text("state IN ('queued', 'running') AND key IS NOT NULL"),
        postgresql_where=text("state IN ('queued', 'running') AND key IS NOT NULL"),
    ),
    Index(
        "ix_job_ended",
        "ended_at",
        sqlite_where=text("ended_at IS NOT NULL"),
        postgresql_where=text("ended_at IS NOT NULL"),
    ),
)

# What a job leaves to be downloaded, such as the rows that it refused; bytes as of a preview.
report = Table(
    "report",
    metadata,
    number("job_id", key=True),
    number("space_id"),
    number("content_id"),
    string("name"),
    number("size"),
    number("made_at"),
    Index("uq_report_content", "content_id", unique=True),
)

# An import of records (DX-39); how far it is stands in its job.
import_run = Table(
    "import_run",
    metadata,
    number("job_id", key=True),
    number("space_id"),
    number("type_id"),
    number("file_id"),
    string("mode"),
    number("succeeded"),
    number("failed"),
    Index("ix_import_run_space", "space_id", "job_id"),
    Index("ix_import_run_file", "file_id"),
)

# What became of a row: a record, or faults as JSON (C-52).
import_row = Table(
    "import_row",
    metadata,
    number("job_id", key=True),
    number("line", key=True),
    number("record_id", null=True),
    string("faults", null=True),
)

# How far a job over many files is; it goes on behind the file ``last_id``.
bulk_run = Table(
    "bulk_run",
    metadata,
    number("job_id", key=True),
    number("last_id"),
    number("count"),
    number("size"),
    number("failed"),
)

# Files that such a job left alone, and why.
bulk_refusal = Table(
    "bulk_refusal",
    metadata,
    number("job_id", key=True),
    number("file_id", key=True),
    string("name"),
    string("code"),
    string("detail"),
)
