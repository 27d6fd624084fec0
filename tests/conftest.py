"""Named people, a project, and a worker that runs what is queued, for every test."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from celery import current_app
from django.conf import settings
from django.db.backends.postgresql.operations import DatabaseOperations
from django.test import Client
from hypothesis import HealthCheck
from hypothesis import settings as property_tests
from rest_framework.test import APIClient

from annotation.models import Job, Membership, Project, Role, User
from annotation.services.projects import create_project
from tests.contract import ContractClient

# How long an example takes says more of what else the machine does; what things cost is what `benchmarks/` asks
property_tests.register_profile("loupe", deadline=None, suppress_health_check=[HealthCheck.too_slow])
property_tests.load_profile("loupe")

OF_THE_SCHEMA = {
    "django_content_type",
    "auth_permission",
}  # what migrations put there, and would put there anew
SHARED_DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


@pytest.fixture(autouse=True, scope="session")
def quick_passwords() -> None:
    """Passwords are hashed without the slowness that protects real ones."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True, scope="session")
def quick_emptying() -> None:
    """After a test with transactions of its own, only the tables that hold something are emptied.

    TRUNCATE of them all makes some hundred files anew: 0.3 s after each of these tests.
    """
    truncate = DatabaseOperations.sql_flush

    def sql_flush(self: DatabaseOperations, style: Any, tables: Sequence[str], **options: bool) -> list[str]:
        with self.connection.cursor() as cursor:
            cursor.execute("SHOW is_superuser")
            if cursor.fetchone() != ("on",) or not tables or options.get("reset_sequences"):
                return truncate(self, style, tables, **options)
            named = {table: self.quote_name(table) for table in tables if table not in OF_THE_SCHEMA}
            cursor.execute(
                " UNION ALL ".join(f"SELECT '{n}' WHERE EXISTS (SELECT FROM {q})" for n, q in named.items())
            )
            filled = [name for (name,) in cursor.fetchall()]
        # Without foreign keys, whose rows go all the same
        without = "SET LOCAL session_replication_role = replica"
        return [without, *(f"DELETE FROM {named[name]}" for name in filled)]

    DatabaseOperations.sql_flush = sql_flush  # type: ignore[assignment,method-assign]


@pytest.fixture
def shared_data() -> Path:
    """The folder of real data sets; tests that need it are skipped where it is not."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"the real data sets are not at {SHARED_DATA}")
    return SHARED_DATA


def make_user(name: str) -> User:
    return User.objects.create_user(
        name, f"{name}@example.org", "correct horse", first_name=name.capitalize()
    )


@pytest.fixture
def olga(db: None) -> User:
    """The owner."""
    return make_user("olga")


@pytest.fixture
def lea(db: None) -> User:
    """The lead."""
    return make_user("lea")


@pytest.fixture
def ada(db: None) -> User:
    """The adjudicator."""
    return make_user("ada")


@pytest.fixture
def ann(db: None) -> User:
    """An annotator."""
    return make_user("ann")


@pytest.fixture
def ben(db: None) -> User:
    """Another annotator."""
    return make_user("ben")


@pytest.fixture
def otto(db: None) -> User:
    """An outsider: signed in, a member of nothing."""
    return make_user("otto")


@pytest.fixture
def project(olga: User, lea: User, ada: User, ann: User, ben: User) -> Project:
    """A project with three labels and one open round, whose members are the named people."""
    return make_project(olga, lea, ada, ann, ben)


def make_project(olga: User, lea: User, ada: User, ann: User, ben: User) -> Project:
    made = create_project(
        olga,
        slug="weather",
        name="Weather",
        guideline="# Weather\n\nIs it good?",
        overlap=3,
        labels=[
            {"name": "good", "hotkey": "1"},
            {"name": "bad", "hotkey": "2"},
            {"name": "neither", "hotkey": "3"},
        ],
    )
    for user, role in [
        (lea, Role.LEAD),
        (ada, Role.ADJUDICATOR),
        (ann, Role.ANNOTATOR),
        (ben, Role.ANNOTATOR),
    ]:
        Membership.objects.create(project=made, user=user, role=role)
    return made


@pytest.fixture
def api() -> Callable[[User | None], APIClient]:
    """`api(user)` is a REST client signed in as that user."""

    def client(user: User | None = None) -> APIClient:
        made = ContractClient()
        if user:
            made.force_authenticate(user)
        return made

    return client


@pytest.fixture
def page() -> Callable[[User | None], Client]:
    """`page(user)` is a browser without JavaScript, signed in as that user."""

    def client(user: User | None = None) -> Client:
        made = Client()
        if user:
            made.force_login(user)
        return made

    return client


@pytest.fixture
def work(db: None) -> Callable[[], list[Job]]:
    """`work()` runs every queued job here and now, as a worker would, and returns them."""

    current_app.loader.import_default_modules()  # what a worker does when it starts

    def run() -> list[Job]:
        jobs = list(Job.objects.filter(state=Job.State.QUEUED).order_by("created"))
        for job in jobs:
            current_app.tasks[f"loupe.{job.kind}"](str(job.pk))
            job.refresh_from_db()
        return jobs

    return run
