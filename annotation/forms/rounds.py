"""Planning a round."""

from typing import Any

from django import forms

from annotation.models import Membership, Project, Round
from annotation.queries.metadata import field_names
from annotation.queries.projects import active_labels, rounds
from annotation.queries.suggestions import sources

ALL, NO_ROUND, EMPTY = "all", "none", "empty"
ANY, DISAGREEMENT, FLAGGED = "any", "disagreement", "flagged"


NUMBERS = {"overlap", "maximum_overlap", "gold_rate", "repeat_rate", "sample"}


class PlanForm(forms.Form):
    """What a round asks for; shares are in percent."""

    name = forms.CharField(max_length=80)
    purpose = forms.ChoiceField(choices=Round.Purpose.choices, required=False)
    overlap = forms.IntegerField(label="Answers a text", min_value=1, max_value=100)
    maximum_overlap = forms.IntegerField(
        label="Most answers a text", min_value=1, max_value=100, required=False
    )
    gold_rate = forms.FloatField(label="Gold, percent", min_value=0, max_value=100)
    repeat_rate = forms.FloatField(label="Repeats, percent", min_value=0, max_value=100)
    ends = forms.DateField(
        label="Planned end", required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    suggestions = forms.ChoiceField(choices=Round.Suggestions.choices, required=False)
    suggestion_source = forms.ChoiceField(label="Suggested by", required=False)

    def __init__(self, project: Project, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in NUMBERS & set(self.fields):
            self.fields[name].widget.attrs["class"] = "mini"
        there = [(source.name, source.name) for source in sources(project)]
        self.fields["suggestion_source"].choices = [("", "nobody"), *there]  # type: ignore[attr-defined]

    @classmethod
    def of(cls, made: Round) -> "PlanForm":
        """The form with the round's plan in it."""
        return cls(made.project, initial=plan_of(made), auto_id="change_%s")

    def plan(self) -> dict[str, Any]:
        """What was entered, as fields of a round."""
        sent = {name: self.cleaned_data[name] for name in PlanForm.base_fields}
        for name in ("gold_rate", "repeat_rate"):
            sent[name] = round(sent[name] / 100, 6)
        return {
            name: value for name, value in sent.items() if name not in {"purpose", "suggestions"} or value
        }


def plan_of(made: Round) -> dict[str, Any]:
    """A round's plan as the form has it."""
    fields = {name: getattr(made, name) for name in PlanForm.base_fields}
    fields["gold_rate"], fields["repeat_rate"] = in_percent(made.gold_rate), in_percent(made.repeat_rate)
    fields["suggestion_source"] = made.suggestion_source.name if made.suggestion_source else ""
    return {name: "" if value is None else value for name, value in fields.items()}


def in_percent(share: float) -> str:
    """0.05 → "5"."""
    return f"{100 * share:.6g}"


class NewRoundForm(PlanForm):
    """A new round: its texts, kind, answers, rates, people and suggestions."""

    kind = forms.ChoiceField(choices=Round.Kind.choices)
    source = forms.ChoiceField(label="Texts", required=False)
    which = forms.ChoiceField(
        required=False,
        choices=[
            (ANY, "whatever was answered"),
            (DISAGREEMENT, "where people disagree"),
            (FLAGGED, "flagged"),
        ],
    )
    label = forms.ChoiceField(required=False)
    field = forms.ChoiceField(label="Metadata field", required=False)
    value = forms.CharField(required=False, max_length=200)
    sample = forms.IntegerField(label="How many at random", min_value=1, max_value=2**31 - 1, required=False)
    audience = forms.ChoiceField(choices=Round.Audience.choices)
    people = forms.MultipleChoiceField(required=False)

    def __init__(self, project: Project, *args: Any, **kwargs: Any) -> None:
        super().__init__(project, *args, **kwargs)
        there = [made.name for made in rounds(project)]
        self._choices("source", [(EMPTY, "none yet"), (ALL, "all"), (NO_ROUND, "those in no round")])
        self.fields["source"].choices += [(f"in:{name}", f"those of {name}") for name in there]  # type: ignore[attr-defined]
        self._choices(
            "label", [("", "any label"), *((label.name, label.name) for label in active_labels(project))]
        )
        self._choices("field", [("", "any metadata"), *((name, name) for name in field_names(project))])
        active = Membership.objects.filter(project=project, state=Membership.State.ACTIVE)
        users = active.select_related("user").order_by("user__username")
        self._choices("people", [(member.user.username, member.user.display_name) for member in users])

    def _choices(self, name: str, choices: list[tuple[str, str]]) -> None:
        self.fields[name].choices = choices  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """A value belongs to a field."""
        sent = super().clean() or {}
        if sent.get("value") and not sent.get("field"):
            self.add_error("field", "Choose the metadata field that has this value.")
        return sent

    def texts(self) -> dict[str, Any] | None:
        """The choice of texts; None for a round without any."""
        sent = self.cleaned_data
        source = sent["source"] or EMPTY
        if source == EMPTY:
            return None
        texts: dict[str, Any] = {}
        if source == NO_ROUND:
            texts["round"] = NO_ROUND
        elif source.startswith("in:"):
            texts["round"] = source.removeprefix("in:")
        if sent["which"] == DISAGREEMENT:
            texts["disagreement"] = True
        if sent["which"] == FLAGGED:
            texts["flagged"] = "true"
        if sent["label"]:
            texts["label"] = sent["label"]
        if sent["field"] and sent["value"]:
            texts[f"meta.{sent['field']}"] = sent["value"]
        if sent["sample"]:
            texts["sample"] = sent["sample"]
        return texts

    def new_round(self) -> dict[str, Any]:
        """What was entered, as `jobs.make_round` takes it."""
        sent = self.cleaned_data
        chosen = sent["audience"] == Round.Audience.CHOSEN
        people = {"people": sent["people"]} if chosen else {}
        return {
            **self.plan(),
            **people,
            "kind": sent["kind"],
            "audience": sent["audience"],
            "texts": self.texts(),
        }
