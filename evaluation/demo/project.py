"""Makes the demo's project through the services that users use, then moves its answers into the weeks past."""

import bisect
import csv
import io
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.core.files.base import ContentFile
from django.db import connection
from django.db.models import Max, Min
from django.utils import timezone

from annotation.jobs import start_import
from annotation.models import Assignment, Guideline, Import, Membership, Project, Role, Round, User
from annotation.services import answers, flags, imports, labelling, projects, rounds
from annotation.services.tallies import tally_answers
from annotation.services.values import label_ids
from evaluation.demo.annotators import Person, answer, people
from evaluation.demo.known import answer_known, import_known, known_texts
from evaluation.demo.phrases import EXAMPLES, LABELS
from evaluation.demo.running import run_job
from evaluation.demo.texts import Planted, Text, write_texts

SLUG = "support-intents"
PASSWORD = "loupe-demo-2026"  # noqa: S105 – printed for everybody; the demo listens on loopback only
SEED = 20261123
PILOT_DAYS, MAIN_DAYS = 3, 10  # working days
LEADS = [
    ("hanna", "Hanna Novak", Role.OWNER),
    ("ravi", "Ravi Pillai", Role.LEAD),
    ("sofie", "Sofie Lund", Role.ADJUDICATOR),
]
GUIDELINE = """# What does the customer want?

Choose what the customer needs **now**, not what happened before.

## Where is my order
Late, lost, or stuck. *Yes:* “the courier says delivered, but nobody has seen it”.

## Return or exchange
The customer still has the thing and wants to send it back or swap it. *No:* “I sent it back and wait for the money”
is Refund not received.

## Refund not received
It is back with us, or so the customer says, and the money is missing or wrong.

## Damaged or wrong item
Broken, incomplete, or not what was ordered.

## Payment problem
Declined, charged twice, a voucher that is not taken, the wallet in the app.

## Change or cancel order
Before it is sent: another address, size or day, or not at all.

## Account and login
Password, e-mail address, profile, newsletter, deleting the account.

## Other
Thanks, complaints and questions about the shop.
"""

# What the project settled on once the work had begun
LATER = {
    "maximum_overlap": 5,
    "gold_feedback": Project.GoldFeedback.HINT,
    "sitting_minutes": 45,
    "break_minutes": 15,
    "day_minutes": 240,
    "shows_quality": True,
}

Say = Callable[[str], None]


@dataclass
class Demo:
    """What was made."""

    project: Project
    texts: dict[str, Text]
    planted: Planted
    users: dict[str, User] = field(default_factory=dict)


@dataclass(frozen=True)
class Size:
    """How much there is: texts, those of them in the pilot, answers in the main round, and gold texts."""

    texts: int = 3000
    pilot: int = 150
    answers: int = 2600
    gold: int = 60


def make_demo(say: Say, size: Size) -> Demo:
    """The project with its people, texts, two rounds and answers."""
    rng = random.Random(SEED)
    with connection.cursor() as cursor:  # should the power fail, the demo is simply loaded again
        cursor.execute("SET synchronous_commit TO off")
    today = timezone.now().date()
    texts, planted = write_texts(size.texts, today - timedelta(days=1), SEED)
    users = make_users()
    say("a project with 8 labels and a guideline")
    project = make_project(users["hanna"])
    for username, _, role in LEADS[1:]:
        Membership.objects.create(project=project, user=users[username], role=role)
    everybody = {person.username: person for person in people()}
    for username in everybody:
        Membership.objects.create(project=project, user=users[username], role=Role.ANNOTATOR)
    demo = Demo(project, {text.id: text for text in texts}, planted, users)
    main = Round.objects.get(project=project)
    pilot = rounds.create_round(project, users["hanna"], name="pilot", kind="pilot", overlap=3)
    say(f"{size.texts:,} texts in two files")
    import_texts(demo, texts[: size.pilot], pilot, "pilot_tickets.csv")
    import_texts(demo, texts[size.pilot :], main, "tickets_aug_to_nov.csv")

    Round.objects.filter(pk=main.pk).update(state=Round.State.DRAFT)  # the pilot comes first
    say(f"the pilot round: {size.pilot * 3:,} answers by nine people")
    label_round(demo, everybody, size.pilot * 3 + 1, rng, PILOT_DAYS)
    Round.objects.filter(pk=pilot.pk).update(state=Round.State.CLOSED)
    Round.objects.filter(pk=main.pk).update(state=Round.State.OPEN)
    say(f"the main round, which still runs: {size.answers:,} answers")
    label_round(demo, everybody, size.answers, rng, MAIN_DAYS)
    spread_answers(pilot, monday(today) - timedelta(days=21), PILOT_DAYS)
    spread_answers(main, monday(today) - timedelta(days=14), MAIN_DAYS)
    known = known_texts(size.gold, today - timedelta(days=1), SEED + 1, demo.texts)
    say(f"{len(known)} gold texts, and how everybody did on some of them")
    import_known(project, users["hanna"], known)
    for rested in everybody.values():
        rested.sitting = 0
    answer_known(main, users, everybody, known)
    demo.texts |= {text.id: text for text in known}  # a sample may draw them too
    set_clocks(main)
    plan_rounds(pilot, main, monday(today))
    projects.change_project(project, users["ravi"], LATER)
    return demo


def make_users() -> dict[str, User]:
    """Everybody in the demo; people who are there already are kept."""
    made = {}
    hashed = make_password(PASSWORD)  # hashing is slow on purpose; once is enough here
    for username, name in [(u, n) for u, n, _ in LEADS] + [(p.username, p.name) for p in people()]:
        first, last = name.split(" ", 1)
        facts = {
            "first_name": first,
            "last_name": last,
            "email": f"{username}@demo.example",
            "password": hashed,
        }
        made[username], _ = User.objects.get_or_create(username=username, defaults=facts)
    return made


def make_project(owner: User) -> Project:
    """The empty project."""
    return projects.create_project(
        owner,
        slug=SLUG,
        name="Support intents",
        question="What does the customer want help with?",
        labels=[
            {"name": name, "description": description, "examples": EXAMPLES[name]}
            for name, description in LABELS
        ],
        guideline=GUIDELINE,
        overlap=3,
    )


def import_texts(demo: Demo, texts: list[Text], into: Round, name: str) -> Import:
    """Uploads the texts as a CSV file and imports it. Duplicates are kept, so that leakage can find them."""
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(["ticket", "message", "old_intent", "source", "date", "customer"])
    for text in texts:
        writer.writerow(
            [text.id, text.text, text.old_label, text.source, text.day.isoformat(), text.customer]
        )
    file = ContentFile(written.getvalue().encode(), name=name)
    owner = demo.users["hanna"]
    source = imports.store_upload(demo.project, owner, file, duplicates="keep", into=into)
    imports.choose_mapping(source, {"text": "message", "id": "ticket", "label": "old_intent"})
    run_job(start_import(source, owner))
    source.refresh_from_db()
    return source


def label_round(demo: Demo, everybody: dict[str, Person], most: int, rng: random.Random, days: int) -> int:
    """Everybody labels in turn, somewhat at random, until the open round is done or `most` answers are given.

    With each of the `days` everybody is rested again; `spread_answers` puts the answers on the same days.
    """
    given, willing = 0, list(everybody.values())
    ends, today = day_ends(days), -1
    known = label_ids(demo.project)
    while willing and given < most:
        if (day := bisect.bisect(ends, given / most)) != today:
            today = day
            for rested in everybody.values():
                rested.sitting = 0
        person = rng.choice(willing)
        user = demo.users[person.username]
        wanted = min(rng.randint(5, labelling.MOST_AT_ONCE), most - given)
        handout = labelling.next_items(demo.project, user, wanted)
        if not handout.leases:
            willing.remove(person)
        for assignment in Assignment.objects.select_related("round__project", "item", "annotator").filter(
            pk__in=[lease.id for lease in handout.leases]
        ):
            text = demo.texts[assignment.item.external_id or ""]
            label, seconds = answer(person, text, everybody, rng)
            comment = (
                "Money back or another one? The note does not say."
                if text.hard and rng.random() < 0.05
                else ""
            )
            answers.answer_item(
                assignment,
                key=UUID(int=rng.getrandbits(128)),
                label=label,
                seconds=round(seconds, 1),
                comment=comment,
                known=known,
            )
            given += 1
            if text.hard and rng.random() < 0.03:
                flags.flag_item(assignment.item, user, kind="ambiguous", note="Two labels fit.")
            elif text.source == "phone note" and rng.random() < 0.015:
                flags.flag_item(assignment.item, user, kind="unsolvable", note="")
    return given


SPREAD = """
    WITH numbered AS (
        SELECT a.id, -- the working day, counted from a Monday: 0, 1, …
               width_bucket(percent_rank() OVER (ORDER BY a.id), %(days)s::float8[])::int AS day
        FROM annotation_annotation a WHERE a.round_id = %(round)s
    ), placed AS ( -- in the order in which they were given, within one sitting of the whole team
        SELECT id, day, percent_rank() OVER (PARTITION BY day ORDER BY id) AS share FROM numbered
    )
    UPDATE annotation_annotation a
    SET created = %(first)s::timestamptz + (placed.day + 2 * (placed.day / 5)) * interval '1 day'
                  + placed.share * interval '25 minutes',
        seconds = coalesce(a.client_seconds, a.seconds)
    FROM placed WHERE placed.id = a.id
"""


CLOCKS = """
    UPDATE annotation_annotator a
    SET active = given.newest, total_seconds = given.seconds, day = given.newest::date, day_seconds = given.on_last_day,
        sitting_seconds = given.on_last_day, item_seconds = 0
    FROM (SELECT n.annotator_id, max(n.created) AS newest, sum(n.seconds) AS seconds,
                 sum(n.seconds) FILTER (WHERE n.created::date = last.day) AS on_last_day
          FROM annotation_annotation n JOIN (
              SELECT annotator_id, max(created)::date AS day FROM annotation_annotation GROUP BY annotator_id
          ) last USING (annotator_id)
          WHERE n.annotator_id IN (SELECT annotator_id FROM annotation_annotation WHERE round_id = %(round)s)
          GROUP BY n.annotator_id) given
    WHERE a.id = given.annotator_id
"""


def monday(day: date) -> date:
    """The Monday of that day's week."""
    return day - timedelta(days=day.weekday())


def plan_rounds(pilot: Round, main: Round, this_week: date) -> None:
    """The rounds began when their answers did; main is planned to end in two weeks."""
    began = {made.pk: made.annotations.aggregate(first=Min("created"))["first"] for made in (pilot, main)}
    over = pilot.annotations.aggregate(last=Max("created"))["last"]
    Round.objects.filter(pk=pilot.pk).update(opened=began[pilot.pk], closed=over)
    Round.objects.filter(pk=main.pk).update(opened=began[main.pk], ends=this_week + timedelta(days=14))
    Guideline.objects.filter(project=main.project).update(published=began[pilot.pk] - timedelta(days=3))
    for _ in range(2):  # what was there at the first look is added up at the second
        tally_answers()


def day_ends(days: int) -> list[float]:
    """The shares of a round's answers after which a working day ends; some days see more than others."""
    rng = random.Random(days)
    work = [rng.uniform(0.6, 1.2) for _ in range(days)]
    return [sum(work[: day + 1]) / sum(work) for day in range(days - 1)]


def spread_answers(made: Round, first: date, days: int) -> None:
    """Moves a round's answers, given within seconds, to the working days from the Monday `first` on.

    The seconds that the imagined people took become the measured ones.
    """
    ends = day_ends(days)
    start = datetime(first.year, first.month, first.day, 8, 30, tzinfo=UTC)
    with connection.cursor() as cursor:
        cursor.execute(SPREAD, {"days": ends, "round": made.pk, "first": start})
    set_clocks(made)


def set_clocks(made: Round) -> None:
    """Everybody was last seen when they answered last, and has worked for as long as their answers took."""
    with connection.cursor() as cursor:
        cursor.execute(CLOCKS, {"round": made.pk})
