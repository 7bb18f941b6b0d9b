"""Recognition of one page by the command ``tesseract``, inside the child process.

A page is tried as it is. Where the engine's own confidence says that this went badly, the page is
turned upright, straightened and cleaned of specks, and the best reading counts.
"""

import io
import os
import shutil
import subprocess
import time
from dataclasses import dataclass

from PIL import Image

from consigne.jobs import confined, straighten
from consigne.jobs.markdown import to_markdown

# Mean confidence of a clean page is about 93, of a bad one about 71.
_SURE = 88.0
# Below this many pixels along the longer side, letters of an A4 page are too small to tell apart.
_SMALL = 1900
_ENLARGED = 2600
_LARGE = 5000
# A picture that is narrower holds no letter.
_LEAST = 8
# Marks without a letter or digit that the engine doubts are specks.
_DOUBTED = 60.0
_LAYOUT = "3"


class Missing(Exception):
    """The engine or its language data is not installed."""


class Failed(Exception):
    """The engine gave up on a page."""


class TooSlow(Exception):
    """A page took longer than it may."""


@dataclass(frozen=True)
class Page:
    """A page as Markdown; ``confidence`` is the mean over its letters, 0 to 100."""

    text: str
    confidence: float
    letters: int

    @property
    def is_sure(self) -> bool:
        return self.letters > 0 and self.confidence >= _SURE

    @property
    def score(self) -> float:
        """What makes one reading better than another: letters that the engine is sure of."""
        return self.letters * max(0.0, self.confidence - 30.0)


def recognise(image: Image.Image, languages: str, seconds: float) -> Page:
    """Return the text of a page in shades of grey. Raises Missing, Failed, TooSlow."""
    if min(image.size) < _LEAST or straighten.is_blank(image):
        return Page("", 0.0, 0)
    engine = _Engine(languages, time.monotonic() + seconds)
    sized = _sized(image, _SMALL)
    best = engine.read(sized)
    if best.is_sure:
        return best
    turn = engine.orientation(sized)
    if turn:
        image = image.rotate(-turn, expand=True, fillcolor=255)
        best = max(best, engine.read(_sized(image, _SMALL)), key=_score)
    for clean in (_despeckled, _enlarged, _straight):
        if best.is_sure:
            break
        best = max(best, engine.read(clean(image)), key=_score)
    return best


def _despeckled(image: Image.Image) -> Image.Image:
    """Remove specks, which are single pixels of the scan, before it is enlarged."""
    return _sized(straighten.deskew(straighten.despeckle(image, 3)), _SMALL)


def _enlarged(image: Image.Image) -> Image.Image:
    """Enlarge first, as a filter takes strokes of small letters away too."""
    return straighten.deskew(straighten.despeckle(_sized(image, _ENLARGED), 5))


def _straight(image: Image.Image) -> Image.Image:
    return straighten.deskew(_sized(image, _SMALL))


def _score(page: Page) -> float:
    return page.score


def _sized(image: Image.Image, least: int) -> Image.Image:
    """Bring a page to a size at which the engine reads well; ``least`` pixels along its length."""
    longer = max(image.size)
    if longer > _LARGE:
        factor = _LARGE / longer
    elif longer < least:
        factor = min(3.0, least / max(1, longer))
    else:
        return image
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    return image.resize(size, Image.Resampling.BICUBIC if factor > 1 else Image.Resampling.BOX)


class _Engine:
    """Runs of tesseract on one page, all within one deadline."""

    def __init__(self, languages: str, deadline: float) -> None:
        command = shutil.which("tesseract")
        if command is None:
            raise Missing("Tesseract is not installed on this worker.")
        self._command = command
        self._languages = languages
        self._deadline = deadline

    def read(self, image: Image.Image) -> Page:
        return _page(self._run(image, ["-l", self._languages, "--psm", _LAYOUT, "tsv"]))

    def orientation(self, image: Image.Image) -> int:
        """Return by how many degrees clockwise the page must be turned: 0, 90, 180 or 270."""
        try:
            report = self._run(image, ["--psm", "0"])
        except (Missing, Failed):
            return 0  # too few letters to tell, or no data for it
        facts = dict(line.partition(": ")[::2] for line in report.splitlines())
        try:
            sure = float(facts.get("Orientation confidence", "0")) >= 1.0
            return int(facts.get("Rotate", "0")) if sure else 0
        except ValueError:
            return 0

    def _run(self, image: Image.Image, arguments: list[str]) -> str:
        buffer = io.BytesIO()
        image.save(buffer, "PPM")
        try:
            done = subprocess.run(
                [self._command, "stdin", "stdout", *arguments],
                input=buffer.getvalue(),
                capture_output=True,
                timeout=max(0.1, self._deadline - time.monotonic()),
                env={**os.environ, "OMP_THREAD_LIMIT": "1"},
                # This process has one thread only, so that nothing can be locked in the fork.
                preexec_fn=confined.die_with_parent,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise TooSlow("A page takes longer to recognise than is allowed.") from error
        if done.returncode < 0:
            raise MemoryError
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip()
            if "loading language" in said or "any languages" in said:
                raise Missing(f"Tesseract lacks the language data for {self._languages}.")
            raise Failed(f"Tesseract failed with exit status {done.returncode}.")
        return done.stdout.decode(errors="replace")


def _page(table: str) -> Page:
    """Read tesseract's table of words: one per row, with block, paragraph, line, confidence."""
    paragraphs: list[list[list[str]]] = []
    place: tuple[str, ...] = ()
    weight, sure = 0, 0.0
    for row in table.splitlines()[1:]:
        cells = row.split("\t")
        if len(cells) != 12 or cells[0] != "5" or not cells[11].strip():
            continue
        word, confidence, here = cells[11].strip(), float(cells[10]), tuple(cells[2:5])
        if confidence < _DOUBTED and not any(letter.isalnum() for letter in word):
            continue
        if here[:2] != place[:2]:
            paragraphs.append([])
        if here != place:
            paragraphs[-1].append([])
        place = here
        paragraphs[-1][-1].append(word)
        weight += len(word)
        sure += confidence * len(word)
    text = "\n\n".join(
        "\n".join(" ".join(words) for words in lines) for lines in paragraphs if lines
    )
    return Page(to_markdown(text), sure / weight if weight else 0.0, weight)
