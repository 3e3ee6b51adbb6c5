"""Models that misbehave, as another package would offer them by entry point."""

import multiprocessing
import os
import shutil
import signal
import time
from pathlib import Path

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression

from zoo.registry import ModelSpec


class Base(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.act(len(X))
        return self

    def act(self, n_rows):
        pass

    def predict(self, X):
        return np.repeat(self.classes_[:1], len(X))

    def predict_proba(self, X):
        return np.full((len(X), 2), 0.5)


class Raises(Base):
    def act(self, n_rows):
        raise RuntimeError("no\nway")


class RaisesLate(Raises):
    """Raises above 100 rows."""

    def act(self, n_rows):
        if n_rows > 100:
            super().act(n_rows)


class Dies(Base):
    def act(self, n_rows):
        os._exit(7)


class Sleeps(Base):
    def act(self, n_rows):
        time.sleep(600)


class SleepsLate(Base):
    """Sleeps above 100 rows; dear from the first, so it comes after others."""

    def act(self, n_rows):
        time.sleep(600 if n_rows > 100 else 0.5)


class HangsOnAll(Base):
    """Better than a tree on the table of the tests; sleeps on its 400 rows, but not on a part."""

    def fit(self, X, y):
        time.sleep(600 if len(X) >= 400 else 0)
        self.inner_ = LogisticRegression().fit(X[["a", "b", "d"]], y)
        return super().fit(X, y)

    def predict(self, X):
        return self.inner_.predict(X[["a", "b", "d"]])

    def predict_proba(self, X):
        return self.inner_.predict_proba(X[["a", "b", "d"]])


class Eats(Base):
    def act(self, n_rows):
        self.food = np.ones((1300, 1024, 1024), dtype=np.uint8)
        time.sleep(600)


class Feeds(Base):
    """Lets another process eat."""

    def act(self, n_rows):
        multiprocessing.get_context("fork").Process(target=Eats().act, args=(n_rows,)).start()
        time.sleep(600)


class Nan(Base):
    def predict_proba(self, X):
        return np.full((len(X), 2), np.nan)


class LeavesDaemon(Base):
    """Leaves a process that holds all that this one has open, as a forgotten pool does."""

    def act(self, n_rows):
        multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,)).start()


class LeavesPool(Base):
    def act(self, n_rows):
        self.pool = multiprocessing.get_context("fork").Pool(2)
        self.pool.map(abs, [1, 2])


class LeavesSession(Base):
    """Leaves a service that left the session and the process group, as servers do."""

    def act(self, n_rows):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.execv("/bin/sleep", ["sleep", "601"])
            os._exit(0)
        os.wait()


class HangsWithChild(LeavesDaemon):
    def act(self, n_rows):
        super().act(n_rows)
        os.closerange(0, 256)
        time.sleep(600)


class Closes(Base):
    def act(self, n_rows):
        os.closerange(3, 256)


class Forks(Base):
    """Comes back from the fit twice."""

    def act(self, n_rows):
        os.fork()


class Exits(Base):
    def act(self, n_rows):
        raise SystemExit("done")


class Odd(Exception):
    def __str__(self):
        raise KeyError("no text")


class SaysOddly(Base):
    def act(self, n_rows):
        raise Odd


class SaysHalf(Base):
    def act(self, n_rows):
        raise RuntimeError("half \ud800, \x00, \x1b[31mred\x1b[0m, " + "long " * 10**6)


class KillsOnce(Base):
    """Is killed by the system at first."""

    def act(self, n_rows):
        mark = Path(__file__).with_name(f"killed-{n_rows}")
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)


class Kills(Base):
    def act(self, n_rows):
        os.kill(os.getpid(), signal.SIGTERM)


class Facts(Base):
    """Says odd things about itself."""

    n_parameters_, n_epochs_, compile_s_ = 10**400, float("nan"), float("nan")


class Crowd(Base):
    """Dies at 100 rows when it is not alone, and cannot be fitted on 20."""

    @staticmethod
    def fit_together(models, tables, *, n_slots):
        for number, (model, (X, y)) in enumerate(zip(models, tables, strict=True)):
            if len(X) == 100 and len(models) > 1:
                os._exit(3)
            model.fit(X, y)
            model.fit_s_ = model.compile_s_ = 0.0
            yield number, RuntimeError("too few") if len(X) == 20 else None


def entry(name, classifier, family="baseline", **options):
    return ModelSpec(
        name=name, family=family, summary="", source="",
        classifier=f"misbehaving:{classifier}", **options,
    )  # fmt: skip


raises, dies, sleeps, eats, feeds, nan = (
    entry(name, name.title()) for name in ("raises", "dies", "sleeps", "eats", "feeds", "nan")
)
raises_late = entry("raises_late", "RaisesLate", "classical")
sleeps_late = entry("sleeps_late", "SleepsLate", "classical")
leaves_daemon = entry("leaves_daemon", "LeavesDaemon")
leaves_pool = entry("leaves_pool", "LeavesPool")
leaves_session = entry("leaves_session", "LeavesSession")
hangs_with_child = entry("hangs_with_child", "HangsWithChild")
closes, forks, exits = (entry(name, name.title()) for name in ("closes", "forks", "exits"))
says_oddly, says_half = entry("says_oddly", "SaysOddly"), entry("says_half", "SaysHalf")
kills_once, kills = entry("kills_once", "KillsOnce"), entry("kills", "Kills")
facts = entry("facts", "Facts")
hangs_on_all = entry("hangs_on_all", "HangsOnAll", "classical")
crowd = entry("crowd", "Crowd", trains_together=True)


def install(folder, names):
    """Write a package of these models into a folder, which then goes on the path."""
    info = folder / "misbehaving-1.dist-info"
    info.mkdir(parents=True)
    shutil.copy(Path(__file__), folder / "misbehaving.py")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: misbehaving\nVersion: 1\n")
    points = "".join(f"{name} = misbehaving:{name}\n" for name in names)
    (info / "entry_points.txt").write_text(f"[zoo.models]\n{points}")
    return folder
