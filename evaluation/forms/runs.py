"""Uploading a run from the browser."""

from typing import Any

from django import forms

from annotation.models import Project
from evaluation.models import SplitSet


class RunForm(forms.Form):
    """A run's name, what it was scored on, and the file with its predictions."""

    name = forms.CharField(max_length=120, label="Name of the run")
    target = forms.ChoiceField(label="Scored on")
    file = forms.FileField(label="Predictions (CSV, JSON or JSON Lines with id and label)")

    def __init__(self, project: Project, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        usable = SplitSet.objects.filter(project=project, deleted__isnull=True, state__in=["ready", "frozen"])
        self.split_sets = {made.pk: made for made in usable.order_by("-version")}
        choices = [
            (f"{made.pk}:{split}", f"{split} of {made}")
            for made in self.split_sets.values()
            for split in made.manifest.get("counts", {})
        ]
        preferred = [choice for choice in choices if choice[0].split(":")[1] == "test"]
        field = self.fields["target"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = preferred + [choice for choice in choices if choice not in preferred]

    @property
    def possible(self) -> bool:
        """Whether there is any split to score a run on."""
        return bool(self.split_sets)

    @property
    def newest(self) -> SplitSet | None:
        """The newest split set, for the example."""
        return next(iter(self.split_sets.values()), None)

    def chosen(self) -> tuple[SplitSet, str]:
        """The split set and split that were chosen."""
        pk, split = self.cleaned_data["target"].split(":", 1)
        return self.split_sets[int(pk)], split
