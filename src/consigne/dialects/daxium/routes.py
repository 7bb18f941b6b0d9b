"""The routes of the dialect (DX-02). What is not here is API1002 (DX-55)."""

from consigne.core.depot import Depot
from consigne.dialects.daxium.apps import Apps
from consigne.dialects.daxium.desk import Desk
from consigne.dialects.daxium.downloads import Downloads
from consigne.dialects.daxium.imports import ImportRoute
from consigne.dialects.daxium.structures import Structures
from consigne.dialects.daxium.submissions import Submissions
from consigne.dialects.daxium.tokens import TokenRoute
from consigne.dialects.daxium.uploads import Uploads
from consigne.dialects.daxium.workers import Workers
from consigne.http.routing import Route
from consigne.settings import Settings

_APP = "/{app_short}"
_SUBMISSION = f"{_APP}/submissions/{{id}}"


def routes(depot: Depot, settings: Settings) -> list[Route]:
    """Return every route."""
    desk = Desk(depot, settings)
    structures, submissions, workers = Structures(desk), Submissions(desk), Workers(desk)
    return [
        Route("POST", "/oauth/v2/token", TokenRoute(desk).post),
        Route("GET", "/apps", Apps(desk).list),
        Route("POST", f"{_APP}/files/upload", Uploads(desk).post),
        Route("GET", f"{_APP}/files/download_errors/{{worker_unique_id}}", workers.error_file),
        Route("GET", f"{_APP}/workers", workers.list),
        Route("GET", f"{_APP}/workers/{{worker_unique_id}}", workers.look),
        Route("GET", f"{_APP}/structures", structures.list),
        Route("GET", f"{_APP}/structures/{{id}}", structures.look),
        Route("GET", f"{_APP}/submissions", submissions.list),
        Route("POST", f"{_APP}/submissions", submissions.create),
        Route("POST", f"{_APP}/submissions/import", ImportRoute(desk).post),
        Route("GET", _SUBMISSION, submissions.look),
        Route("PUT", _SUBMISSION, submissions.replace),
        Route("PATCH", _SUBMISSION, submissions.change),
        Route("DELETE", _SUBMISSION, submissions.delete),
        Route("GET", f"{_SUBMISSION}/file/{{uuid}}", Downloads(desk).get),
    ]
