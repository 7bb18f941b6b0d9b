"""A backup that came as one stream, laid out as the folder that it is a tar of."""

import shutil
import tarfile
from pathlib import Path
from typing import BinaryIO

from consigne.blobs.archive import is_name, told
from consigne.core.backup.format import MANIFEST
from consigne.errors import Corrupt

_PIECE = 1 << 20


def receive(source: BinaryIO, folder: Path) -> None:
    """Write the members of a stream into an empty folder.

    Raises Corrupt where it is cut off or is no backup, StorageFull, Unavailable.
    """
    count, last = 0, ""
    try:
        with tarfile.open(mode="r|", fileobj=source) as tar:
            for member in tar:
                body = tar.extractfile(member) if is_name(member.name) else None
                if body is None:
                    raise Corrupt(f"The stream is no backup: it has {member.name!r}.")
                path = folder / member.name
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                with path.open("xb") as file:
                    shutil.copyfileobj(body, file, _PIECE)
                    if file.tell() != member.size:
                        raise Corrupt(f"The stream is cut off in {member.name}.")
                count, last = count + 1, member.name
    except tarfile.TarError as error:
        if count == 0:
            raise Corrupt(f"The stream is no backup, or empty: {error}.") from error
        raise Corrupt(f"The stream is cut off behind {last}.") from error
    except OSError as error:
        raise told(error, str(folder)) from error
    if not last.endswith(f"/{MANIFEST}"):
        raise Corrupt(
            f"The stream is cut off behind {last or 'nothing'}: its manifest is missing.",
            hint="Make it again, and look at the status of every command that it went through.",
        )
