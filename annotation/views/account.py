"""The user's own page: how Loupe looks to them, and their key for the REST API."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST
from rest_framework.authtoken.models import Token

from annotation.forms.account import AppearanceForm, NameForm
from annotation.models import User


def account(request: HttpRequest) -> HttpResponse:
    """Name, appearance, keys, sign-in."""
    user = request.user
    assert isinstance(user, User)
    name = NameForm(request.POST if "save-name" in request.POST else None, instance=user)
    look = AppearanceForm(request.POST if "save-look" in request.POST else None, instance=user)
    for form in (name, look):
        if form.is_bound and form.is_valid():
            form.save()
            messages.success(request, "Saved.")
            return redirect("account")
    context = {
        "name_form": name,
        "look_form": look,
        "key": Token.objects.filter(user=user).first(),
        "mfa": bool(settings.MFA_SUPPORTED_TYPES),
        "fresh_key": request.session.pop("fresh-key", ""),
    }
    return render(request, "annotation/account.html", context)


@require_POST
def choose_theme(request: HttpRequest) -> HttpResponse:
    """Keeps light or dark for this user."""
    user = request.user
    assert isinstance(user, User)
    chosen = request.POST.get("theme", "")
    if chosen in User.Theme.values:
        User.objects.filter(pk=user.pk).update(theme=chosen)
    back = request.POST.get("next") or request.headers.get("Referer", "")
    if request.headers.get("X-Requested-With") == "fetch":
        return HttpResponse(status=204)
    safe = url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()})
    return HttpResponseRedirect(back) if safe else redirect("account")


@require_POST
def make_key(request: HttpRequest) -> HttpResponse:
    """A new key in place of the old one; it is shown once."""
    user = request.user
    assert isinstance(user, User)
    Token.objects.filter(user=user).delete()
    request.session["fresh-key"] = Token.objects.create(user=user).key
    return redirect("account")


@require_POST
def revoke_key(request: HttpRequest) -> HttpResponse:
    """Takes the key back: clients that use it are refused from now on."""
    assert isinstance(request.user, User)
    Token.objects.filter(user=request.user).delete()
    messages.success(request, "The key is revoked. Scripts that used it are refused from now on.")
    return redirect("account")
