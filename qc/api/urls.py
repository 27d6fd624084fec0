"""The REST addresses of quality control."""

from django.urls import path

from qc.api import agreement, cases, explore, gold, quality, resolved, review

urlpatterns = [
    path(
        "projects/<slug:slug>/agreement/settings/",
        quality.QualitySettingsDetail.as_view(),
        name="api-quality-settings",
    ),
    path(
        "projects/<slug:slug>/annotators/<int:annotator_id>/",
        quality.AnnotatorReportDetail.as_view(),
        name="api-annotator",
    ),
    path("projects/<slug:slug>/truth/", quality.Truth.as_view(), name="api-truth"),
    path("items/<int:pk>/truth/", quality.TruthOfText.as_view(), name="api-truth-of-text"),
    path("projects/<slug:slug>/human-ceiling/", quality.Ceiling.as_view(), name="api-human-ceiling"),
    path("projects/<slug:slug>/agreement/", agreement.Agreement.as_view(), name="api-agreement"),
    path(
        "projects/<slug:slug>/labels/resolved.<str:form>",
        resolved.ResolvedLabels.as_view(),
        name="api-resolved-labels",
    ),
    path("projects/<slug:slug>/gold/", gold.GoldList.as_view(), name="api-gold"),
    path("projects/<slug:slug>/gold/promote/", gold.GoldPromotion.as_view(), name="api-promote-gold"),
    path("gold/<int:pk>/", gold.GoldDetail.as_view(), name="api-change-gold"),
    path("projects/<slug:slug>/cases/", cases.CaseList.as_view(), name="api-cases"),
    path("cases/<int:case_id>/", cases.CaseDetail.as_view(), name="api-case"),
    path("cases/<int:case_id>/votes/", cases.VoteList.as_view(), name="api-votes"),
    path("cases/<int:case_id>/decision/", cases.DecisionDetail.as_view(), name="api-decision"),
    path("cases/<int:case_id>/aside/", cases.StandAsideDetail.as_view(), name="api-stand-aside"),
    path("cases/<int:case_id>/reopen/", cases.ReopenDetail.as_view(), name="api-reopen-case"),
    path(
        "guideline-proposals/<int:proposal_id>/",
        cases.ProposalDetail.as_view(),
        name="api-guideline-proposal",
    ),
    path("items/<int:pk>/meta-labels/", review.ItemMetaLabels.as_view(), name="api-meta-labels"),
    path(
        "projects/<slug:slug>/meta-labels/agreement/",
        review.MetaLabelAgreement.as_view(),
        name="api-meta-label-agreement",
    ),
    path(
        "projects/<slug:slug>/review-settings/",
        review.ReviewSettingsDetail.as_view(),
        name="api-review-settings",
    ),
    path("projects/<slug:slug>/feedback/", review.FeedbackList.as_view(), name="api-feedback"),
    path("projects/<slug:slug>/suspects/", explore.SuspectList.as_view(), name="api-suspects"),
    path("projects/<slug:slug>/samples/", explore.SampleList.as_view(), name="api-samples"),
    path("samples/<int:sample_id>/", explore.SampleDetail.as_view(), name="api-sample"),
    path("samples/<int:sample_id>/next/", explore.NextReview.as_view(), name="api-next-review"),
    path("sample-items/<int:sample_item_id>/answer/", explore.BlindAnswer.as_view(), name="api-blind-answer"),
    path("sample-items/<int:sample_item_id>/marks/", explore.ReviewMarks.as_view(), name="api-review-marks"),
]
