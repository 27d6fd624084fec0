"""What about people, rounds and the guideline needs a lead."""

from dataclasses import dataclass

from annotation.models import Guideline, Membership, Project, Round
from annotation.queries.guidelines import draft_of
from annotation.queries.rounds import Pace, paces


@dataclass(frozen=True)
class Attention:
    """Read once for a project's home."""

    paused: list[Membership]  # those whom the rule paused first
    draft: Guideline | None
    done: list[Round]  # open ones whose texts have all their answers
    late: list[Pace]  # of open ones that end after their planned end, or whose planned end is past


def attention(project: Project, rounds: list[Round]) -> Attention:
    """What waits for a lead, of a project with these rounds."""
    running = [made for made in rounds if made.state == Round.State.OPEN and made.items_total]
    done = [made for made in running if made.items_done >= made.items_total]
    pace = paces([made for made in running if made not in done])
    paused = Membership.objects.filter(project=project, state=Membership.State.PAUSED)
    return Attention(
        paused=sorted(
            paused.select_related("user")[:100], key=lambda m: (m.paused_by_id is not None, m.user.username)
        ),
        draft=draft_of(project),
        done=done,
        late=[
            mine
            for mine in pace.values()
            if (mine.days_late or 0) > 0 or (mine.round.ends is not None and mine.round.ends < mine.today)
        ],
    )
