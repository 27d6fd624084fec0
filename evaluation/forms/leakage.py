"""What to compare, and how."""

from typing import Any

from django import forms

from annotation.models import Project
from evaluation.models import LeakageReport, SplitSet
from evaluation.queries.splits import built


class LeakageForm(forms.Form):
    """The pool or a split set, the threshold, and the words of an n-gram."""

    split_set = forms.ModelChoiceField(
        SplitSet.objects.none(), required=False, label="Compare", empty_label="all texts of the pool"
    )
    threshold = forms.FloatField(min_value=0.5, max_value=1, initial=0.995, label="Similarity from")
    ngram = forms.IntegerField(min_value=1, max_value=8, initial=3, label="Words in an n-gram")

    def __init__(self, project: Project, report: LeakageReport | None, *args: Any, **kwargs: Any) -> None:
        kept = (
            {"split_set": report.split_set_id, "threshold": report.threshold, "ngram": report.ngram}
            if report
            else {}
        )
        super().__init__(*args, **kwargs | {"initial": kept})
        choice = self.fields["split_set"]
        assert isinstance(choice, forms.ModelChoiceField)
        choice.queryset = built(project)
        self.fields["threshold"].widget.attrs |= {"step": "0.005", "class": "mini wide"}
        self.fields["ngram"].widget.attrs |= {"class": "mini"}
