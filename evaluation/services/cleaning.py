"""A look at the whole pool: copies, texts that the import would not take, and what the texts are like.

Texts stream through once; what is counted over metadata is counted by the database. Languages are told of a bounded
number of texts, since telling one takes a quarter of a millisecond.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from annotation.algorithms.histograms import MOST_BINS, in_bins, round_edges
from annotation.algorithms.intervals import wilson
from annotation.algorithms.text import control_characters, few_letters
from annotation.models import Import, Job, Project, User
from annotation.services.chunks import Limits
from annotation.services.cleaning import SURE_OF_LANGUAGE
from annotation.services.imports import limits_of
from annotation.services.metadata_fields import detect_fields
from annotation.services.watching import Progress
from evaluation.models import CleaningReport, LeakagePair, LeakageReport
from evaluation.queries import cleaning as queries
from evaluation.queries.leakage import newest_item_id
from evaluation.services.cleaning_figures import describe_fields, describe_labels, over_time
from evaluation.services.leakage import find_copies, open_report

THRESHOLD, NGRAM = 0.995, 3
MOST_LANGUAGES = 20_000  # texts of which the language is told
KEPT_IDS = 300  # an address is no longer than servers take
EXAMPLES, LONGEST_EXAMPLE = 3, 80
MOST_IMPORTS = 50
PAIRS_AT_ONCE = 10_000
UNSURE = "unsure"
REASONS = {
    "empty": "Empty",
    "too short": "Too short",
    "too long": "Too long",
    "control characters": "Control characters",
    "undecodable": "Broken characters",
    "mostly not letters": "Mostly not letters",
    "other language": "Another language",
}


def check_threshold(threshold: float) -> None:
    """Raises ValidationError for a similarity that cannot be asked for."""
    if not 0.5 <= threshold <= 1:
        raise ValidationError({"threshold": "The similarity is a number from 0.5 to 1."})


def clean_pool(project: Project, user: User | None, threshold: float, progress: Progress) -> None:
    """Looks at the project's texts and stores what there is to see; the newer report replaces the older."""
    revision = newest_item_id(project)
    progress(0.01, "reading texts")
    detect_fields(project)
    measured = Measured(limits_of(project))
    for item, text in queries.pool_texts(project):
        measured.add(item, text)
        if measured.texts % 20_000 == 0:
            progress(min(0.25, 0.01 + measured.texts / 4_000_000), f"{measured.texts:,} texts read")
    progress(0.25, "telling languages")
    languages, foreign = tell_languages(project, measured.limits, progress)
    if foreign:
        measured.unusable["other language"] = foreign
    progress(0.35, "counting metadata")
    result: dict[str, Any] = {
        "texts": measured.texts,
        "excluded": queries.excluded_texts(project),
        "unusable": measured.reasons(),
        "length": measured.lengths(),
        "languages": languages,
        "labels": describe_labels(project),
        "fields": describe_fields(project, measured.texts, lambda share: progress(0.35 + 0.15 * share)),
        "over_time": over_time(project, None),
    }
    progress(0.5, "comparing texts")
    copies, near = look_for_copies(project, threshold, progress)
    result["near"] = near
    result["exact"] = exact_copies(project, copies)
    with transaction.atomic():
        CleaningReport.objects.update_or_create(
            project=project,
            defaults={
                "copies": copies,
                "threshold": threshold,
                "computed": timezone.now(),
                "texts": measured.texts,
                "revision": revision,
                "result": result,
            },
        )
    forget_older_looks(project, copies, progress)


def forget_older_looks(project: Project, copies: LeakageReport | None, progress: Progress) -> None:
    """Deletes what earlier looks found at other similarities, unless somebody asked for it as a leakage check.

    Pairs go so many at a time, so that nobody waits for millions of them at once. While another look is under way its
    report is not known from an older one, so nothing is deleted then; the next look does.
    """
    if Job.objects.filter(project=project, kind="clean_pool", state__in=["queued", "running"]).count() > 1:
        return
    checks = Job.objects.filter(project=project, kind="find_copies")
    asked_for = [pk for pk in checks.values_list("parameters__report", flat=True) if isinstance(pk, int)]
    older = LeakageReport.objects.filter(project=project, split_set__isnull=True).exclude(pk__in=asked_for)
    for report in older.exclude(pk=copies.pk if copies else 0):
        pairs = LeakagePair.objects.filter(report=report)
        while some := list(pairs.values_list("pk", flat=True)[:PAIRS_AT_ONCE]):
            LeakagePair.objects.filter(pk__in=some)._raw_delete("default")
            progress(0.99, "forgetting what an older look found")
        report.delete()


def why_unusable(text: str, limits: Limits) -> str | None:
    """Why an import under these limits would not take the text; None where it would."""
    if not text.strip():
        return "empty"
    if len(text) > limits.longest:
        return "too long"
    if "\ufffd" in text:
        return "undecodable"
    if control_characters(text):
        return "control characters"
    if few_letters(text, limits.fewest_letters):
        return "mostly not letters"
    return "too short" if len(text.strip()) < limits.shortest else None


class Measured:
    """What is added up while the texts stream by."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.texts = 0
        self.by_length: Counter[int] = Counter()
        self.unusable: dict[str, Found] = {}

    def add(self, item: int, text: str) -> None:
        """Takes one text in."""
        self.texts += 1
        self.by_length[len(text)] += 1
        if (reason := why_unusable(text, self.limits)) is not None:
            self.unusable.setdefault(reason, Found()).add(item, text)

    def lengths(self) -> dict[str, Any] | None:
        """{"median", "shortest", "longest", "rows": [{"from", "below", "texts"}]} in characters."""
        if not self.texts:
            return None
        lengths = sorted(self.by_length)
        low, median, high = (self._at(lengths, share) for share in (0.0, 0.5, 0.99))
        edges = round_edges(low, high, MOST_BINS, whole=True)
        found = in_bins(self.by_length.items(), edges)
        return {
            "median": median,
            "shortest": lengths[0],
            "longest": lengths[-1],
            "rows": [
                {"from": edges[at], "below": edges[at + 1] if at < len(found) - 1 else None, "texts": n}
                for at, n in enumerate(found)
            ],
        }

    def _at(self, lengths: Iterable[int], share: float) -> int:
        """The least length that so large a share of the texts does not exceed."""
        seen, at = 0, 0
        for at in lengths:
            seen += self.by_length[at]
            if seen >= share * self.texts and seen:
                break
        return at

    def reasons(self) -> list[dict[str, Any]]:
        """[{"reason", "texts", "items", "examples"}], the commonest first; `items` are the first 300."""
        return [
            {"reason": reason, "texts": found.texts, "items": found.items, "examples": found.examples}
            for reason, found in sorted(self.unusable.items(), key=lambda entry: -entry[1].texts)
        ]


class Found:
    """Texts of one kind: how many, the first ids, and some examples."""

    def __init__(self) -> None:
        self.texts = 0
        self.items: list[int] = []
        self.examples: list[str] = []

    def add(self, item: int, text: str) -> None:
        """One more."""
        self.texts += 1
        if len(self.items) < KEPT_IDS:
            self.items.append(item)
        if len(self.examples) < EXAMPLES:
            self.examples.append(text[:LONGEST_EXAMPLE])


def tell_languages(
    project: Project, limits: Limits, progress: Progress
) -> tuple[dict[str, Any], Found | None]:
    """Which languages the texts are in, and those that are clearly in one that the project does not want.

    Of more than 20,000 texts, so many are looked at.
    """
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    counts: Counter[str] = Counter()
    foreign = Found()
    looked_at = 0
    for item, text in queries.some_texts(project, MOST_LANGUAGES):
        language, sureness = identifier.classify(text)
        sure = sureness >= SURE_OF_LANGUAGE
        counts[language if sure else UNSURE] += 1
        if sure and limits.languages and language not in limits.languages:
            foreign.add(item, text)
        looked_at += 1
        if looked_at % 500 == 0:
            progress(0.25 + 0.1 * looked_at / MOST_LANGUAGES, f"the language of {looked_at:,} texts")
    rows = [
        {"language": language, "texts": n, "share": wilson(n, looked_at).as_dict()}
        for language, n in counts.most_common()
    ]
    return {"looked_at": looked_at, "rows": rows}, foreign if foreign.texts else None


def look_for_copies(
    project: Project, threshold: float, progress: Callable[..., None]
) -> tuple[LeakageReport | None, dict[str, Any]]:
    """The near pairs of the pool, as a leakage report, and how many; or why there are none."""
    copies = open_report(project, None, threshold, NGRAM)
    try:
        find_copies(copies.pk, lambda share, message="": progress(0.5 + 0.45 * share, message))
    except ValidationError as many:
        return None, {"pairs": None, "texts": None, "reason": " ".join(many.messages)}
    copies.refresh_from_db()
    found = copies.result["near"]
    by_import = queries.near_by_import(copies.pk)
    return copies, {
        "pairs": found["pairs"],
        "clusters": found["clusters"],
        "report": copies.pk,
        "imports": {str(pk): new._asdict() for pk, new in by_import.items()},
        "reason": None,
    }


def exact_copies(project: Project, copies: LeakageReport | None) -> dict[str, Any]:
    """Rows of files that were left out as a text that is there already, by import; and copies that were kept."""
    imports = Import.objects.filter(project=project, state=Import.State.DONE).order_by("-id")
    rows = [
        {"import": made.pk, "file": made.filename, "rows": made.rows, "imported": made.imported}
        | {"duplicates": made.duplicate_rows, "rejected": made.rejected}
        for made in imports[:MOST_IMPORTS]
    ]
    kept = copies.result["exact"] if copies else {"pairs": None, "clusters": None}
    return {"imports": rows, "kept_pairs": kept["pairs"], "kept_clusters": kept["clusters"]}
