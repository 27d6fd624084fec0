"""Where projects stand at each station, and what needs somebody next. Everything here reads counters and stored
reports; nothing counts a table that grows with the project."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.urls import reverse

from annotation.access import may
from annotation.models import Import, Job, Membership, Project, Role, Round, User
from annotation.queries import projects
from annotation.queries.attention import Attention, attention
from annotation.queries.changes import Since, changed_since
from annotation.queries.progress import as_told
from evaluation.models import LeakageReport, Run, RunReport, SplitSet
from qc.models import AgreementReport, Case
from qc.queries.outdated import OF_AGREEMENT

TENTATIVE = 0.667  # Krippendorff's lowest conceivable limit for tentative conclusions


@dataclass(frozen=True)
class Stage:
    """One station of the loop on a project's home page. `tone` is "", good, warn, now or later."""

    name: str
    fact: str
    detail: str
    tone: str
    url: str


@dataclass(frozen=True)
class Todo:
    """Something that needs somebody: what is so, why it matters, and the button that starts it."""

    tone: str
    title: str
    why: str
    action: str
    url: str
    primary: bool = False


@dataclass(frozen=True)
class Standing:
    """What the home page needs of a project, read once."""

    project: Project
    rounds: list[Round]
    agreement: AgreementReport | None
    agreement_changed: dict[str, int]  # what changed of what counts since it was computed
    round_agreement: dict[int, dict[str, Any]]
    cases: dict[str, int]
    flags: dict[str, int]
    split_sets: list[SplitSet]
    leakage: LeakageReport | None
    runs: list[Run]
    best: RunReport | None
    imports: list[Import]
    failed_job: Job | None
    labelling: Attention

    @property
    def items(self) -> int:
        return sum(r.items_total for r in self.rounds)

    @property
    def done(self) -> int:
        return sum(r.items_done for r in self.rounds)

    @property
    def since_agreement(self) -> Since:
        """What has changed since agreement was computed; newer answers where they are more than a tenth."""
        if self.agreement is None:
            return Since()
        answers, then = sum(r.answers_total for r in self.rounds), self.agreement.annotations
        return Since(answers - then if answers > 1.1 * then else 0, self.agreement_changed)

    @property
    def alpha(self) -> dict[str, Any] | None:
        return self.agreement.result.get("alpha") if self.agreement else None


def standing(project: Project) -> Standing:
    """Reads where the project stands."""
    reports = AgreementReport.objects.filter(project=project).defer("pairs")
    by_round = {r.round_id: r.result.get("alpha") for r in reports if r.round_id is not None}
    cases = Case.objects.filter(project=project).values_list("state").annotate(n=Count("id"))
    newest_failed = Job.objects.filter(project=project, state=Job.State.FAILED).order_by("-created").first()
    newest_job = Job.objects.filter(project=project).order_by("-created").first()
    rounds = list(projects.rounds(project))
    agreement = reports.filter(round__isnull=True).first()
    return Standing(
        project=project,
        rounds=rounds,
        agreement=agreement,
        agreement_changed=changed_since(agreement.changes, project, OF_AGREEMENT) if agreement else {},
        round_agreement={pk: alpha for pk, alpha in by_round.items() if pk and alpha},
        cases=dict(cases),
        flags=projects.open_flags(
            project, outside=Case.objects.filter(project=project, state=Case.State.OPEN)
        ),
        split_sets=list(
            SplitSet.objects.filter(project=project, deleted__isnull=True).order_by("-version")[:20]
        ),
        leakage=LeakageReport.objects.filter(project=project, computed__isnull=False).order_by("-id").first(),
        runs=list(Run.objects.filter(project=project).order_by("-id")[:50]),
        best=RunReport.objects.filter(run__project=project, macro_f1__isnull=False)
        .order_by("-macro_f1")
        .first(),
        imports=list(projects.recent_imports(project, 20)),
        failed_job=newest_failed if newest_failed == newest_job else None,
        labelling=attention(project, rounds),
    )


def stages(now: Standing) -> list[Stage]:
    """The stations in the order of the loop."""
    slug = now.project.slug
    address = {name: reverse(name, args=[slug]) for name in ("import", "annotate", "agreement", "adjudicate")}
    address |= {name: reverse(name, args=[slug]) for name in ("splits", "runs")}
    duplicates = sum(i.duplicate_rows for i in now.imports if i.state == Import.State.DONE)
    found = [
        Stage(
            "Import",
            f"{now.items:,} texts" if now.items else "no texts yet",
            f"{duplicates:,} duplicates left out" if duplicates else "",
            "good" if now.items else "now",
            address["import"],
        )
    ]
    labelled = bool(now.items) and now.done >= now.items
    found.append(
        Stage(
            "Label",
            f"{now.done:,} of {now.items:,}" if now.items else "waits for texts",
            f"{sum(r.answers_total for r in now.rounds):,} answers" if now.items else "",
            "good" if labelled else "now" if now.items else "later",
            address["annotate"],
        )
    )
    alpha = now.alpha
    value = alpha.get("value") if alpha else None
    found.append(
        Stage(
            "Agreement",
            f"α {value:.2f}" if value is not None else "not computed yet" if alpha is None else "undefined",
            f"{alpha['low']:.2f} to {alpha['high']:.2f}" if alpha and alpha["low"] is not None else "",
            ("good" if value >= TENTATIVE else "warn") if value is not None else "later",
            address["agreement"],
        )
    )
    waiting, decided = now.cases.get("open", 0), now.cases.get("decided", 0)
    found.append(
        Stage(
            "Adjudicate",
            f"{waiting:,} open" if waiting else "nothing open",
            f"{decided:,} decided" if decided else "",
            "warn" if waiting else "good" if decided else "later",
            address["adjudicate"],
        )
    )
    newest = now.split_sets[0] if now.split_sets else None
    passed = sum(check["state"] == "pass" for check in newest.checks) if newest else 0
    found.append(
        Stage(
            "Split",
            f"v{newest.version} {newest.get_state_display().lower()}" if newest else "none yet",
            f"{passed} of {len(newest.checks)} checks passed" if newest and newest.checks else "",
            "good" if newest and newest.state == SplitSet.State.FROZEN else "now" if newest else "later",
            address["splits"],
        )
    )
    found.append(
        Stage(
            "Evaluate",
            f"{len(now.runs)} run{'s' * (len(now.runs) != 1)}" if now.runs else "no runs yet",
            f"best macro F1 {now.best.macro_f1:.2f}" if now.best and now.best.macro_f1 is not None else "",
            "good" if now.best else "later",
            address["runs"],
        )
    )
    return found


def _about_labelling(now: Standing) -> list[Todo]:
    """People who wait, rounds that are late or done, a guideline that is not out."""
    labelling, slug = now.labelling, now.project.slug
    team, rounds = reverse("team", args=[slug]), reverse("rounds", args=[slug])
    found: list[Todo] = []
    if labelling.paused:
        first = labelling.paused[0]
        others = len(labelling.paused) - 1
        who = first.user.display_name + (f" and {others} more are" if others else " is")
        by_rule = first.paused_by_id is None
        told = (
            f"{first.user.display_name} was told: “{first.paused_because}” " if first.paused_because else ""
        )
        why = f"{told}Their answers still count until you decide."
        found.append(
            Todo(
                "bad" if by_rule else "warn",
                f"{who} paused and wait{'' if others else 's'} for you",
                why,
                "Decide",
                team,
            )
        )
    for mine in labelling.late:
        end = f"will end on {mine.end:%-d %B}" if mine.end else "has nobody who answers"
        planned = f"planned for {mine.round.ends:%-d %B}" if mine.round.ends else ""
        why = f"About {mine.left:,} answers are missing, at {mine.a_day:,.0f} a day; its end was {planned}."
        found.append(Todo("warn", f"The round {mine.round.name} {end}", why, "Plan", rounds))
    for made in labelling.done:
        why = f"{made.items_total:,} texts have all their answers. Close it, so that they stay as they are."
        found.append(Todo("info", f"The round {made.name} is done", why, "Close it", rounds))
    if labelling.draft is not None:
        title = f"Version {labelling.draft.version} of the guideline is a draft"
        why = "Annotators keep to the old one until it is published."
        found.append(Todo("info", title, why, "Review and publish", reverse("guideline", args=[slug])))
    return found


def todos(now: Standing) -> list[Todo]:
    """What needs somebody, most urgent first."""
    slug = now.project.slug

    def address(name: str) -> str:
        return reverse(name, args=[slug])

    found: list[Todo] = []
    if now.failed_job:
        why = now.failed_job.error.splitlines()[0] if now.failed_job.error else ""
        found.append(Todo("bad", f"{now.failed_job.title} failed", why, "See the job", address("jobs")))
    if not now.items:
        found.append(
            Todo(
                "info",
                "There are no texts yet",
                "A CSV or JSON Lines file will do.",
                "Import texts",
                address("import"),
            )
        )
        return found
    found += _about_labelling(now)
    alpha = now.alpha
    if alpha and alpha["high"] is not None and alpha["high"] < TENTATIVE:
        found.append(
            Todo(
                "bad",
                f"Agreement is {alpha['value']:.2f}, below 0.667 for certain",
                "Labels made like this cannot carry conclusions. See which labels are confused.",
                "See agreement",
                address("agreement"),
            )
        )
    if waiting := now.cases.get("open", 0):
        noun = "case waits" if waiting == 1 else "cases wait"
        found.append(
            Todo(
                "warn",
                f"{waiting:,} {noun} for a decision",
                "Decided labels go first in every split.",
                "Adjudicate",
                address("adjudicate"),
            )
        )
    if total := sum(now.flags.values()):
        kinds = ", ".join(f"{n:,} {kind}" for kind, n in now.flags.items())
        found.append(Todo("warn", f"{total:,} open flags", f"{kinds}.", "Make cases", address("adjudicate")))
    answers = sum(r.answers_total for r in now.rounds)
    if answers and now.agreement is None:
        found.append(
            Todo(
                "info",
                "Agreement has not been computed",
                f"{answers:,} answers are there.",
                "Compute",
                address("agreement"),
            )
        )
    elif since := now.since_agreement:
        found.append(
            Todo(
                "info",
                f"Agreement was computed before {since.words}",
                "The figures may have moved.",
                "Recompute",
                address("agreement"),
            )
        )
    if now.leakage is None:
        found.append(
            Todo(
                "info",
                "Nobody has looked for copies",
                "Copies on both sides of a split make scores too good.",
                "Check leakage",
                address("leakage"),
            )
        )
    if answers and not now.split_sets:
        found.append(
            Todo(
                "info",
                "There is no split set",
                "Training needs one that is frozen.",
                "Build one",
                address("splits"),
            )
        )
    elif now.split_sets and now.split_sets[0].state == SplitSet.State.READY:
        found.append(
            Todo(
                "info",
                f"Split set v{now.split_sets[0].version} is ready but not frozen",
                "Runs belong to a set that cannot change.",
                "Review and freeze",
                address("splits"),
            )
        )
    elif now.split_sets and now.split_sets[0].state == SplitSet.State.FROZEN and not now.runs:
        found.append(
            Todo(
                "info",
                "No run has been uploaded",
                "Pull the frozen split, train, and send the predictions.",
                "See how",
                address("runs"),
            )
        )
    unread = [run for run in now.runs if run.predictions_total and not hasattr(run, "report")]
    if unread:
        found.append(
            Todo(
                "info",
                f"{unread[0].name} has no report yet",
                f"{unread[0].predictions_total:,} predictions are there.",
                "Compute",
                reverse("run", args=[slug, unread[0].pk]),
            )
        )
    first = found[:1]
    return [Todo(t.tone, t.title, t.why, t.action, t.url, primary=True) for t in first] + found[1:]


def project_rows(projects_seen: "QuerySet[Project]", user: User) -> list[dict[str, Any]]:
    """One row a project for the list of projects: counts, agreement, the user's role, open cases."""
    found = list(projects_seen.prefetch_related("rounds"))
    ids = [project.pk for project in found]
    alphas = {
        report.project_id: report.result.get("alpha")
        for report in AgreementReport.objects.filter(project__in=ids, round__isnull=True).defer("pairs")
    }
    labels = dict(
        Project.objects.filter(pk__in=ids)
        .annotate(n=Count("labels", filter=Q(labels__retired__isnull=True)))
        .values_list("pk", "n")
    )
    waiting = dict(
        Case.objects.filter(project__in=ids, state=Case.State.OPEN)
        .values_list("project")
        .annotate(n=Count("id"))
    )
    roles = {m.project_id: Role(m.role) for m in Membership.objects.filter(user=user, project__in=ids)}
    rows = []
    for project in found:
        role = roles.get(project.pk, Role.OWNER if user.is_superuser else None)
        rounds = [made for made in project.rounds.all() if made.deleted is None]
        if not may(role, Role.LEAD):
            rounds = [as_told(made) for made in rounds]
        items = sum(r.items_total for r in rounds)
        rows.append(
            {
                "project": project,
                "role": role,
                "items": items,
                "done": sum(r.items_done for r in rounds),
                "labels": labels.get(project.pk, 0),
                "alpha": alphas.get(project.pk),
                "cases": waiting.get(project.pk, 0),
                "round": next((r for r in reversed(rounds) if r.state == Round.State.OPEN), None),
            }
        )
    return rows
