"""Every page, full of the demo's data: nothing that axe finds, nothing too wide, no table torn, no error."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from annotation.models import Annotator, Import, Item, Project, Round, User
from annotation.services.watching import unwatched
from evaluation.demo.project import SLUG, Size, make_demo
from evaluation.demo.results import make_results
from evaluation.models import LeakageReport, Run, SplitSet
from qc.models import Case, Sample, Suspect
from qc.services.suspects import explore_texts
from tests.browser.conftest import violations

SignIn = Callable[..., Page]
# A cell that is drawn as something else is not as tall as its row, and its lines are not in line
TORN = """() => [["table", "table"], ["td, th", "table-cell"]].flatMap(([all, wanted]) =>
    [...document.querySelectorAll(all)]
        .filter((one) => one.checkVisibility() && getComputedStyle(one).display !== wanted)
        .map((one) => `a part of a table is a ${getComputedStyle(one).display}: ${one.outerHTML.slice(0, 150)}`))"""
pytestmark = pytest.mark.django_db(transaction=True)


def addresses() -> list[str]:
    """A lead's pages, one of each kind."""
    item, run = Item.objects.earliest("id"), Run.objects.latest("id")
    case = {state: Case.objects.filter(state=state).earliest("id") for state in ("open", "decided")}
    project = f"/projects/{SLUG}/"
    return [
        "/",
        "/account/",
        "/projects/new/",
        "/archives/",
        "/account/password/change/",
        project,
        f"{project}guideline/",
        f"{project}rounds/",
        f"{project}rounds/?change={Round.objects.earliest('id').pk}",
        f"{project}suggestions/",
        f"{project}mine/",
        f"{project}team/",
        f"{project}team/?member=amara",
        f"{project}gold/?item={item.pk}",
        f"{project}jobs/",
        f"{project}items/",
        f"{project}items/?q=card&state=complete",
        f"{project}archive/",
        f"{project}items/{item.pk}/",
        f"{project}imports/",
        f"{project}imports/{Import.objects.latest('id').pk}/",
        f"{project}cleaning/",
        f"{project}cleaning/pairs/",
        f"{project}metadata/",
        f"{project}agreement/",
        f"{project}annotators/{Annotator.objects.get(name='tomas').pk}/",
        f"{project}truth/",
        f"{project}adjudicate/",
        f"{project}adjudicate/{case['open'].pk}/",
        f"{project}adjudicate/{case['decided'].pk}/",
        f"{project}adjudicate/rules/",
        f"{project}decisions/",
        f"{project}explore/",
        f"{project}explore/suspects/",
        f"{project}explore/suspects/?reason=disagreement",
        f"{project}explore/samples/{Sample.objects.earliest('id').pk}/",
        f"{project}leakage/",
        f"{project}leakage/?report={LeakageReport.objects.earliest('id').pk}",
        f"{project}splits/",
        f"{project}splits/{SplitSet.objects.earliest('id').pk}/",
        f"{project}runs/",
        f"{project}runs/{run.pk}/",
        f"{project}runs/{run.pk}/errors/",
        f"{project}annotate/",
        f"{project}no-such-page/",
    ]


# Buttons of the confused pairs beside the screen; in the square of people, names that lie over figures or over names
OUT_OF_PLACE = """() => {
    const buttons = [...document.querySelectorAll('[aria-label="Most confused pairs"] button')];
    const beside = buttons.filter(b => b.getBoundingClientRect().right > document.documentElement.clientWidth);
    const square = document.querySelector('table.pairs');
    const wide = [...square.querySelectorAll('th')].filter(name => name.scrollWidth > name.clientWidth + 1);
    return [
        ...(buttons.length ? [] : ['no confused pairs']),
        ...beside.map(b => 'beside the screen: ' + b.textContent),
        ...wide.map(name => 'lies over its neighbour: ' + name.textContent),
    ];
}"""


def plant_label_errors(project: Project, n: int = 12) -> None:
    """Gives texts that came with a label another one, and looks at all texts again: a model finds some of them."""
    unanswered = Item.objects.filter(project=project, imported_label__isnull=False, annotations__isnull=True)
    others = list(project.labels.order_by("position"))
    for item in unanswered.order_by("pk")[:n]:
        item.imported_label = next(label for label in others if label.pk != item.imported_label_id)
        item.save(update_fields=["imported_label"])
    explore_texts(project, unwatched)
    assert Suspect.objects.filter(project=project, reason=Suspect.Reason.MODEL, rank__isnull=False).exists()


@pytest.mark.usefixtures("seen_worker")
def test_every_page_is_accessible_fits_and_is_quiet(sign_in: SignIn) -> None:
    demo = make_demo(lambda said: None, Size(texts=200, pilot=20, answers=200, gold=6))
    make_results(demo, lambda said: None)
    plant_label_errors(demo.project)
    lead: User = demo.users["ravi"]
    lead.set_password("correct horse")
    lead.save()
    wrong: list[str] = []
    # All rules in light; in the other looks, those whose answer can change with them
    looks: dict[bool, list[tuple[str, list[str]]]] = {
        False: [("light", []), ("dark", ["color-contrast"])],
        True: [("light", ["target-size"])],
    }
    for phone, schemes in looks.items():
        page = sign_in(lead, phone=phone)
        page.on("pageerror", lambda error: wrong.append(str(error)))  # noqa: B023 – one list for all
        for address in addresses():
            where = f"{address} on a phone" if phone else address
            answer = page.goto(address)
            assert answer is not None
            expected = 404 if "no-such" in address else 200
            if answer.status != expected:
                wrong.append(f"{where}: status {answer.status}")
            for scheme, rules in schemes:
                page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
                wrong += [f"{where}, {scheme}: {found}" for found in violations(page, *rules)]
            wider = page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            if wider > 0:
                wrong.append(f"{where}: {wider} px wider than the screen")
            if phone and address.endswith("/agreement/"):
                wrong += [f"{where}: {found}" for found in page.evaluate(OUT_OF_PLACE)]
            if not phone:  # on one, rows may be cards
                wrong += [f"{where}: {drawn}" for drawn in page.evaluate(TORN)]
    assert wrong == []
