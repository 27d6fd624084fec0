"""An archive to be restored: the file, the project's name here, and who its people are here."""

from collections.abc import Sequence
from typing import Any

from django import forms

from annotation.models import User
from evaluation.services.archives import Person


class UploadForm(forms.Form):
    """The file."""

    file = forms.FileField(label="Archive")


class NamesForm(forms.Form):
    """What the project is called here, and for each of its people the user name that they have here."""

    name = forms.CharField(label="Name", max_length=120)
    slug = forms.SlugField(label="Short name, in addresses", max_length=60, required=False)

    def __init__(self, data: Any, *, manifest: dict[str, Any], people: Sequence[Person]) -> None:
        project = manifest["project"]
        super().__init__(data, initial={"name": project["name"], "slug": project.get("slug", "")})
        self.people = people
        names = [person.username for person in people]
        here = set(User.objects.filter(username__in=names, is_active=True).values_list("username", flat=True))
        for at, person in enumerate(people):
            self.fields[f"person-{at}"] = forms.CharField(
                label=f"User name of {person.username} here",
                max_length=150,
                required=False,
                initial=person.username if person.username in here else "",
            )

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        given = {field: name for at in range(len(self.people)) if (name := said.get(field := f"person-{at}"))}
        known = User.objects.filter(username__in=list(given.values()), is_active=True)
        there = set(known.values_list("username", flat=True))
        taken: set[str] = set()
        for field, name in given.items():
            if name not in there:
                self.add_error(
                    field, f"Nobody here has the user name “{name}”. Leave it empty if they are not here."
                )
            elif name in taken:
                self.add_error(field, f"“{name}” is somebody else of this archive already.")
            taken.add(name)
        return said

    def people_rows(self) -> list[tuple[Person, forms.BoundField]]:
        """Each of the people with the field for their name."""
        return [(person, self[f"person-{at}"]) for at, person in enumerate(self.people)]


def people_in(form: NamesForm) -> dict[str, str]:
    """{user name in the archive: user name here, "" for nobody}."""
    return {person.username: form.cleaned_data[f"person-{at}"] for at, person in enumerate(form.people)}
