"""What a project asks of its texts, how files are read in another way, and the repair of texts."""

from collections.abc import Callable

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from rest_framework.test import APIClient

from annotation.models import AuditEntry, Import, Item, Job, Project, User
from tests.api.importing import accounted, sender

Page = Callable[[User | None], Client]
IMPORTS = "/projects/weather/imports/"
LIMITS = {
    "text_minimum": 8,
    "text_maximum": 60,
    "fewest_letters": "50%",
    "languages": "en, de",
    "limits": "1",
}


def test_limits_are_set_by_leads_and_count_their_rejections(
    page: Page,
    api: Callable[[User | None], APIClient],
    lea: User,
    project: Project,
    work: Callable[[], list[Job]],
) -> None:
    assert page(lea).post(IMPORTS, LIMITS).status_code == 302
    rows = [
        "Where is my card, I have waited since Monday",
        "Wo ist meine Karte, ich warte seit Montag",
        "Où est ma carte, j’attends depuis lundi matin",
        "short",
        "x" * 61,
        "12 34 56 ab cd",
    ]
    result = sender(api(lea), work)("text\n" + "\n".join(f'"{row}"' for row in rows))
    assert accounted(result) == (2, 0, 4)
    assert result["reasons"] == {
        "other language": 1,
        "too short": 1,
        "too long": 1,
        "mostly not letters": 1,
    }
    assert AuditEntry.objects.filter(action="change project").count() == 1


def test_limits_are_set_where_the_other_settings_are_and_over_rest(
    page: Page, api: Callable[[User | None], APIClient], lea: User, project: Project
) -> None:
    settings, address = "/projects/weather/settings/", "/api/v1/projects/weather/"
    shown = page(lea).get(settings).content.decode()
    assert "Characters of the shortest text" in shown and 'value="20%"' in shown
    sent = {name: value for name, value in LIMITS.items() if name != "limits"} | {"name": "Weather"}
    assert page(lea).post(settings, sent).status_code == 302
    told = api(lea).get(address).json()
    assert [told[name] for name in sent if name in LIMITS] == [8, 60, 0.5, ["en", "de"]]
    assert page(lea).post(settings, {"name": "Weather", "languages": ""}).status_code == 302
    assert api(lea).get(address).json()["languages"] == []
    assert page(lea).post(settings, {"name": "Weather", "text_minimum": ""}).status_code == 400
    changed = api(lea).patch(address, {"fewest_letters": 0, "languages": ["fr"]}, format="json").json()
    assert (changed["fewest_letters"], changed["languages"]) == (0, ["fr"])
    for wrong in ({"languages": ["xq"]}, {"text_minimum": 61}, {"text_maximum": None}, {"fewest_letters": 2}):
        refused = api(lea).patch(address, wrong, format="json")
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, next(iter(wrong)))


@pytest.mark.parametrize(
    "wrong",
    [
        {"text_minimum": 61},
        {"text_minimum": 0},
        {"text_maximum": 100_001},
        {"fewest_letters": "120%"},
        {"languages": "english"},
        {"text_maximum": ""},
    ],
)
def test_impossible_limits_are_refused(
    page: Page, lea: User, project: Project, wrong: dict[str, object]
) -> None:
    answer = page(lea).post(IMPORTS, LIMITS | wrong)
    assert answer.status_code == 400
    assert b'class="err"' in answer.content
    project.refresh_from_db()
    assert (project.text_minimum, project.text_maximum, project.languages) == (1, 100_000, [])


def test_a_file_can_be_read_as_another_format(page: Page, lea: User, project: Project) -> None:
    client = page(lea)
    client.post(IMPORTS, {"file": SimpleUploadedFile("x.txt", b"text,label\nSun today,good\n")})
    source = Import.objects.get()
    assert source.format == "csv"
    columns = f"{IMPORTS}{source.pk}/columns/"
    choices = {"kind": "items", "duplicates": "drop", "provenance": "real", "show": "1"}
    assert client.post(columns, choices | {"format": "tsv"}).status_code == 302
    source.refresh_from_db()
    assert (source.format, source.columns) == ("tsv", ["text,label"])
    refused = client.post(columns, choices | {"format": "parquet"}, follow=True)
    assert "As Parquet it cannot be read" in refused.content.decode()
    source.refresh_from_db()
    assert source.format == "tsv"


def test_gold_and_spans_are_mapped_by_the_projects_task(
    page: Page, lea: User, project: Project, work: Callable[[], list[Job]]
) -> None:
    Project.objects.filter(pk=project.pk).update(task="spans")
    client = page(lea)
    client.post(
        IMPORTS,
        {"file": SimpleUploadedFile("x.jsonl", b'{"text": "Sun today", "entities": [[0, 3, "good"]]}')},
    )
    source = Import.objects.get()
    columns = f"{IMPORTS}{source.pk}/columns/"
    shown = client.get(columns).content.decode()
    assert "Existing spans" in shown and "doccano" in shown
    choices = {
        "kind": "gold",
        "duplicates": "drop",
        "provenance": "real",
        "column-0": "text",
        "column-1": "label",
    }
    assert client.post(columns, choices | {"import": "1"}).status_code == 302
    assert work()[0].state == "done"
    spans = Item.objects.get().gold.spans
    assert spans is not None and spans[0][:2] == [0, 3]
    assert "1 gold text is in" in client.get(f"{IMPORTS}{source.pk}/").content.decode()


def test_texts_decoded_wrongly_are_noticed_and_repaired_when_asked(
    page: Page,
    api: Callable[[User | None], APIClient],
    lea: User,
    project: Project,
    work: Callable[[], list[Job]],
) -> None:
    content = "text\nI paid for a cafÃ© crÃ¨me\n".encode()
    client = page(lea)
    client.post(IMPORTS, {"file": SimpleUploadedFile("x.csv", content)})
    shown = client.get(f"{IMPORTS}{Import.objects.get().pk}/columns/").content.decode()
    assert "1 text looks decoded wrongly" in shown
    send = sender(api(lea), work)
    send(content, repair="true")
    send(content)
    texts = Item.objects.order_by("pk").values_list("text", flat=True)
    assert list(texts) == ["I paid for a café crème", "I paid for a cafÃ© crÃ¨me"]
