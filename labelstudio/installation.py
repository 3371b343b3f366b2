"""The labelling server's own Python environment: found, or made and kept at one version."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

from filelock import FileLock
from packaging.requirements import Requirement

from data.errors import LabelServerError
from data.home import Home

SERVER_REQUIREMENT = "label-studio>=1.23.2,<1.24"
ENVIRONMENT_VARIABLE = "CONSILIUM_LABEL_STUDIO_ENV"
DONE = "consilium-installed"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Installation:
    """The environment in a folder, whether it is there or not.

    Parameters
    ----------
    path:
        The folder of the virtual environment.
    """

    path: Path

    @classmethod
    def of(cls, home: Home) -> Installation:
        """The one that ``CONSILIUM_LABEL_STUDIO_ENV`` names, or the home's own."""
        named = os.environ.get(ENVIRONMENT_VARIABLE)
        return cls(Path(named).expanduser().resolve() if named else home.labelstudio / "env")

    @property
    def executable(self) -> Path:
        """The server's command."""
        return self.path / "bin" / "label-studio"

    @property
    def version(self) -> str:
        """The version that is installed; empty where there is none."""
        places = [str(place) for place in self.path.glob("lib/python*/site-packages")]
        return next((found.version for found in distributions(name="label-studio", path=places)), "")

    @property
    def complete(self) -> bool:
        """Whether the server can be started: a fitting version, and no installation that broke off.

        An environment made by hand counts; it gets its mark here, so that the next look is short.
        """
        if not self.executable.exists() or self._begun.exists():
            return False
        mark = self.path / DONE
        if mark.exists() and mark.read_text() == SERVER_REQUIREMENT:
            return True
        version = self.version
        if not version or not Requirement(SERVER_REQUIREMENT).specifier.contains(version):
            return False
        try:
            mark.write_text(SERVER_REQUIREMENT)
        except OSError:
            _log.info("%s cannot be written; it is used as it is", self.path)
        return True

    @property
    def _begun(self) -> Path:
        """The mark of an installation that has not ended, beside the folder, since clearing that would take it."""
        return self.path.with_name(f".{self.path.name}.installing")

    def install(self, progress: Callable[[str], None] | None = None) -> None:
        """Make the environment, or do nothing where it is complete. About 75 s and 1 GB, from the package index.

        Two processes that ask at once take turns; an installation that broke off is done anew.

        Parameters
        ----------
        progress:
            Called with each line that the installer prints.

        Raises
        ------
        LabelServerError
            The folder is no environment, or the installer fails.
        """
        if self.complete:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self.path.with_name(f".{self.path.name}.lock")):
            self._build(progress)

    def _build(self, progress: Callable[[str], None] | None) -> None:
        if self.complete:
            return
        broken = self._begun.exists()
        environment = (self.path / "pyvenv.cfg").exists()
        if not broken and not environment and self.path.exists() and any(self.path.iterdir()):
            raise LabelServerError(
                "The labelling server cannot be installed there.",
                given=self.path,
                expected="a virtual environment, or a folder that is empty or missing",
                do=f"set {ENVIRONMENT_VARIABLE} to such a folder, or unset it",
            )
        self._begun.write_text(SERVER_REQUIREMENT)
        if broken or not environment:
            clear = ("--clear",) if broken else ()
            self._run([sys.executable, "-m", "venv", *clear, str(self.path)], progress)
        pip = [str(self.path / "bin" / "python"), "-m", "pip", "install", "--no-input"]
        self._run([*pip, "--disable-pip-version-check", SERVER_REQUIREMENT], progress)
        (self.path / DONE).write_text(SERVER_REQUIREMENT)
        self._begun.unlink()

    def _run(self, command: list[str], progress: Callable[[str], None] | None) -> None:
        clean = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")}
        lines: list[str] = []
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=clean, cwd=self.path.parent
        ) as process:
            for line in process.stdout or ():
                lines.append(line.rstrip())
                if progress is not None:
                    progress(lines[-1])
        if process.returncode:
            raise LabelServerError(
                "The labelling server could not be installed.",
                given="; ".join(lines[-5:]),
                expected=f"{SERVER_REQUIREMENT} in {self.path}",
                do="see that the package index can be reached and 1 GB is free, and run it again",
            )
