"""The one SQLite database of records.

Several processes write (application, worker, command line): every write goes through :meth:`Store.write`, one
short ``BEGIN IMMEDIATE`` transaction with a busy time-out, and each thread has a connection of its own. The
records' tables have an object each: ``store.studies``, ``store.cards``, ``store.scans``, ``store.labels``,
``store.reports``, ``store.curations``, ``store.reads``, ``store.rounds``, ``store.guidelines``,
``store.qualifications``, ``store.decisions``, ``store.versions``, ``store.embeddings``, ``store.triage``,
``store.jobs``, ``store.worklists`` and ``store.log``.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock
from sqlite_utils import Database

from data.chain import Anchor, Chain, Head
from data.errors import StoreError
from data.home import Home
from data.schema import migrations
from data.tables.cards import Cards
from data.tables.curations import Curations
from data.tables.decisions import Decisions
from data.tables.embeddings import Embeddings
from data.tables.guidelines import Guidelines
from data.tables.jobs import Jobs
from data.tables.labels import Labels
from data.tables.log import Log
from data.tables.qualifications import Qualifications
from data.tables.reads import Reads
from data.tables.reports import Reports
from data.tables.rounds import Rounds
from data.tables.scans import Scans
from data.tables.studies import Studies
from data.tables.thumbnails import Thumbnails
from data.tables.triage import Triage
from data.tables.versions import Versions
from data.tables.worklist import Worklists

BUSY_TIMEOUT_S = 30.0


class Store:
    """The records of one home.

    Parameters
    ----------
    path:
        The database file; made, and brought to the newest schema, when the store is opened.

    Raises
    ------
    StoreError
        The file cannot be opened or is no database of ours.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()
        home = Home(path.parent).prepare()
        chain = Chain(home.secret("log"))
        self.log = Log(self, chain, Anchor(home.secrets / "log.head", chain))
        try:
            with FileLock(path.with_suffix(".lock"), timeout=BUSY_TIMEOUT_S):
                self.db.enable_wal()
                self._migrate()
                self.log.bring_up()
        except (sqlite3.Error, OSError) as error:
            raise StoreError(
                "The database cannot be opened.",
                given=f"{path}: {error}",
                expected="a SQLite database that this user may write",
                do="restore it from a copy, or name another home",
            ) from error
        self.studies = Studies(self)
        self.cards = Cards(self)
        self.scans = Scans(self)
        self.labels = Labels(self)
        self.reports = Reports(self)
        self.curations = Curations(self)
        self.reads = Reads(self)
        self.rounds = Rounds(self)
        self.guidelines = Guidelines(self)
        self.qualifications = Qualifications(self)
        self.decisions = Decisions(self)
        self.versions = Versions(self)
        self.embeddings = Embeddings(self)
        self.triage = Triage(self)
        self.thumbnails = Thumbnails(self)
        self.jobs = Jobs(self)
        self.worklists = Worklists(self)

    @classmethod
    def of(cls, home: Home) -> Store:
        """The store of a home, which is made if it is missing."""
        return cls(home.prepare().database)

    def _migrate(self) -> None:
        """Bring the file to the newest schema; foreign keys rest while tables are rebuilt."""
        if not migrations.pending(self.db):
            return
        self.db.execute("PRAGMA foreign_keys=OFF")
        migrations.apply(self.db)
        broken = self.db.execute("PRAGMA foreign_key_check").fetchall()
        if broken:
            raise sqlite3.IntegrityError(f"{len(broken)} rows name others that are not there")
        self.db.execute("PRAGMA foreign_keys=ON")

    @property
    def db(self) -> Database:
        """The connection of the calling thread."""
        database: Database | None = getattr(self._local, "database", None)
        if database is None:
            connection = sqlite3.connect(self.path, timeout=BUSY_TIMEOUT_S)
            connection.execute("PRAGMA foreign_keys=ON")
            connection.execute("PRAGMA synchronous=NORMAL")
            database = Database(connection)
            self._local.database = database
        return database

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Whatever is read inside is of one state, and writers go on meanwhile. Nothing may be written inside."""
        connection = self.db.conn
        if connection.in_transaction:
            yield
            return
        connection.execute("BEGIN")
        try:
            yield
        finally:
            connection.rollback()

    def reached(self, before: Head, head: Head) -> None:
        """Note inside a transaction how far the log has come, for the anchor once it is committed."""
        first, _ = getattr(self._local, "reached", None) or (before, head)
        self._local.reached = (first, head)

    @contextmanager
    def write(self) -> Iterator[Database]:
        """One transaction: all of what is written inside is kept, or nothing. Inside another it joins it.

        Keep it short: nothing slow, and no call of another program, belongs inside.
        """
        database = self.db
        if database.conn.in_transaction:
            yield database
            return
        try:
            database.conn.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise StoreError(
                "The database is busy.",
                given=f"no turn in {BUSY_TIMEOUT_S:.0f} s: {error}",
                expected="a turn to write",
                do="see which process holds it, and run this again",
            ) from error
        self._local.reached = None
        try:
            yield database
        except BaseException:
            database.conn.rollback()
            raise
        try:
            database.conn.commit()
        except sqlite3.Error as error:
            database.conn.rollback()
            raise StoreError(
                "The records could not be kept.",
                given=error,
                expected="room on the disk",
                do="free space and run this again; nothing was changed",
            ) from error
        if self._local.reached is not None:
            self.log.settle(*self._local.reached)

    def close(self) -> None:
        """Close this thread's connection."""
        database: Database | None = getattr(self._local, "database", None)
        if database is not None:
            database.close()
            self._local.database = None
