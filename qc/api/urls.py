"""The REST addresses of quality control."""

from django.urls import path

from qc.api import agreement, cases, resolved

urlpatterns = [
    path("projects/<slug:slug>/agreement/", agreement.Agreement.as_view(), name="api-agreement"),
    path(
        "projects/<slug:slug>/labels/resolved.<str:form>",
        resolved.ResolvedLabels.as_view(),
        name="api-resolved-labels",
    ),
    path("projects/<slug:slug>/cases/", cases.CaseList.as_view(), name="api-cases"),
    path("cases/<int:case_id>/", cases.CaseDetail.as_view(), name="api-case"),
    path("cases/<int:case_id>/votes/", cases.VoteList.as_view(), name="api-votes"),
    path("cases/<int:case_id>/decision/", cases.DecisionDetail.as_view(), name="api-decision"),
]
