"""Free text as a few numbers: counts of hashed words, projected on what varies most."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["learn_words", "word_features"]

_N_BUCKETS = 1024
_N_TOPICS = 20
_MAX_LEARNT = 10_000  # texts
_BLOCK = 5000


def learn_words(texts: pd.Series[Any]) -> dict[str, Any]:
    """Return, as plain data, what `word_features` needs (latent semantic analysis).

    Parameters
    ----------
    texts : Series of str, shape (n_texts,)
        Without gaps; no label is looked at.

    References
    ----------
    Deerwester et al. (1990), doi:10.1002/(SICI)1097-4571(199009)41:6<391::AID-ASI1>3.0.CO;2-9
    """
    from sklearn.decomposition import TruncatedSVD

    some = texts if len(texts) <= _MAX_LEARNT else texts.sample(_MAX_LEARNT, random_state=0)
    counts = _counts(some)
    in_texts = np.asarray((counts > 0).sum(axis=0)).reshape(-1)
    rarity = np.round(np.log((1 + len(some)) / (1 + in_texts)) + 1, 4)
    weighted = _weigh(counts, rarity)
    n_topics = int(min(_N_TOPICS, max(1, min(weighted.shape) - 1, 1)))
    svd = TruncatedSVD(n_topics, n_iter=4, random_state=0).fit(weighted)
    return {"rarity": rarity.tolist(), "topics": np.round(svd.components_, 5).tolist()}


def word_features(texts: pd.Series[Any], learnt: dict[str, Any]) -> NDArray[np.float32]:
    """Return numbers of texts, (n_texts, n_topics + 1): the topics, then the number of words."""
    rarity = np.asarray(learnt["rarity"], np.float64)
    topics = np.asarray(learnt["topics"], np.float64)
    if rarity.shape != (_N_BUCKETS,) or topics.ndim != 2 or topics.shape[1] != _N_BUCKETS:
        raise ValueError(f"expected weights of {_N_BUCKETS} buckets of words")
    found = np.empty((len(texts), len(topics) + 1), np.float32, order="F")
    for start in range(0, len(texts), _BLOCK):
        rows = slice(start, start + _BLOCK)
        counts = _counts(texts.iloc[rows])
        found[rows, :-1] = np.round(_weigh(counts, rarity) @ topics.T, 6)
        found[rows, -1] = np.asarray(counts.sum(axis=1)).reshape(-1)
    return found


def _counts(texts: pd.Series[Any]) -> Any:
    from sklearn.feature_extraction.text import HashingVectorizer

    hashing = HashingVectorizer(
        n_features=_N_BUCKETS, alternate_sign=False, norm=None, token_pattern=r"(?u)\b\w+\b"
    )
    return hashing.transform(texts.astype(object))


def _weigh(counts: Any, rarity: NDArray[np.float64]) -> Any:
    from sklearn.preprocessing import normalize

    weighted = counts.copy()
    weighted.data = (1 + np.log(weighted.data)) * rarity[weighted.indices]
    return normalize(weighted)
