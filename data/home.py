"""Where the run-time state lies: one folder, never the checkout.

``CONSILIUM_HOME`` names it; without it the platform's user data folder is taken.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_data_dir

from data.errors import HomeError

HOME_VARIABLE = "CONSILIUM_HOME"


@dataclass(frozen=True, slots=True)
class Home:
    """The folder of the run-time state and the places in it."""

    path: Path

    @classmethod
    def default(cls) -> Home:
        """The home that ``CONSILIUM_HOME`` names, or the platform's user data folder."""
        named = os.environ.get(HOME_VARIABLE)
        return cls(Path(named).expanduser().resolve() if named else Path(user_data_dir("consilium")))

    def prepare(self) -> Home:
        """Make the folder (mode 700) if it is missing.

        Raises
        ------
        HomeError
            It cannot be made or written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            for place in (self.blobs, self.secrets, self.logs):
                place.mkdir(exist_ok=True, mode=0o700)
        except OSError as error:
            raise HomeError(
                "The folder of the run-time state cannot be made.",
                given=self.path,
                expected="a folder that this user may write",
                do=f"set {HOME_VARIABLE} to such a folder",
            ) from error
        return self

    @property
    def database(self) -> Path:
        """The one SQLite database of records."""
        return self.path / "consilium.sqlite"

    @property
    def queue(self) -> Path:
        """The calls that wait for a worker (huey). The job records in the database are the truth."""
        return self.path / "queue.sqlite"

    @property
    def blobs(self) -> Path:
        """Files by content: pixels, masks, weights, pictures."""
        return self.path / "blobs"

    @property
    def secrets(self) -> Path:
        """Keys and passwords, each in a file with mode 600."""
        return self.path / "secrets"

    @property
    def logs(self) -> Path:
        """Logs of the servers that Consilium starts."""
        return self.path / "logs"

    @property
    def uploads(self) -> Path:
        """Files that came in over a page or the API, kept because nobody else keeps them."""
        return self.path / "uploads"

    @property
    def simulations(self) -> Path:
        """What simulated loops came to, a folder each; a deleted study takes all of them along."""
        return self.path / "simulations"

    @property
    def reports(self) -> Path:
        """Reports that were written, a folder each and what of them is packed to be fetched."""
        return self.path / "reports"

    @property
    def labelstudio(self) -> Path:
        """The labelling server's own data, and the pages that it serves."""
        return self.path / "labelstudio"

    @property
    def viewer(self) -> Path:
        """Pixels as they were compressed for the viewer, a folder a blob; they can be made anew at any time."""
        return self.path / "viewer"

    def secret(self, name: str, *, length: int = 32) -> str:
        """The secret kept under a name, as hexadecimal digits; made on the first call.

        Two processes that ask at once get the same one.

        Parameters
        ----------
        name:
            The file's name under ``secrets/``.
        length:
            Bytes of randomness when it is made.
        """
        self.prepare()
        path = self.secrets / name
        draft = path.with_name(f".{name}.{os.getpid()}.{secrets.token_hex(4)}")
        if not path.exists():
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as stream:
                stream.write(secrets.token_hex(length))
            try:
                os.link(draft, path)  # fails where another process was first
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        return path.read_text().strip()
