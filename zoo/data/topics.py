"""Free text as a few topics: latent semantic analysis of hashed words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

__all__ = [
    "MAX_FITTED", "N_BUCKETS", "N_TOPICS", "count_words", "fit_topics", "topic_features",
    "topic_names",
]  # fmt: skip

N_BUCKETS = 1024
N_TOPICS = 20
MAX_FITTED = 10_000  # texts
_BLOCK = 5000


def topic_names(column: str, n_topics: int) -> list[str]:
    """Return the names of the features of a text column: its topics and its number of words."""
    return [*(f"{column}: topic {i}" for i in range(1, n_topics + 1)), f"{column}: words"]


def count_words(texts: pd.Series[Any]) -> csr_matrix:
    """Return how often the words of each bucket occur in each text, uint16 (n_texts, N_BUCKETS)."""
    from scipy.sparse import vstack
    from sklearn.feature_extraction.text import HashingVectorizer

    hashing = HashingVectorizer(
        n_features=N_BUCKETS, alternate_sign=False, norm=None, token_pattern=r"(?u)\b\w+\b"
    )
    starts = range(0, max(1, len(texts)), _BLOCK)
    blocks = [hashing.transform(texts.iloc[i : i + _BLOCK].astype(object)) for i in starts]
    counts = vstack(blocks, format="csr")
    counts.data = np.minimum(counts.data, np.iinfo(np.uint16).max).astype(np.uint16)
    return counts


def fit_topics(counts: csr_matrix) -> dict[str, Any]:
    """Return, as plain data, the weights that `topic_features` needs.

    Parameters
    ----------
    counts : csr_matrix of shape (n_texts, N_BUCKETS)
        Of `count_words`; only training rows. Texts without a word are left out, and of more than
        10,000 a random sample is taken.

    References
    ----------
    Deerwester et al. (1990), doi:10.1002/(SICI)1097-4571(199009)41:6<391::AID-ASI1>3.0.CO;2-9
    """
    from sklearn.decomposition import TruncatedSVD

    known = np.flatnonzero(np.diff(counts.indptr))
    if len(known) > MAX_FITTED:
        known = np.sort(np.random.default_rng(0).choice(known, MAX_FITTED, replace=False))
    some = counts[known]
    n_texts_with = np.bincount(some.indices, minlength=N_BUCKETS)
    idf = np.round(np.log((1 + len(known)) / (1 + n_texts_with)) + 1, 4)
    n_topics = min(N_TOPICS, len(known) - 1)
    if n_topics < 1:
        return {"idf": idf.tolist(), "components": np.zeros((1, N_BUCKETS)).tolist()}
    weighted = _tf_idf(some, idf)
    svd = TruncatedSVD(n_topics, n_iter=4, random_state=0).fit(weighted)
    return {"idf": idf.tolist(), "components": np.round(svd.components_, 5).tolist()}


def topic_features(counts: csr_matrix, weights: Mapping[str, Any]) -> NDArray[np.float32]:
    """Return the topics of texts and their number of words, (n_texts, n_topics + 1).

    Raises
    ------
    ValueError
        If the weights have the wrong shape.
    """
    idf = np.asarray(weights["idf"], np.float64)
    topics = np.asarray(weights["components"], np.float64)
    if idf.shape != (N_BUCKETS,) or topics.ndim != 2 or topics.shape[1] != N_BUCKETS:
        raise ValueError(f"expected weights of {N_BUCKETS} buckets of words")
    n_texts = counts.shape[0]
    found = np.empty((n_texts, len(topics) + 1), np.float32, order="F")
    for start in range(0, n_texts, _BLOCK):
        rows = slice(start, start + _BLOCK)
        found[rows, :-1] = np.round(_tf_idf(counts[rows], idf) @ topics.T, 6)
        found[rows, -1] = np.asarray(counts[rows].sum(axis=1, dtype=np.int64)).reshape(-1)
    return found


def _tf_idf(counts: csr_matrix, idf: NDArray[np.float64]) -> csr_matrix:
    from sklearn.preprocessing import normalize

    weighted = counts.astype(np.float64)
    weighted.data = (1 + np.log(weighted.data)) * idf[weighted.indices]
    return normalize(weighted)
