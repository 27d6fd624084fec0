"""Who works here: users, what they may do in a project, and the names under which answers are kept."""

import secrets

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q
from django.utils import timezone


class User(AbstractUser):
    """Somebody who can sign in."""

    class Theme(models.TextChoices):
        SYSTEM = "", "as the system"
        LIGHT = "light", "light"
        DARK = "dark", "dark"

    theme = models.CharField(max_length=5, choices=Theme, default=Theme.SYSTEM, blank=True)
    single_keys = models.BooleanField("single-key shortcuts", default=True)

    @property
    def display_name(self) -> str:
        """The full name, or the user name where none was given."""
        return self.get_full_name() or self.username


class Role(models.TextChoices):
    """What a member may do; each role may do what those below it may."""

    ANNOTATOR = "annotator", "Annotator"
    ADJUDICATOR = "adjudicator", "Adjudicator"
    LEAD = "lead", "Lead"
    OWNER = "owner", "Owner"

    @property
    def rank(self) -> int:
        """Annotator 0 … owner 3."""
        return list(Role).index(self)


class Membership(models.Model):
    """A user's role in a project."""

    class State(models.TextChoices):
        ACTIVE = "active", "Active"
        PAUSED = "paused", "Paused"
        REMOVED = "removed", "Removed"

    project = models.ForeignKey("annotation.Project", models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=12, choices=Role)
    state = models.CharField(max_length=8, choices=State, default=State.ACTIVE)
    # Answers in the project; null: as many as there are
    quota = models.PositiveIntegerField(null=True, blank=True)
    paused = models.DateTimeField(null=True, blank=True)
    # Null: the rule
    paused_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    paused_because = models.TextField(blank=True)  # shown to the member and kept in the log
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "user"], name="one_membership_per_person")]

    def __str__(self) -> str:
        return f"{self.user} in {self.project}"


def invitation_token() -> str:
    """A secret that is hard to guess and short enough for a link."""
    return secrets.token_urlsafe(24)


class Invitation(models.Model):
    """A link that lets somebody join a project, once."""

    project = models.ForeignKey("annotation.Project", models.CASCADE, related_name="invitations")
    role = models.CharField(max_length=12, choices=Role, default=Role.ANNOTATOR)
    email = models.EmailField(blank=True)
    quota = models.PositiveIntegerField(null=True, blank=True)
    token = models.CharField(max_length=40, unique=True, default=invitation_token)
    created_by = models.ForeignKey(User, models.CASCADE, related_name="+")
    created = models.DateTimeField(default=timezone.now)
    expires = models.DateTimeField()
    accepted_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")


class Annotator(models.Model):
    """The author of answers in one project: a member, or a name that came with imported answers.

    A placeholder has no user, cannot sign in, and belongs to its project alone, even if its name is also a user's.
    Whoever hands out to a member, or takes something from them, locks this row first.
    """

    project = models.ForeignKey("annotation.Project", models.CASCADE, related_name="annotators")
    user = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    name = models.CharField(max_length=200)
    read_version = models.PositiveIntegerField(null=True)  # of the guideline; null before the first item
    gold_answers = models.PositiveIntegerField(default=0)  # since the last reinstatement
    gold_correct = models.PositiveIntegerField(default=0)
    answers = models.PositiveIntegerField(default=0)  # of every kind, over all rounds
    # The clock. Seconds are active ones: at most two minutes for a text, none in which nothing was at hand
    active = models.DateTimeField(null=True)  # the last request for items, answer or skip; null: never
    item_seconds = models.FloatField(default=0)  # on the text at hand, up to the last request
    sitting_seconds = models.FloatField(default=0)  # since the last break that was long enough
    day = models.DateField(null=True)  # that of day_seconds, in UTC
    day_seconds = models.FloatField(default=0)
    total_seconds = models.FloatField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "user"], name="one_annotator_per_user"),
            models.UniqueConstraint(
                fields=["project", "name"], condition=Q(user__isnull=True), name="one_placeholder_per_name"
            ),
        ]

    def __str__(self) -> str:
        return self.name
