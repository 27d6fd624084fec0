"""Every near-duplicate pair among many texts, beside a plain inverted-index join of a sample in the same run.

python -m benchmarks.near_duplicates [--texts 100000] [--words 60] [--threshold 0.8] [--sample 5000]
"""

import argparse
import resource
import time
from collections import Counter, defaultdict

import numpy as np

from annotation.algorithms.duplicates import near_pairs
from annotation.algorithms.text import normalise

VOCABULARY = 50_000
SHARE_OF_COPIES = 0.05
MOST_CHANGES = 4

Pairs = dict[tuple[int, int], float]


def make_texts(number: int, words: int, seed: int = 0) -> list[str]:
    """Texts of words by Zipf's law in random order; one in twenty is a copy with up to four words changed."""
    generator = np.random.default_rng(seed)
    vocabulary = np.array([f"w{rank}" for rank in range(VOCABULARY)], dtype=object)
    weights = np.cumsum(1 / np.arange(1, VOCABULARY + 1))
    originals = number - int(number * SHARE_OF_COPIES)
    texts: list[str] = []
    for begin in range(0, originals, 10_000):
        size = (min(10_000, originals - begin), words)
        ranks = np.searchsorted(weights, generator.random(size) * weights[-1])
        texts += [" ".join(row) for row in vocabulary[ranks]]
    for source in generator.integers(0, originals, number - originals).tolist():
        copy = texts[source].split()
        for place in generator.integers(0, words, generator.integers(0, MOST_CHANGES + 1)).tolist():
            copy[place] = str(vocabulary[generator.integers(VOCABULARY)])
        texts.append(" ".join(copy))
    return [texts[index] for index in generator.permutation(number)]


def plain_join(texts: list[str], threshold: float, n: int = 3) -> Pairs:
    """The same pairs by an inverted index over all shingles in plain Python: all that share one are counted."""
    normalised = [normalise(text) for text in texts]
    index: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    sizes: list[int] = []
    found: Pairs = {}
    for b, text in enumerate(normalised):
        words = text.split()
        shingles = {tuple(words[i : i + n]) for i in range(max(1, len(words) - n + 1))}
        sizes.append(len(shingles))
        shared = Counter(a for shingle in shingles for a in index[shingle])
        for a, both in shared.items():
            similarity = both / (sizes[a] + sizes[b] - both)
            if similarity >= threshold and normalised[a] != text:
                found[a, b] = similarity
        for shingle in shingles:
            index[shingle].append(b)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=100_000)
    parser.add_argument("--words", type=int, default=60)
    parser.add_argument("--threshold", type=float, default=0.8)
    parser.add_argument("--sample", type=int, default=5_000)
    options = parser.parse_args()
    texts = make_texts(options.texts, options.words)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started, started_cpu = time.perf_counter(), time.process_time()
    pairs = near_pairs(texts, options.threshold)
    seconds, cpu = time.perf_counter() - started, time.process_time() - started_cpu
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(
        f"{len(texts):,} texts of {options.words} words, at {options.threshold:g}: {len(pairs):,} near pairs in "
        f"{seconds:.2f} s ({cpu:.2f} s of one core, {memory:,.0f} MB more memory)"
    )
    sample = make_texts(options.sample, options.words, seed=1)
    started_cpu = time.process_time()
    ours = near_pairs(sample, options.threshold)
    fast = time.process_time() - started_cpu
    started_cpu = time.process_time()
    plain = plain_join(sample, options.threshold)
    slow = time.process_time() - started_cpu
    if dict(zip(zip(ours.a.tolist(), ours.b.tolist(), strict=True), ours.similarity, strict=True)) != plain:
        raise SystemExit("The plain join found other pairs.")
    print(
        f"{len(sample):,} texts: {len(plain):,} pairs both ways; {fast:.2f} s here, {slow:.2f} s by a plain "
        f"inverted index ({slow / fast:.1f} times)"
    )


if __name__ == "__main__":
    main()
