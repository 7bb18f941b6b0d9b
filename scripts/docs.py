"""Build the documentation site out of ``docs/``; it is served at ``/docs``.

    .venv/bin/python scripts/docs.py            build it if a page has changed
    .venv/bin/python scripts/docs.py --strict   build it anew; a link that leads nowhere is an error

Zensical makes the pages. They are copied to a folder of their own first, because not everything in
``docs/`` is for readers, and because links that lead out of it have to lead somewhere on the site.
Needs nothing but Zensical and what it needs, so that the build of the wheel can run it.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path, PurePosixPath

import yaml

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
SITE = ROOT / "src/consigne/manual/site"
# Pages that stand elsewhere in the repository, because people look for them there.
GUESTS = {
    "ARCHITECTURE.md": "explanation/architecture.md",
    "CHANGELOG.md": "changelog.md",
    "examples/plugin/README.md": "examples/plugin/index.md",
}
# For those who work on Consigne: who reads the site does not have what these point to.
LEFT_OUT = ("coverage.md", "requirements", "zensical.toml")
METHODS = ("get", "post", "put", "patch", "delete")
EXAMPLES = (".sh", ".py", ".json", ".toml")

# The search puts a style element into its shadow tree, which the policy of the pages refuses; a
# sheet that a script constructs is none of its business (CSP 3 §8.7).
_STYLE = re.compile(r'(\w+)\.appendChild\(\w+\("style",\{\},(\w+\.toString\(\))\)\)')
_SHEET = r"\1.adoptedStyleSheets=[new CSSStyleSheet],\1.adoptedStyleSheets[0].replaceSync(\2)"
_LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s]+)\)")
_API = re.compile(r"src/consigne/dialects/(\w+)/openapi\.yaml")


class Failed(Exception):
    """Zensical could not build the site; the text is what it said."""


def build(site: Path = SITE, *, strict: bool = False) -> bool:
    """Build the site unless it is up to date; return whether there was something to do.

    ``strict``: build in any case, and a link that leads nowhere is a failure. Raises Failed.
    """
    wanted = fingerprint()
    stamp = site / ".stamp"
    if not strict and stamp.exists() and stamp.read_text() == wanted:
        return False
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        stage(work / "pages")
        shutil.copy(DOCS / "zensical.toml", work)
        command = [sys.executable, "-m", "zensical", "build", *(["--strict"] if strict else [])]
        env = os.environ | {"NO_COLOR": "1"}
        done = subprocess.run(command, cwd=work, env=env, capture_output=True, text=True)
        if done.returncode or not (work / "site/index.html").exists():
            raise Failed(done.stdout + done.stderr)
        adapt(work / "site")
        (work / "site/.stamp").write_text(wanted)
        old = site.with_name(f".{site.name}-old")
        shutil.rmtree(old, ignore_errors=True)
        if site.exists():
            site.rename(old)
        shutil.copytree(work / "site", site)
        shutil.rmtree(old, ignore_errors=True)
    return True


def fingerprint() -> str:
    """Return one hash for everything that the site is made of."""
    sources = [*sorted(DOCS.rglob("*")), *(ROOT / guest for guest in GUESTS), *examples()]
    sources += sorted(ROOT.glob("src/consigne/dialects/*/openapi.yaml"))
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for path in sources:
        if path.is_file() and path.relative_to(ROOT).parts[1:2] != ("requirements",):
            digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def examples() -> list[Path]:
    """Return the files of examples that pages may link to."""
    return sorted(p for p in (ROOT / "examples").rglob("*") if p.suffix in EXAMPLES)


def stage(target: Path) -> None:
    """Copy all that the site shows into a folder, with links as the site needs them."""
    shutil.copytree(DOCS, target, ignore=shutil.ignore_patterns(*LEFT_OUT))
    names = [path.relative_to(target).as_posix() for path in target.rglob("*.md")]
    pages = {name: f"docs/{name}" for name in names}
    for source, place in GUESTS.items():
        (target / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / source, target / place)
        pages[place] = source
    for example in examples():
        place = target / example.relative_to(ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(example, place)
    (target / "decisions/index.md").write_text(decisions())
    (target / "api.md").write_text(apis())
    where = {source: place for place, source in pages.items()}
    where |= {"examples/plugin": GUESTS["examples/plugin/README.md"]}
    where |= {str(path.relative_to(ROOT)): str(path.relative_to(ROOT)) for path in examples()}
    for place, source in pages.items():
        page = target / place
        page.write_text(_moved(page.read_text(), source, place, where))


def adapt(site: Path) -> None:
    """Change what the policy of the pages would refuse. Raises Failed where it is not found."""
    (bundle,) = site.glob("assets/javascripts/bundle.*.js")
    text, count = _STYLE.subn(_SHEET, bundle.read_text())
    if count != 1:
        raise Failed(f"{bundle.name} puts its styles elsewhere than this Zensical is known to.")
    bundle.write_text(text)


def decisions() -> str:
    """Return the page that lists the decisions, each with its title."""
    lines = []
    for path in sorted((DOCS / "decisions").glob("[0-9]*.md")):
        title = path.read_text().partition("\n")[0].lstrip("# ").partition(": ")[2]
        lines.append(f"- [{path.name[:4]}]({path.name}) {title}\n")
    intro = "Why things are as they are: one page a decision, with what was measured."
    return f"# Decisions\n\n{intro}\n\n{''.join(lines)}"


def apis() -> str:
    """Return the page with every route of every dialect, out of their OpenAPI documents."""
    text = (DOCS / "api.md").read_text()
    for path in sorted(ROOT.glob("src/consigne/dialects/*/openapi.yaml")):
        document = yaml.safe_load(path.read_text())
        name, title = path.parent.name, document["info"]["title"]
        text += (
            f"\n## {title}\n\n[Browse](api/{name}){{ .md-button }} "
            f"[OpenAPI document](api/{name}.yaml){{ .md-button }}\n\n| | | |\n|---|---|---|\n"
        )
        for route, item in document["paths"].items():
            for method in METHODS:
                if method in item:
                    about = item[method].get("summary", "").replace("|", "\\|")
                    text += f"| {method.upper()} | `{route}` | {about} |\n"
    return text


def _moved(text: str, source: str, place: str, where: dict[str, str]) -> str:
    """Return a page with the links that it needs where it stands on the site.

    ``source``, ``place``: where it is in the repository, and among the pages; ``where``: the same
    of all that is there. A link to something else in the repository is only its text.
    """

    def changed(link: re.Match[str]) -> str:
        shown, target = link[1], link[2]
        path, mark, fragment = target.partition("#")
        if "://" in target or target.startswith("mailto:") or not path:
            return link[0]
        meant = os.path.normpath(PurePosixPath(source).parent / path)
        base = PurePosixPath(place).parent
        if api := _API.fullmatch(meant):
            return f"[{shown}]({os.path.relpath(f'api/{api[1]}', base)})"
        if meant in where:
            found = os.path.relpath(where[meant], base)
            return f"[{shown}]({found}{mark}{fragment})"
        left_out = tuple(f"docs/{name}" for name in LEFT_OUT)
        is_page = meant.startswith("docs/") and not meant.startswith(left_out)
        return link[0] if is_page else shown

    return _LINK.sub(changed, text)


if __name__ == "__main__":
    try:
        build(strict="--strict" in sys.argv[1:])
    except Failed as failure:
        sys.exit(f"{failure}\nThe documentation could not be built.")
