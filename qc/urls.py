"""The pages of quality control, grouped by the object they hang off."""

from django.urls import path

from qc.views import agreement, cases

agreement_urls = [
    path("projects/<slug:slug>/agreement/", agreement.agreement, name="agreement"),
    path("projects/<slug:slug>/agreement/compute/", agreement.compute, name="compute-agreement"),
]

case_urls = [
    path("projects/<slug:slug>/adjudicate/", cases.adjudicate, name="adjudicate"),
    path("projects/<slug:slug>/adjudicate/open/", cases.open_cases, name="open-cases"),
    path("projects/<slug:slug>/adjudicate/<int:case_id>/", cases.case, name="case"),
    path("projects/<slug:slug>/adjudicate/<int:case_id>/vote/", cases.vote, name="vote"),
    path("projects/<slug:slug>/adjudicate/<int:case_id>/decide/", cases.decide, name="decide"),
    path("projects/<slug:slug>/adjudicate/<int:case_id>/reopen/", cases.reopen, name="reopen-case"),
]

urlpatterns = agreement_urls + case_urls
