"""The tables. Only plain types, so that values pass between Python and the databases unchanged.

Times are milliseconds since 1970 (UTC), booleans 0 or 1, JSON is text. Text is compared byte by
byte on both databases (C-55). The migrations in ``migrations/`` make these tables; a test holds the
two together.
"""

from consigne.catalog.schema.care import copy, scrub_finding, scrub_pass, store
from consigne.catalog.schema.columns import metadata
from consigne.catalog.schema.derived import content_text, label_due, passage, preview
from consigne.catalog.schema.events import chain, delivery, event, follower, webhook
from consigne.catalog.schema.people import (
    api_key,
    group_member,
    host,
    login_failure,
    member,
    oauth_client,
    oauth_pair,
    principal,
    revoked_token,
    secret,
    signing_key,
    space,
    usage_day,
)
from consigne.catalog.schema.records import link, record, record_counter, record_type, type_version
from consigne.catalog.schema.vault import (
    content,
    file,
    file_field,
    file_tag,
    folder,
    once,
    part,
    tombstone,
    upload,
    version,
    year,
)
from consigne.catalog.schema.work import (
    bulk_refusal,
    bulk_run,
    import_row,
    import_run,
    job,
    lease,
    report,
)

__all__ = [
    "api_key",
    "bulk_refusal",
    "bulk_run",
    "chain",
    "content",
    "content_text",
    "copy",
    "delivery",
    "event",
    "file",
    "file_field",
    "file_tag",
    "folder",
    "follower",
    "group_member",
    "host",
    "import_row",
    "import_run",
    "job",
    "label_due",
    "lease",
    "link",
    "login_failure",
    "member",
    "metadata",
    "oauth_client",
    "oauth_pair",
    "once",
    "part",
    "passage",
    "preview",
    "principal",
    "record",
    "record_counter",
    "record_type",
    "report",
    "revoked_token",
    "scrub_finding",
    "scrub_pass",
    "secret",
    "signing_key",
    "space",
    "store",
    "tombstone",
    "type_version",
    "upload",
    "usage_day",
    "version",
    "webhook",
    "year",
]
