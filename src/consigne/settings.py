"""Settings: one frozen value, read once at the start and passed down (C-57).

Each setting has one flat name. It comes from the command line, else from the environment as
``CONSIGNE_<NAME>``, else from a TOML file (tables are joined by ``_``: ``[upload] max_size`` is
``upload_max_size``), else from the default here. Sizes are bytes and accept ``10MiB`` or ``5GB``;
lists are separated by commas in the environment.
"""

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import msgspec

from consigne import wellformed

KIB, MIB, GIB, TIB = 1 << 10, 1 << 20, 1 << 30, 1 << 40

# Variables that say where settings are, and what the client commands talk to.
NOT_SETTINGS = frozenset({"CONSIGNE_CONFIG", "CONSIGNE_URL", "CONSIGNE_KEY", "CONSIGNE_SPACE"})

_LOOPBACK = ["127.0.0.0/8", "::1"]
_UNITS = {"": 1, "b": 1}
for _power, _letter in enumerate("kmgtp", start=1):
    _UNITS[f"{_letter}b"] = 1000**_power
    _UNITS[f"{_letter}ib"] = 1024**_power
_CHECKED: dict[str, Callable[[Any], None]] = {
    "trusted_proxies": wellformed.networks,
    "sso_header": wellformed.field_name,
    "catalog": wellformed.database,
    "blobs": wellformed.store,
    "mirror": wellformed.store,
    "second_s3": wellformed.object_store,
    "second_s3_endpoint": wellformed.web_address,
    "metrics_networks": wellformed.networks,
    "public_url": wellformed.web_address,
    "s3_endpoint": wellformed.web_address,
    "otel_endpoint": wellformed.web_address,
    "dynacase_timezone": wellformed.time_zone,
    "master_key": wellformed.hexadecimal_key,
    "bootstrap_user": wellformed.pair,
    "bootstrap_client": wellformed.pair,
}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]*)\s*")

Secret = Annotated[str, msgspec.Meta(extra={"secret": True})]  # never shown
Size = Annotated[int, msgspec.Meta(ge=0, extra={"unit": "size"})]
Seconds = Annotated[float, msgspec.Meta(ge=0)]
Count = Annotated[int, msgspec.Meta(ge=0)]


class Given(NamedTuple):
    """A value as it was found, and where: a variable's name, a file, or ``option``."""

    value: Any
    source: str


class Problem(msgspec.Struct, frozen=True, order=True):
    """What is wrong with a setting, where it comes from, and what may have been meant."""

    name: str
    message: str
    source: str = ""
    hint: str = ""


class SettingsError(ValueError):
    """Settings are unknown or have wrong values; ``problems`` and the text name every one."""

    def __init__(self, *problems: Problem) -> None:
        self.problems = sorted(problems)
        super().__init__("; ".join(_sentence(each) for each in self.problems))


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All settings. The comment behind each is its line in the reference."""

    # Where it runs and what it stands on
    data: str = "./data"  # folder of the embedded store, catalog and keys
    read_only: bool = False  # servers answer what is read and refuse every change
    host: str = "127.0.0.1"  # address to listen on
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 8080  # port to listen on; 0: any free one
    workers: Annotated[int, msgspec.Meta(ge=1, le=256)] = 1  # server processes
    public_url: str = ""  # base URL that clients use; default http://host:port
    allowed_hosts: list[str] = []  # further host names that are served; "*" allows all
    trusted_proxies: list[str] = []  # addresses whose X-Forwarded-For is believed
    sso_header: str = ""  # header in which a trusted proxy names the user that it has signed in
    cors_origins: list[str] = []  # browser origins that may call every dialect; "*" allows all
    catalog: str = ""  # database URL; default sqlite in the data folder
    catalog_pool: Annotated[int, msgspec.Meta(ge=1)] = 8  # PostgreSQL connections per process
    catalog_wait: Seconds = 10  # longest wait for one of them; 0: no limit
    catalog_statement_time: Seconds = 30  # longest statement on PostgreSQL; 0: no limit
    catalog_lock_time: Seconds = 10  # longest wait for another transaction there; 0: no limit
    blobs: str = ""  # where bytes go: default the data folder; file:///folder; s3://bucket/prefix
    mirror: str = ""  # a second store for a copy of everything, spelled as blobs; default none
    mirror_rate: Size = 0  # bytes a second that are copied there at most; 0: no limit
    small_size: Size | None = None  # contents up to this size share one embedded store
    master_key: Secret = ""  # 32 bytes in hex that encrypt secrets; default a file in data

    # Seeing
    log_level: Literal["debug", "info", "warning", "error"] = "info"  # what is less is left out
    log_format: Literal["console", "json"] = "console"  # for people, or one JSON object a line
    access_log: bool = False  # one line in the log for each request
    metrics_token: Secret = ""  # bearer token for /metrics and for the details of /health
    metrics_networks: list[str] = msgspec.field(default_factory=_LOOPBACK.copy)  # need no token
    otel_endpoint: str = ""  # base URL of a collector for traces (OTLP/HTTP); needs the extra otel
    otel_headers: Secret = ""  # name=value, separated by commas: what it wants to see
    otel_sample: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1  # share of the traces that is sent
    disk_low: Size = 1 * GIB  # /health warns where the disk of the data folder has less room
    queue_late: Seconds = 300  # /health warns where a job has been due for longer
    worker_metrics_host: str = "127.0.0.1"  # address of the metrics of `consigne worker`
    worker_metrics_port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0  # their port; 0: none
    metrics_spaces: Count = 100  # spaces with metrics of their own, the fullest ones

    # The very first start
    bootstrap_user: Secret = ""  # email:password of the first user
    bootstrap_key: Secret = ""  # the first API key, at least 32 characters
    bootstrap_client: Secret = ""  # id:secret of the first OAuth client

    # Spaces, uploads and what is kept
    quota: Size = 0  # quota of a new space; 0: unlimited
    ocr_credits: Count = 100  # OCR page credits of a new space
    upload_max_size: Size = 5 * TIB  # largest file
    append_max_size: Size = 1 * GIB  # largest file that open-ended appends may make
    upload_expiry: Seconds = 86_400  # an unfinished upload ends this long after its last part
    upload_wait: Seconds = 30  # how long requests for one upload wait for each other
    uploads_per_user: Count = 100  # unfinished uploads of one user in a space
    hold_expiry: Seconds = 2 * 86_400  # a held file that nobody claims is released after this
    body_idle: Seconds = 60  # a request body that is silent for longer is cut off
    lease: Seconds = 60  # how long a process that died keeps what it was writing
    drain: Seconds = 30  # how long a stopping server waits for requests in flight
    grace: Seconds = 30 * 86_400  # how long released files stay in the trash
    undo_versions: Count = 10  # replaced versions that are kept as undo
    undo_age: Seconds = 30 * 86_400  # how long replaced versions are kept as undo
    undo_max_size: Size = 0  # ceiling of trash and undo in a space; 0: the room its quota leaves
    purge_guard: Seconds = 3_600  # unreferenced bytes stay this long, for readers in flight

    # Background work
    usage_every: Seconds = 3_600  # pause between two looks at how full spaces are, for their charts
    usage_history: Seconds = 3 * 366 * 86_400  # how long the figures of a day are kept
    sweep_every: Seconds = 30  # pause between two runs of the sweeper
    scrub_every: Seconds = 30 * 86_400  # everything stored is read again so often; 0: never
    scrub_rate: Size = 32 * MIB  # bytes a second that it reads at most; 0: no limit
    seal_every: Seconds = 0.25  # pause between two runs of the audit sealer
    worker: bool = True  # whether the server does jobs itself; else run `consigne worker`
    worker_slots: Annotated[int, msgspec.Meta(ge=1, le=64)] = 1  # jobs at a time, per process
    job_poll: Annotated[float, msgspec.Meta(gt=0)] = 0.25  # pause of an idle worker between looks
    job_lease: Annotated[float, msgspec.Meta(gt=0)] = 30  # a silent worker's job is taken over then
    job_history: Seconds = 30 * 86_400  # how long ended jobs are listed

    # Pictures, invoices, OCR and the search
    preview_wait: Seconds = 10  # how long a request waits for a picture that is not made yet
    preview_max_size: Size = 256 * MIB  # largest file that a picture is made of
    preview_max_pixels: Count = 100_000_000  # most pixels of an image that is decoded
    preview_memory: Size = 1 * GIB  # memory of the process that makes a picture
    preview_time: Annotated[float, msgspec.Meta(gt=0)] = 30  # longest computing for one picture
    preview_room: Size = 256 * MIB  # pictures kept in a space; those unused for longest go first
    preview_queue: Count = 200  # pictures of a space that may wait to be made
    invoice_every: Seconds = 1  # pause between two looks for PDFs that came in
    invoice_max_size: Size = 64 * MIB  # largest PDF that is searched for an electronic invoice
    invoice_memory: Size = 512 * MIB  # memory of the process that looks for one
    invoice_time: Annotated[float, msgspec.Meta(gt=0)] = 30  # longest computing for one PDF
    ocr_wait: Seconds = 300  # how long a request waits for its text before it gets the job
    ocr_languages: str = "fra"  # languages of the engine, joined by +, such as fra+eng
    ocr_max_size: Size = 256 * MIB  # largest document that is read
    ocr_max_pages: Count = 500  # most pages of a document that is read
    ocr_max_pixels: Count = 100_000_000  # most pixels of an image that is decoded
    ocr_memory: Size = 1 * GIB  # memory of the process that decodes a document
    ocr_page_time: Annotated[float, msgspec.Meta(gt=0)] = 60  # longest time for one page
    ocr_time: Annotated[float, msgspec.Meta(gt=0)] = 1_800  # longest time for one document
    text_index: bool = True  # whether the text of files is read, so that the search finds it
    text_ocr: bool = False  # whether scans are recognised for that without being asked for
    text_max_size: Size = 64 * MIB  # largest file whose text is read for the search
    text_max_length: Count = 2_000_000  # characters of a text that the search looks at
    text_memory: Size = 512 * MIB  # memory of the process that reads a text
    text_every: Seconds = 1  # pause between two rounds that index the names of new files
    text_time: Annotated[float, msgspec.Meta(gt=0)] = 60  # longest time for the text of one file

    # Plug-ins and webhooks
    plugin_path: list[str] = []  # folders with plug-ins, beside those installed with the server
    plugin_env: list[str] = []  # environment variables that plug-ins may see
    hook_time: Annotated[float, msgspec.Meta(gt=0)] = 10  # longest time for a hook of a plug-in
    hook_memory: Size = 512 * MIB  # memory of a process that runs plug-ins
    hook_processes: Annotated[int, msgspec.Meta(ge=1, le=64)] = 2  # such processes, per server
    webhook_time: Annotated[float, msgspec.Meta(gt=0)] = 15  # longest time for one delivery
    webhook_pre_time: Annotated[float, msgspec.Meta(gt=0)] = 5  # how long a save waits for one
    webhook_retry_first: Annotated[float, msgspec.Meta(gt=0)] = 5  # pause before the second attempt
    webhook_retry_for: Seconds = 86_400  # a delivery that keeps failing is given up after this
    webhook_slots: Annotated[int, msgspec.Meta(ge=1, le=256)] = 8  # deliveries at a time
    webhook_every: Annotated[float, msgspec.Meta(gt=0)] = 0.5  # pause between two looks for events
    webhook_allow_private: list[str] = []  # hosts, addresses and networks allowed to be private
    space_grace: Seconds = 30 * 86_400  # how long a deleted space can be opened again

    # Credentials and log-in
    tombstones: Seconds = 30 * 86_400  # how long ended ids are remembered
    token_life: Seconds = 30 * 86_400  # validity of a log-in token
    session_life: Seconds = 12 * 3_600  # a session of the console ends this long after the sign-in
    oauth_access_life: Seconds = 3_600  # validity of an OAuth access token
    oauth_refresh_life: Seconds = 30 * 86_400  # validity of an OAuth refresh token
    oauth_overlap: Seconds = 60  # a refreshed token still works this long after its successor does
    login_failures: Count = 10  # failed log-ins per account and address in 15 minutes
    login_failures_wide: Count = 100  # failed log-ins per account, or per address, in 15 minutes

    # Dialects
    appmixer_max_size: Size = 5 * GIB  # largest file through the Appmixer dialect
    appmixer_hosts: list[str] = []  # host names that speak only the Appmixer dialect

    dynacase_max_size: Size = 2 * GIB  # largest file through the Dynacase dialect
    dynacase_temporary_files: Count = 1000  # temporary files of one user in a space
    dynacase_timezone: str = "UTC"  # time zone of the dates that the Dynacase dialect shows
    dynacase_code_uri: str = "http://api.dynacase.org/code"  # base of the addresses of its codes

    arrhes_max_size: Size = 50_000_000  # largest file through the Arrhes dialect
    daxium_hold_expiry: Seconds = 30 * 86_400  # a file sent to Daxium waits this long for a record
    daxium_json_max_size: Size = 5 * MIB  # largest JSON body of the Daxium dialect

    # Jobs over many files
    bulk_sync: Count = 20_000  # a deletion of more files than this is a job
    export_max_files: Count = 50_000  # most files in a ZIP that an export makes
    import_max_size: Size = 100 * MIB  # largest CSV file of an import
    import_fetch_hosts: list[str] = []  # hosts that an import may fetch files from, or host:port
    import_fetch_max_size: Size = 100 * MIB  # largest file that an import fetches
    import_fetch_time: Annotated[float, msgspec.Meta(gt=0)] = 60  # longest time for one of them
    incoming_expiry: Seconds = 3_600  # bytes sent to a signed URL wait this long for finalize

    # The object store and signed URLs
    s3_region: str = "us-east-1"  # region that signed URLs name, and of the object store
    s3_endpoint: str = ""  # base URL of the object store; default Amazon's for the region
    s3_public_endpoint: str = ""  # base URL that clients reach it by; default s3_endpoint
    s3_direct_uploads: bool = False  # upload URLs lead to the object store instead of the server
    s3_direct_downloads: bool = False  # large downloads are sent on to it; it checks no bytes
    s3_access_key: Secret = ""  # access key for the object store; default where Amazon's tools look
    s3_secret_key: Secret = ""  # its secret
    s3_connect_time: Annotated[float, msgspec.Meta(gt=0)] = 5  # longest wait for a connection
    s3_idle_time: Annotated[float, msgspec.Meta(gt=0)] = 30  # longest silence of the object store
    s3_total_time: Annotated[float, msgspec.Meta(gt=0)] = 120  # one request, repetitions included
    s3_retries: Annotated[int, msgspec.Meta(ge=0, le=20)] = 3  # repetitions of a failed request
    s3_part_expiry: Annotated[int, msgspec.Meta(ge=1, le=604_800)] = 3_600  # validity of part URLs
    s3_put_expiry: Annotated[int, msgspec.Meta(ge=1, le=604_800)] = 60  # validity of PUT URLs
    s3_get_expiry: Annotated[int, msgspec.Meta(ge=1, le=604_800)] = 3_600  # validity of GET URLs
    s3_delete_expiry: Annotated[int, msgspec.Meta(ge=1, le=604_800)] = 60  # validity of DELETE URLs

    second_s3: str = ""  # s3://bucket or s3://bucket/prefix: stores there are in another service
    second_s3_endpoint: str = ""  # its base URL; default s3_endpoint
    second_s3_public_endpoint: str = ""  # base URL that clients reach it by; default its base URL
    second_s3_region: str = ""  # its region; default s3_region
    second_s3_access_key: Secret = ""  # access key for it; default that of s3
    second_s3_secret_key: Secret = ""  # its secret

    backup_endpoint: str = ""  # base URL of the object store for backups; default s3_endpoint
    backup_access_key: Secret = ""  # access key for backups; default s3_access_key
    backup_secret_key: Secret = ""  # its secret

    @property
    def data_path(self) -> Path:
        return Path(self.data)

    @property
    def base_url(self) -> str:
        """The public base URL without a final slash."""
        if self.public_url:
            return self.public_url.rstrip("/")
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def load(
    overrides: Mapping[str, Any] | None = None,
    *,
    file: Path | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Settings:
    """Read the settings: overrides, then the environment, then the file, then defaults.

    The file is ``file``, else ``CONSIGNE_CONFIG``. Raises SettingsError naming every wrong key.
    """
    return convert(gather(overrides, file=file, environ=environ))


def gather(
    overrides: Mapping[str, Any] | None,
    *,
    file: Path | None,
    environ: Mapping[str, str],
) -> dict[str, Given]:
    """Return what is given for each name, and where. Raises SettingsError for a bad file."""
    path = file or (Path(environ["CONSIGNE_CONFIG"]) if environ.get("CONSIGNE_CONFIG") else None)
    given = {} if path is None else {k: Given(v, str(path)) for k, v in _in_file(path)}
    for name, text in environ.items():
        if name.startswith("CONSIGNE_") and name not in NOT_SETTINGS:
            given[name.removeprefix("CONSIGNE_").lower()] = Given(text, name)
    for name, value in (overrides or {}).items():
        if value is not None:
            given[name] = Given(value, "option")
    return given


def convert(given: Mapping[str, Given]) -> Settings:
    """Return the settings. Raises SettingsError naming every wrong key."""
    fields = {field.name: field for field in msgspec.structs.fields(Settings)}
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, (value, source) in given.items():
        if name not in fields:
            near = get_close_matches(name, fields, n=1)
            hint = f"Did you mean {near[0]}?" if near else ""
            problems.append(Problem(name, "there is no such setting", source, hint))
            continue
        kind = fields[name].type
        try:
            values[name] = msgspec.convert(_prepare(value, kind), kind, strict=False)
            if name in _CHECKED:
                _CHECKED[name](values[name])
        except (msgspec.ValidationError, ValueError) as error:
            problems.append(Problem(name, str(error), source))
    if problems:
        raise SettingsError(*problems)
    return Settings(**values)


def parse_size(text: str | int) -> int:
    """Return a number of bytes: ``5GiB`` is 5 * 2**30, ``5GB`` 5 * 10**9. Raises ValueError."""
    if isinstance(text, int):
        return text
    match = _SIZE.fullmatch(text)
    if not match or match[2].lower() not in _UNITS:
        raise ValueError(f"{text!r} is not a size such as 500MB or 2GiB")
    return int(float(match[1]) * _UNITS[match[2].lower()])


def _in_file(path: Path) -> list[tuple[str, Any]]:
    try:
        return _flatten(tomllib.loads(path.read_text()))
    except OSError as error:
        raise SettingsError(Problem("config", f"{path}: {error.strerror}")) from error
    except ValueError as error:  # neither UTF-8 nor TOML
        raise SettingsError(Problem("config", f"{path}: {error}")) from error


def _sentence(problem: Problem) -> str:
    where = f" (from {problem.source})" if problem.source else ""
    return f"{problem.name}: {problem.message}{where}{problem.hint and '. ' + problem.hint}"


def _prepare(value: Any, kind: Any) -> Any:
    if isinstance(value, str):
        if kind == list[str]:
            return [item.strip() for item in value.split(",") if item.strip()]
        if kind in (Size, Size | None):
            return parse_size(value)
    return value


def _flatten(table: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    items: list[tuple[str, Any]] = []
    for name, value in table.items():
        if isinstance(value, Mapping):
            items += _flatten(value, f"{prefix}{name}_")
        else:
            items.append((f"{prefix}{name}", value))
    return items
