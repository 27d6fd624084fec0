"""Gold made of texts that were chosen in the list."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from annotation.access import open_project
from annotation.forms.texts import UNDO, back_to_list, choice_of
from annotation.models import Role, User
from annotation.services import bulk
from qc.services.gold_texts import TAKE_BACK, make_gold, take_back_gold


@require_POST
def make(request: HttpRequest, slug: str) -> HttpResponse:
    """Makes the ticked texts, or all under the filters, gold; or takes that back."""
    project = open_project(request, slug, Role.LEAD)
    assert isinstance(request.user, User)
    try:
        if request.POST.get("action") == TAKE_BACK:
            done = take_back_gold(project, request.user, request.POST.get("at", ""))
        elif (found := bulk.few(project, choice_of(request.POST))) is None:
            raise ValidationError(
                f"At most {bulk.INLINE:,} texts become gold at once, since nobody sees more. Narrow the filters."
            )
        else:
            done = make_gold(project, request.user, found, request.POST.get("by", ""))
    except ValidationError as wrong:
        messages.error(request, " ".join(wrong.messages))
        return redirect(back_to_list(request.POST, project))
    request.session[UNDO] = {str(project.pk): {"message": done.message, **done.undo}} if done.undo else {}
    if not done.undo:
        messages.success(request, done.message)
    return redirect(back_to_list(request.POST, project))
