"""Nominal agreement as a function of sums over texts, and its resampling.

Alpha, AC1 and percent agreement depend on the answers only through sums over texts, so both the bootstrap and
the jackknife work on how often each *distinct* combination of answers occurs, never on the texts themselves.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from annotation.algorithms.intervals import bounds_where_all_say
from qc.algorithms.item_sums import ALIKE, ItemSums
from qc.algorithms.label_counts import distinct_rows

FloatArray = NDArray[np.float64]


class AnswerSums:
    """What each distinct combination of answers adds to the sums of which every coefficient is a function.

    Columns, for L labels: [n_c | n_c (m - n_c) / (m - 1) | shares of labels | agreement | 1 if m >= 2 | 1],
    the first two blocks and the agreement being 0 for texts with one answer.
    """

    def __init__(self, counts: sparse.csr_array) -> None:
        rows = distinct_rows(counts)
        self.n_labels = counts.shape[1]
        self.answers = rows.counts.sum(axis=1)
        self.texts = rows.texts
        self.overlap = self.answers >= 2
        self.n = int(self.texts[self.overlap].sum())
        self.labels_used = len(np.unique(rows.counts.indices))
        self.features = self._features(rows.counts)
        self.total: FloatArray = self.features.T @ self.texts.astype(np.float64)
        self.label_answers = np.rint(self.total[: self.n_labels]).astype(np.int64)

    def _features(self, counts: sparse.csr_array) -> sparse.csr_array:
        entry = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
        label, count = counts.indices.astype(np.int64), counts.data.astype(np.float64)
        m = self.answers.astype(np.float64)
        paired = self.overlap[entry]
        rest = np.where(self.overlap, m - 1, 1.0)
        disagreement = count * (m[entry] - count) / rest[entry]
        agreement = np.bincount(entry, weights=count * (count - 1), minlength=len(m)) / (m * rest)
        every = np.arange(len(m))
        last, size = 3 * self.n_labels, len(m)
        row = np.concatenate([entry[paired], entry[paired], entry, every, every, every])
        column = np.concatenate(
            [
                label[paired],
                label[paired] + self.n_labels,
                label + 2 * self.n_labels,
                np.repeat([last, last + 1, last + 2], size),
            ]
        )
        value = np.concatenate(
            [
                count[paired],
                disagreement[paired],
                count / m[entry],
                np.where(self.overlap, agreement, 0.0),
                self.overlap.astype(np.float64),
                np.ones(size),
            ]
        )
        return sparse.csr_array((value, (row, column)), shape=(size, last + 3))

    def values(self, sums: FloatArray) -> FloatArray:
        """Return (k, L + 3) coefficients for (k, 3 L + 3) sums: alpha per label, alpha, percent, AC1; or NaN."""
        size = self.n_labels
        given, split, shares = sums[:, :size], sums[:, size : 2 * size], sums[:, 2 * size : 3 * size]
        agreement, texts, answered = sums[:, -3], sums[:, -2], sums[:, -1]
        n = given.sum(axis=1)
        result = np.full((len(sums), size + 3), np.nan)
        with np.errstate(invalid="ignore", divide="ignore"):
            chance = given * (n[:, None] - given)
            result[:, :size] = np.where(chance > 0, 1 - (n[:, None] - 1) * split / chance, np.nan)
            all_chance = chance.sum(axis=1)
            result[:, size] = np.where(all_chance > 0, 1 - (n - 1) * split.sum(axis=1) / all_chance, np.nan)
            result[:, size + 1] = agreement / texts
            if self.labels_used > 1:
                share = shares / answered[:, None]
                by_chance = (share * (1 - share)).sum(axis=1) / (self.labels_used - 1)
                result[:, size + 2] = (result[:, size + 1] - by_chance) / (1 - by_chance)
        return result

    def point(self) -> dict[str, float | None]:
        """Return the three coefficients over all labels, None where undefined."""
        values = self.values(self.total[None, :])[0, self.n_labels :]
        alpha, percent, ac1 = (None if np.isnan(value) else float(value) for value in values)
        return {"alpha": alpha, "percent": percent, "ac1": ac1}

    def intervals(self, seed: int, replicates: int, confidence: float) -> tuple[FloatArray, FloatArray]:
        """Return the lower and upper ends for each column of `values`, NaN where there is no interval.

        Texts with one answer, which AC1 alone rests on, are drawn among themselves.
        """
        if self.n == 0:
            return np.full(self.n_labels + 3, np.nan), np.full(self.n_labels + 3, np.nan)
        units = np.full(self.n_labels + 3, self.n)
        units[-1] = int(self.texts.sum())
        sums = ItemSums(self.texts, self.features, self.values, (self.overlap, ~self.overlap))
        lows, highs = sums.intervals(seed, replicates, confidence, units)
        self._widen_where_resampling_is_blind(lows, highs, confidence)
        return lows, highs

    def _widen_where_resampling_is_blind(
        self, lows: FloatArray, highs: FloatArray, confidence: float
    ) -> None:
        """Where all texts disagree alike, by nothing or wholly perhaps, every resample says the same.

        Alpha and AC1 are 1 - observed / expected disagreement, percent agreement 1 - observed; the bounds are those of
        `bounds_where_all_say` for the observed one.
        """
        size = self.n_labels
        given = self.total[:size]
        n = given.sum()
        chance = given * (n - given)
        expected = np.append(2 * chance, [chance.sum(), 0, 0]) / (n * (n - 1))
        expected[size + 1] = 1.0
        if self.labels_used > 1:
            share = self.total[2 * size : 3 * size] / self.total[-1]
            expected[size + 2] = 1 - (share * (1 - share)).sum() / (self.labels_used - 1)
        split: Any = self.features[self.overlap][:, size : 2 * size] / self.answers[self.overlap][:, None]
        of_text: FloatArray = split.sum(axis=1)
        smallest, largest = (
            np.append(2 * of_labels.toarray(), [of_all] * 3)
            for of_labels, of_all in (
                (split.min(axis=0), of_text.min()),
                (split.max(axis=0), of_text.max()),
            )
        )
        point = self.values(self.total[None, :])[0]
        if self.n < 2:  # what chance alone would give is not known from one text
            point[: size + 1] = point[size + 2] = np.nan
        for column in np.flatnonzero((largest - smallest < ALIKE) & ~np.isnan(point)):
            least, most = bounds_where_all_say(float(largest[column]), self.n, confidence)
            lows[column], highs[column] = 1 - most / expected[column], 1 - least / expected[column]
