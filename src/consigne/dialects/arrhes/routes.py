"""The routes of the dialect, at the paths of the seed and under ``/v1`` (AR-01)."""

from consigne.core.depot import Depot
from consigne.dialects.arrhes.desk import Desk
from consigne.dialects.arrhes.files import Files
from consigne.dialects.arrhes.folders import Folders
from consigne.dialects.arrhes.organizations import Organizations, Years
from consigne.http.routing import Endpoint, Route
from consigne.settings import Settings

PREFIXES = ("", "/v1")
_ORGANIZATION = "/organizations/{idOrganization}"
_YEAR = f"{_ORGANIZATION}/years/{{idYear}}"
_FILE = f"{_YEAR}/files/{{idFile}}"
_FOLDER = f"{_YEAR}/folders/{{idFolder}}"


def routes(depot: Depot, settings: Settings) -> list[Route]:
    """Return every route, in both forms."""
    desk = Desk(depot, settings)
    found = [*_organization(desk), *_files(Files(desk)), *_folders(Folders(desk))]
    return [
        Route(method, prefix + path, endpoint)
        for prefix in PREFIXES
        for method, path, endpoint in found
    ]


def _organization(desk: Desk) -> list[tuple[str, str, Endpoint]]:
    place, years = Organizations(desk), Years(desk)
    return [
        ("GET", "/users/me", place.me),
        ("GET", _ORGANIZATION, place.look),
        ("GET", f"{_ORGANIZATION}/api-keys", place.keys),
        ("POST", f"{_ORGANIZATION}/api-keys", place.create_key),
        ("DELETE", f"{_ORGANIZATION}/api-keys/{{idApiKey}}", place.delete_key),
        ("GET", f"{_ORGANIZATION}/years", years.list),
        ("POST", f"{_ORGANIZATION}/years", years.create),
        ("GET", _YEAR, years.look),
        ("PATCH", _YEAR, years.change),
        ("DELETE", _YEAR, years.delete),
        ("POST", f"{_YEAR}/close", years.close),
        ("POST", f"{_YEAR}/open", years.open),
    ]


def _files(files: Files) -> list[tuple[str, str, Endpoint]]:
    return [
        ("POST", f"{_YEAR}/files", files.create),
        ("GET", f"{_YEAR}/files", files.list),
        ("GET", _FILE, files.look),
        ("PATCH", _FILE, files.change),
        ("DELETE", _FILE, files.delete),
        ("POST", f"{_FILE}/upload-url", files.upload_url),
        ("POST", f"{_FILE}/download-url", files.download_url),
        ("POST", f"{_FILE}/delete-url", files.delete_url),
        ("POST", f"{_FILE}/finalize", files.finalize),
        ("POST", f"{_FILE}/ocr", files.ocr),
        ("GET", f"{_FILE}/ocr/{{idJob}}", files.job),
    ]


def _folders(folders: Folders) -> list[tuple[str, str, Endpoint]]:
    return [
        ("POST", f"{_YEAR}/folders", folders.create),
        ("GET", f"{_YEAR}/folders", folders.list),
        ("GET", _FOLDER, folders.look),
        ("PATCH", _FOLDER, folders.change),
        ("DELETE", _FOLDER, folders.delete),
    ]
