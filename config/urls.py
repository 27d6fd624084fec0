"""The address space: each room's pages, accounts, REST, health."""

from django.urls import include, path

urlpatterns = [
    path("api/v1/", include("config.api")),  # first, since most requests are its
    path("", include("annotation.urls")),
    path("", include("qc.urls")),
    path("", include("evaluation.urls")),
    path("account/", include("allauth.urls")),
]

handler400 = "annotation.views.errors.bad_request"
handler403 = "annotation.views.errors.permission_denied"
handler404 = "annotation.views.errors.not_found"
handler500 = "annotation.views.errors.server_error"
