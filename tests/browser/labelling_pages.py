"""What journeys of the labelling screen share: projects of every shape with texts in an open round."""

from collections.abc import Callable, Sequence

from django.db.models import F
from playwright.sync_api import Page, expect

from annotation.models import Item, Label, Project, Round, RoundItem

SignIn = Callable[..., Page]
MIXED = "Zoë 👩‍👩‍👧 paid e\u0301clair 🇩🇪 to مكتبة النور and left."


def put_in_round(project: Project, texts: Sequence[str]) -> list[Item]:
    """The texts in the project's open round, in this order."""
    made = Round.objects.get(project=project)
    items = Item.objects.bulk_create(
        Item(project=project, text=text, digest=f"{at:032x}", meta={"source": "E-mail"})
        for at, text in enumerate(texts)
    )
    RoundItem.objects.bulk_create(
        RoundItem(round=made, item=item, position=at, overlap=3, open_slots=3)
        for at, item in enumerate(items)
    )
    Round.objects.filter(pk=made.pk).update(items_total=F("items_total") + len(items))
    return items


def add_labels(project: Project, n: int) -> None:
    """So many more labels, without keys of their own."""
    Label.objects.bulk_create(
        Label(
            project=project,
            name=f"Topic {at:02}",
            description=f"All that is about topic {at}.",
            examples=[f"an example of {at}"],
            position=10 + at,
            color=at % 8 + 1,
        )
        for at in range(n)
    )


def begin(page: Page, project: Project) -> None:
    """Opens the screen and waits for its text."""
    page.goto(f"/projects/{project.slug}/annotate/")
    expect(page.locator("#text")).to_be_visible()


def all_saved(page: Page) -> None:
    """Waits until the server has stored everything."""
    expect(page.locator("#saved[data-unsent='0']")).to_contain_text("Saved")
