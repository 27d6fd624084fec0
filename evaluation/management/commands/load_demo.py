"""Loads a believable project to try Loupe on, and says what was planted in it."""

import time
from typing import Any

from django.core.management.base import BaseCommand

from annotation.models import Project
from evaluation.demo.annotators import PEOPLE
from evaluation.demo.known import is_paused
from evaluation.demo.project import LEADS, PASSWORD, SLUG, Size, make_demo
from evaluation.demo.results import make_results
from evaluation.demo.small_projects import make_small_projects
from evaluation.demo.texts import HARD_PAIR


class Command(BaseCommand):
    """`manage.py load_demo`: does nothing but print the logins when the project is there already."""

    help = "Loads a believable project, seeded, through the services that users use."

    def handle(self, *args: Any, **options: Any) -> None:
        if Project.objects.filter(slug=SLUG).exists():
            self.stdout.write("The demo project is there already.")
        else:
            self.load()
        self.logins()

    def load(self) -> None:
        """Makes the project and says what was planted."""
        started = time.monotonic()

        def say(what: str) -> None:
            self.stdout.write(f"  {time.monotonic() - started:5.1f} s  {what}")

        self.stdout.write("Loading the demo:")
        demo = make_demo(say, Size())
        make_results(demo, say)
        make_small_projects(demo.users, say)
        say("done")
        planted = demo.planted
        self.stdout.write(
            "\nPlanted, for you to find:\n"
            f"  {len(planted.wrong_labels)} wrong labels in the old system's column,"
            f" like {', '.join(planted.wrong_labels[:2])}\n"
            f"  {len(planted.exact)} exact copies, e.g. {' and '.join(planted.exact[0])}; "
            f"{len(planted.near)} near copies, e.g. {' and '.join(planted.near[0])}\n"
            f"  a pair that is hard to tell apart: “{HARD_PAIR[0]}” and “{HARD_PAIR[1]}”\n"
            "  a source that behaves differently: phone notes, half of which could be anything\n"
            "  drift: in the last three weeks payment problems more than double, with a new word, “wallet”\n"
            "  people: tomas is careless, lena tires within a sitting, noor copies jonas\n"
            f"  paused by the rule on gold texts: {', '.join(is_paused(demo.project)) or 'nobody'}\n"
            "  two small projects, one with several labels and one with marked spans: gold, and some mistakes"
        )

    def logins(self) -> None:
        """Who can sign in."""
        people = [(username, role.label) for username, _, role in LEADS]
        people += [(username, "Annotator") for username, *_ in PEOPLE[:2]]
        self.stdout.write(f"\nSign in with the password {PASSWORD} as")
        for username, role in people:
            self.stdout.write(f"  {username:<8} {role}")
