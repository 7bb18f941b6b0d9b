"""Every meter, by what it tells of. ``docs/observability.md`` is made from this list.

To add one: declare it here, and write to it where the thing happens. A ``Gauge`` is set by one of
the collectors that ``app.create_app`` gives to ``metrics.Metrics``. Then run ``make reference``.
"""

from consigne.meters.meter import Counter, Gauge, Histogram, Level, Mark

# Requests
REQUESTS = Counter(
    "consigne_requests_total",
    "Requests that were answered, or given up.",
    ("dialect", "route", "method", "status"),
)
REQUEST_SECONDS = Histogram(
    "consigne_request_seconds",
    "From the head of a request to the end of its answer.",
    ("dialect", "route", "method"),
)
REQUESTS_UNDER_WAY = Level(
    "consigne_requests_under_way", "Requests that are being answered.", ("dialect",)
)
RECEIVED = Counter("consigne_received_bytes_total", "Bytes of request bodies.", ("dialect",))
SENT = Counter("consigne_sent_bytes_total", "Bytes of the bodies of answers.", ("dialect",))

# Uploads
UPLOADS_UNDER_WAY = Level(
    "consigne_uploads_under_way", "Contents, and parts of them, that are being received."
)

# Catalog and store
CATALOG_SECONDS = Histogram(
    "consigne_catalog_seconds",
    "Transactions of the catalog, the wait for their turn included.",
    ("operation",),
)
CATALOG_UNDER_WAY = Level(
    "consigne_catalog_under_way", "Transactions that wait or run.", ("operation",)
)
CATALOG_COMMITS = Counter(
    "consigne_catalog_commits_total", "Commits of the writer of SQLite, which commits in groups."
)
CATALOG_POOL = Gauge(
    "consigne_catalog_pool",
    "Transactions that can run at the same time: PostgreSQL's connections, SQLite's one writer.",
)
STORE_SECONDS = Histogram(
    "consigne_store_seconds",
    "Contents made durable (write), and pieces of them fetched (read).",
    ("operation",),
)
CORRUPT = Counter(
    "consigne_corrupt_reads_total", "Reads that found bytes missing or changed.", ("problem",)
)
QUARANTINED = Gauge("consigne_quarantined_contents", "Contents in quarantine (counted to 100,000).")
DISK_BYTES = Gauge("consigne_disk_bytes", "Size of the disk of the data folder.")
DISK_FREE = Gauge("consigne_disk_free_bytes", "Room on the disk of the data folder.")

# Spaces
SPACES = Gauge("consigne_spaces", "Spaces of the installation.")
USED = Gauge("consigne_used_bytes", "Bytes that all spaces are charged for.")
RESERVED = Gauge("consigne_reserved_bytes", "Bytes reserved in all spaces for what is arriving.")
SPACE_USED = Gauge(
    "consigne_space_used_bytes", "Bytes that a space is charged for; the fullest ones.", ("space",)
)
SPACE_RESERVED = Gauge(
    "consigne_space_reserved_bytes", "Bytes reserved for what is arriving.", ("space",)
)
SPACE_QUOTA = Gauge(
    "consigne_space_quota_bytes", "The quota of a space; missing where there is none.", ("space",)
)

# Jobs
JOBS = Counter("consigne_jobs_total", "Attempts at jobs, by how they ended.", ("kind", "outcome"))
JOB_SECONDS = Histogram(
    "consigne_job_seconds",
    "How long attempts at jobs took.",
    ("kind",),
    (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600),
)
QUEUE_JOBS = Gauge(
    "consigne_queue_jobs", "Jobs that wait or run (counted to 100,000).", ("kind", "state")
)
QUEUE_AGE = Gauge(
    "consigne_queue_age_seconds", "How long the job that is due for longest has waited.", ("kind",)
)
WORKERS = Gauge("consigne_workers", "Live workers that do jobs of this kind.", ("kind",))
DELIVERIES = Gauge(
    "consigne_deliveries_waiting", "Messages to webhooks that wait (counted to 100,000)."
)

# What is done again and again
ROUNDS = Counter("consigne_rounds_total", "Rounds of background work.", ("round", "outcome"))
ROUND_DONE = Mark(
    "consigne_round_success_timestamp_seconds", "When a round last ended well.", ("round",)
)
SWEPT = Counter("consigne_swept_total", "What the sweeper has removed.", ("what",))
SWEEP_SECONDS = Histogram(
    "consigne_sweep_seconds",
    "How long runs of the sweeper took.",
    (),
    (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900),
)

SCRUB_RUNNING = Gauge("consigne_scrub_running", "Whether a pass of the scrub is being made.")
SCRUB_CONTENTS = Gauge(
    "consigne_scrub_contents",
    "The latest pass of the scrub: contents that there were, that it has checked, that it found "
    "damaged, that were repaired.",
    ("what",),
)
SCRUB_BYTES = Gauge("consigne_scrub_bytes", "Bytes that the latest pass of the scrub has read.")
SCRUB_STARTED = Gauge(
    "consigne_scrub_start_timestamp_seconds", "When the latest pass of the scrub began."
)

MIRROR_BEHIND = Gauge(
    "consigne_mirror_behind_contents",
    "Contents that are not in the mirror yet (counted to 100,000).",
)
MIRROR_BEHIND_BYTES = Gauge("consigne_mirror_behind_bytes", "The bytes of those that were counted.")
MIRROR_LAG = Gauge(
    "consigne_mirror_lag_seconds", "How long the first of them has waited; 0 where none does."
)
MIRROR_COPIED = Gauge("consigne_mirror_copied_contents", "Copies ever made in the mirror.")
MIRROR_COPIED_BYTES = Gauge("consigne_mirror_copied_bytes", "The bytes of these copies.")
MOVE_LEFT = Gauge(
    "consigne_move_left_contents",
    "While bytes move to another store: contents that are still to be moved (counted to 100,000).",
)
MOVE_UPLOADS = Gauge(
    "consigne_move_left_uploads", "While bytes move: unfinished uploads in the store they leave."
)
MOVED = Gauge("consigne_move_moved_contents", "While bytes move: contents that were moved.")
MOVED_BYTES = Gauge("consigne_move_moved_bytes", "While bytes move: the bytes that were moved.")
MOVE_STARTED = Gauge(
    "consigne_move_start_timestamp_seconds", "While bytes move: when the move began."
)

# Processes
LOOP_LAG = Histogram(
    "consigne_loop_lag_seconds",
    "How late the event loop wakes what has slept; looked at four times a second.",
)
PROCESS_MEMORY = Gauge(
    "consigne_process_resident_bytes", "Resident memory of a process.", ("process",)
)
PROCESS_CPU = Gauge(
    "consigne_process_cpu_seconds", "Processor time of a process since its start.",
    ("process",),
)  # fmt: skip
PROCESS_FILES = Gauge(
    "consigne_process_open_files", "Files and connections that a process has open.",
    ("process",),
)  # fmt: skip
BUILD = Gauge("consigne_build_info", "Always 1; the labels tell what runs.", ("version", "python"))
