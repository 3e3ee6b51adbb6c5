"""Free text as a few topics: latent semantic analysis of hashed words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from zoo.ingest.clean_table import Column, TransformSpec

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

__all__ = ["fit_topics", "topic_features"]

_N_BUCKETS = 1024
_N_TOPICS = 20
_MAX_FITTED = 10_000  # texts
_BLOCK = 5000


def fit_topics(texts: Column) -> TransformSpec:
    """Return, as plain data, the weights that `topic_features` needs, fitted on texts (n_texts,).

    References
    ----------
    Deerwester et al. (1990), doi:10.1002/(SICI)1097-4571(199009)41:6<391::AID-ASI1>3.0.CO;2-9
    """
    from sklearn.decomposition import TruncatedSVD

    some = texts if len(texts) <= _MAX_FITTED else texts.sample(_MAX_FITTED, random_state=0)
    counts = _counts(some)
    n_texts_with = np.asarray((counts > 0).sum(axis=0)).reshape(-1)
    idf = np.round(np.log((1 + len(some)) / (1 + n_texts_with)) + 1, 4)
    weighted = _tf_idf(counts, idf)
    n_topics = min(_N_TOPICS, max(1, min(weighted.shape) - 1))
    svd = TruncatedSVD(n_topics, n_iter=4, random_state=0).fit(weighted)
    return {"idf": idf.tolist(), "components": np.round(svd.components_, 5).tolist()}


def topic_features(texts: Column, weights: TransformSpec) -> NDArray[np.float32]:
    """Return the topics of texts and their number of words, (n_texts, n_topics + 1).

    Raises
    ------
    ValueError
        If the weights have the wrong shape.
    """
    idf = np.asarray(weights["idf"], np.float64)
    topics = np.asarray(weights["components"], np.float64)
    if idf.shape != (_N_BUCKETS,) or topics.ndim != 2 or topics.shape[1] != _N_BUCKETS:
        raise ValueError(f"expected weights of {_N_BUCKETS} buckets of words")
    found = np.empty((len(texts), len(topics) + 1), np.float32, order="F")
    for start in range(0, len(texts), _BLOCK):
        rows = slice(start, start + _BLOCK)
        counts = _counts(texts.iloc[rows])
        found[rows, :-1] = np.round(_tf_idf(counts, idf) @ topics.T, 6)
        found[rows, -1] = np.asarray(counts.sum(axis=1)).reshape(-1)
    return found


def _counts(texts: Column) -> csr_matrix:
    from sklearn.feature_extraction.text import HashingVectorizer

    hashing = HashingVectorizer(
        n_features=_N_BUCKETS, alternate_sign=False, norm=None, token_pattern=r"(?u)\b\w+\b"
    )
    return hashing.transform(texts.astype(object))


def _tf_idf(counts: csr_matrix, idf: NDArray[np.float64]) -> csr_matrix:
    from sklearn.preprocessing import normalize

    weighted = counts.copy()
    weighted.data = (1 + np.log(weighted.data)) * idf[weighted.indices]
    return normalize(weighted)
