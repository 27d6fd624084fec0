"""The address space: each room's pages, accounts, REST, health."""

from django.urls import include, path

urlpatterns = [
    path("api/v1/", include("config.api")),  # first, since most requests are its
    path("", include("annotation.urls")),
    path("", include("qc.urls")),
    path("", include("evaluation.urls")),
    path("account/", include("allauth.urls")),
]

handler400 = "config.errors.bad_request"
handler403 = "config.errors.permission_denied"
handler404 = "config.errors.not_found"
handler500 = "config.errors.server_error"
