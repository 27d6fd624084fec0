"""Statements stay planned whatever numbers they are run with, and a connection that the server ended is noticed."""

import pytest
from django.db import DataError, connection
from django.test.utils import CaptureQueriesContext

from annotation.models import Annotator, Project, Round, User
from annotation.queries.prepared import Columns, run_prepared

pytestmark = pytest.mark.django_db
STATEMENT = "SELECT r.id FROM annotation_round r WHERE r.id > %(least)s AND r.name <> %(name)s::text"


def test_a_statement_is_planned_once_for_numbers_of_every_size() -> None:
    for least in (5, 50_000, 5_000_000_000):
        assert run_prepared(STATEMENT, {"least": least, "name": "x"}) == []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement LIKE %s",
            ["SELECT r.id FROM annotation_round r WHERE r.id > $1%"],
        )
        assert cursor.fetchall() == [(3, 0)]


@pytest.mark.django_db(transaction=True)
def test_an_error_at_the_first_run_leaves_the_settings_of_the_connection_as_they_were() -> None:
    with pytest.raises(DataError):
        run_prepared("SELECT 1 / %(zero)s::bigint", {"zero": 0})
    with connection.cursor() as cursor:
        cursor.execute("SHOW enable_seqscan")
        assert cursor.fetchone() == ("on",)


def test_prepared_statements_are_counted_with_the_others() -> None:
    run_prepared(STATEMENT, {"least": 1, "name": "x"})  # the first run has a transaction of its own
    with CaptureQueriesContext(connection) as captured:
        run_prepared(STATEMENT, {"least": 1, "name": "x"})
        Round.objects.exists()
    assert len(captured) == 2


def test_a_connection_that_the_server_ended_is_noticed_and_one_that_is_well_is_kept() -> None:
    other = connection.copy()
    try:
        other.ensure_connection()
        assert other.is_usable()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 10000)", [other.connection.info.backend_pid])
            assert cursor.fetchone() == (True,)
        assert not other.is_usable()
    finally:
        other.close()


def test_an_object_made_of_some_columns_fetches_the_others(project: Project, ann: User) -> None:
    made = Annotator.objects.create(project=project, user=ann, name="ann", answers=7)
    some = Columns(Annotator, "w", "answers", "id")
    rows = run_prepared(f"SELECT {some.sql}, 1, {some.sql} FROM annotation_annotator w", {})
    row = iter(rows[0])
    found = some.read(row)
    assert found is not None
    assert found == made
    assert next(row) == 1
    assert (found.answers, found.name) == (7, "ann")
    assert some.read(iter([None, None])) is None
    some.read_into(found, iter([made.pk, 8]))
    assert found.answers == 8
