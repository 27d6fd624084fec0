"""Which pools took texts in that nobody has compared yet, and whether that is done without being asked."""

from datetime import timedelta

from django.db.models import Avg, Max, Min, TextChoices
from django.db.models.functions import Length
from django.utils import timezone

from annotation.models import Import, Item, Job, Project
from annotation.queries.jobs import live_job, newest_job
from evaluation.models import CleaningReport
from evaluation.queries.cleaning import cleaning_report

LOOK = "clean_pool"  # the kind of job
LATELY = timedelta(hours=1)  # what came in before that is left to somebody who asks
# Bytes of memory that a look takes at most: in all, for each text when its label is told, and, later, when it is
# compared (python -m benchmarks.cleaning)
FIXED, A_LABEL, A_TEXT, A_CHARACTER = 350_000_000, 800, 120, 1.4
MOST_MEMORY = 1_500_000_000  # of the 4 GB, in which the database, the web and another worker live too
SAMPLE = 2_000


def imports_to_look_at() -> list[Import]:
    """The newest import of each project whose texts are to be compared with the rest, and which no look is after."""
    done = Import.objects.filter(
        state=Import.State.DONE,
        finished__gt=timezone.now() - LATELY,
        imported__gt=0,
        project__looks_for_copies=True,
        project__deleted__isnull=True,
    ).exclude(kind=Import.Kind.GOLD)
    newest = (
        done.select_related("project", "created_by")
        .order_by("project_id", "-finished")
        .distinct("project_id")
    )
    return [source for source in newest if is_due(source)]


def is_due(source: Import) -> bool:
    """Whether a look at the pool is to be started after an import."""
    report = cleaning_report(source.project)
    return (
        brought_texts(source)
        and not (report and knows(report, source))
        and live_job(source.project, LOOK) is None
        and stopped_look(source) is None
        and not is_large(source.project)
    )


def brought_texts(source: Import) -> bool:
    """Whether a text came in with the file, and not only answers."""
    return _any_text(source) is not None


def knows(report: CleaningReport, source: Import) -> bool:
    """Whether the report saw what the import brought in.

    Imports into a project follow each other and are all or nothing, so any text of it says so of all.
    """
    item = _any_text(source)
    return item is not None and item <= report.revision


def _any_text(source: Import) -> int | None:
    return Item.objects.filter(source=source).order_by().values_list("pk", flat=True).first()


def stopped_look(source: Import) -> Job | None:
    """The newest look, if it began after the import and somebody cancelled it or it failed: it is not begun again."""
    job = newest_job(source.project, LOOK)
    if job is None or source.finished is None or job.created < source.finished:
        return None
    return job if job.state in {Job.State.FAILED, Job.State.CANCELLED} else None


class Waiting(TextChoices):
    """Why it is not known which texts of an import are nearly ones from before."""

    RUNNING = "running"
    SOON = "soon"
    STOPPED = "stopped"
    OFF = "off"
    LARGE = "large"
    NOBODY = "nobody"


def waiting_for(source: Import) -> tuple[Waiting, Job | None]:
    """What a look at an import's texts waits for, and the job that runs or was stopped."""
    project = source.project
    if job := live_job(project, LOOK):
        return Waiting.RUNNING, job
    if job := stopped_look(source):
        return Waiting.STOPPED, job
    if not project.looks_for_copies:
        return Waiting.OFF, None
    if source.finished is None or source.finished <= timezone.now() - LATELY:
        return Waiting.NOBODY, None
    return (Waiting.LARGE if is_large(project) else Waiting.SOON), None


def is_large(project: Project) -> bool:
    """Whether comparing the pool takes too much memory, and is left to somebody who asks for it."""
    pool = Item.objects.filter(project=project)
    some = pool.order_by("digest").values("pk")[:SAMPLE]
    length = Item.objects.filter(pk__in=some).aggregate(mean=Avg(Length("text")))["mean"] or 0
    most = int((MOST_MEMORY - FIXED) / max(A_LABEL, A_TEXT + A_CHARACTER * length))
    ids = pool.order_by().aggregate(first=Min("pk"), last=Max("pk"))
    # Pages ask too: as good as never are there so many ids that texts have to be counted, and then no further than this
    if ids["first"] is None or ids["last"] - ids["first"] < most:
        return False
    return pool.order_by()[: most + 1].count() > most
