"""The few data sets that need lines of their own before the card's columns apply."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

__all__ = ["PREPARE"]

_LATE_MINUTES = 15  # the US Department of Transportation's "on time" ends 15 minutes late


def _flights(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the flights that landed, with times in minutes, the weekday and the target.

    Parameters
    ----------
    frame : DataFrame
        Flights with the weather of their origin at the scheduled hour beside them.
    """
    frame = frame[frame["arr_delay"].notna()].reset_index(drop=True)
    days = pd.to_datetime(frame[["year", "month", "day"]])
    return frame.assign(
        weekday=days.dt.day_name(),
        sched_dep_minute=frame["sched_dep_time"] // 100 * 60 + frame["sched_dep_time"] % 100,
        sched_arr_minute=frame["sched_arr_time"] // 100 * 60 + frame["sched_arr_time"] % 100,
        arrives=np.where(frame["arr_delay"] > _LATE_MINUTES, "late", "on time"),
    )


def _lfw_subset(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the images with their labels: the first half are faces, the second half not."""
    half = len(frame) // 2
    return frame.assign(target=["face"] * half + ["other"] * (len(frame) - half))


PREPARE: Mapping[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "flights": _flights,
    "lfw_subset": _lfw_subset,
}
