"""What the methods of inferring labels said, of all texts and of one."""

from dataclasses import dataclass

from annotation.models import Item, Project
from annotation.queries.values import label_names
from qc.algorithms.leading import SCALE, of_one
from qc.models import QualitySettings, TruthBlock, TruthReport


def stored_truth(project: Project) -> TruthReport | None:
    """The newest comparison of the methods."""
    return TruthReport.objects.filter(project=project).select_related("project").first()


@dataclass(frozen=True)
class MethodSays:
    """What one method says of a text: its label (None for a tie), and the labels that lead, each with its probability.

    By majority the probability is the share of the answers.
    """

    method: str
    label: str | None
    leading: list[tuple[str, float]]

    @property
    def name(self) -> str:
        """The method as people call it."""
        return QualitySettings.Method(self.method).label

    @property
    def confidence(self) -> float:
        """The probability of the label that leads."""
        return self.leading[0][1]


def truth_of_text(item: Item) -> tuple[TruthReport, list[MethodSays]] | None:
    """What every method said of a text when they were compared last, without the rest of that report.

    None where they were not compared, or the text had no answers then.
    """
    blocks = TruthBlock.objects.filter(report__project=item.project_id, first__lte=item.pk)
    block = (
        blocks.select_related("report__project").defer("report__result").order_by("-report", "-first").first()
    )
    if block is None:
        return None
    report = block.report
    says = of_one(bytes(block.ids), bytes(block.says), item.pk, len(report.methods))
    if says is None:
        return None
    names = label_names(item.project)
    return report, [
        MethodSays(
            method,
            names[report.labels[label]] if label >= 0 else None,
            [
                (names[report.labels[code]], chance / SCALE)
                for code, chance in zip(leading, chances, strict=True)
                if code >= 0
            ],
        )
        for method, label, leading, chances in zip(
            report.methods,
            *(says[column].tolist() for column in ("label", "leading", "chance")),
            strict=True,
        )
    ]
