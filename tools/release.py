"""Makes a release, and checks that all files agree on it.

python tools/release.py prepare 0.2.0    the changelog's Unreleased becomes 0.2.0; version and citation follow
python tools/release.py check 0.2.0      version, changelog and citation agree; what the release workflow runs first
python tools/release.py notes 0.2.0      the changelog's section
"""

from __future__ import annotations

import datetime
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VERSION = re.compile(r"\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?")
_UNRELEASED = "## [Unreleased]"


class Release:
    """The files of the project that name a version.

    Args:
        root: Where the project is.
        version: The version to make or check, such as `0.2.0` or `0.2.0rc1`.
    """

    def __init__(self, root: Path, version: str) -> None:
        if not VERSION.fullmatch(version):
            raise SystemExit(f"not a version: {version!r}; expected 0.2.0 or 0.2.0rc1, without a v")
        self.version = version
        self.package = root / "src" / "spanbert" / "__init__.py"
        self.changelog = root / "CHANGELOG.md"
        self.citation = root / "CITATION.cff"

    def problems(self) -> list[str]:
        """What does not agree, a line each."""
        found = []
        stated = self._stated()
        if stated != self.version:
            found.append(f"{self.package.name}: __version__ is {stated}, not {self.version}")
        cited = re.search(r"^version: (\S+)$", self.citation.read_text(encoding="utf-8"), flags=re.MULTILINE)
        if cited is None or cited[1] != self.version:
            found.append(f"{self.citation.name}: version is {cited and cited[1]}, not {self.version}")
        sections = self._sections()
        date = sections.get(self.version, ("", ""))[0]
        if self.version not in sections:
            found.append(f"{self.changelog.name}: no section '## [{self.version}] - DATE'")
        elif not _is_date(date):
            found.append(f"{self.changelog.name}: the section of {self.version} has no date (2026-01-31)")
        elif not self.notes():
            found.append(f"{self.changelog.name}: the section of {self.version} is empty")
        if sections.get("Unreleased", ("", ""))[1]:
            found.append(f"{self.changelog.name}: something stands under Unreleased: it belongs to {self.version}")
        if next((name for name in sections if name != "Unreleased"), None) not in (None, self.version):
            found.append(f"{self.changelog.name}: {self.version} is not the newest section")
        said = re.search(r"^date-released: (\S+)$", self.citation.read_text(encoding="utf-8"), flags=re.MULTILINE)
        if _is_date(date) and (said is None or said[1] != date):
            found.append(f"{self.citation.name}: date-released is {said and said[1]}, not {date}")
        return found

    def prepare(self, today: str) -> None:
        """Writes the version into all files; the changelog's Unreleased becomes its section.

        Args:
            today: The date of the release, `2026-01-31`.
        """
        sections = self._sections()
        if self.version in sections:
            raise SystemExit(f"{self.changelog.name} has a section of {self.version} already")
        if not sections.get("Unreleased", ("", ""))[1]:
            raise SystemExit(f"{self.changelog.name}: nothing stands under {_UNRELEASED}: what is new for users?")
        text = self.changelog.read_text(encoding="utf-8")
        text = text.replace(f"{_UNRELEASED}\n", f"{_UNRELEASED}\n\n## [{self.version}] - {today}\n", 1)
        self.changelog.write_text(text, encoding="utf-8")
        _replace(self.package, r'^__version__ = ".*"$', f'__version__ = "{self.version}"')
        _replace(
            self.citation, r"^(?:date-released: .*\n)?version: .*$", f"date-released: {today}\nversion: {self.version}"
        )

    def notes(self) -> str:
        """What the changelog says of the version."""
        return self._sections().get(self.version, ("", ""))[1]

    def _stated(self) -> str | None:
        match = re.search(r'^__version__ = "(.*)"$', self.package.read_text(encoding="utf-8"), flags=re.MULTILINE)
        return None if match is None else match[1]

    def _sections(self) -> dict[str, tuple[str, str]]:
        """Date and content of each section of the changelog, newest first."""
        text = self.changelog.read_text(encoding="utf-8")
        parts = re.split(r"^## \[([^\]]+)\](?: - (.*))?$", text, flags=re.MULTILINE)
        return {
            name: (date or "", content.strip())
            for name, date, content in zip(parts[1::3], parts[2::3], parts[3::3], strict=True)
        }


def _replace(path: Path, pattern: str, line: str) -> None:
    text, count = re.subn(pattern, line, path.read_text(encoding="utf-8"), count=1, flags=re.MULTILINE)
    if not count:
        raise SystemExit(f"{path}: no line like {line!r}")
    path.write_text(text, encoding="utf-8")


def _is_date(text: str) -> bool:
    try:
        datetime.date.fromisoformat(text)
    except ValueError:
        return False
    return True


def main(arguments: list[str]) -> None:
    """Runs a command of the docstring."""
    match arguments:
        case ["check", version]:
            problems = Release(ROOT, version).problems()
            if problems:
                raise SystemExit("\n".join(problems))
            print(f"{version}: version, changelog and citation agree")
        case ["notes", version]:
            print(Release(ROOT, version).notes())
        case ["prepare", version]:
            release = Release(ROOT, version)
            release.prepare(datetime.datetime.now(tz=datetime.UTC).date().isoformat())
            assert not release.problems()
            print(f"Look at the difference, then:\n  git commit -am 'Release {version}'")
            print(f"  git tag -a v{version} -m 'Release {version}'\n  git push origin main v{version}")
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
