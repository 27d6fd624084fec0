"""The REST addresses of evaluation."""

from django.urls import path

from evaluation.api import archives, cleaning, leakage, runs, splits

run_urls = [
    path("projects/<slug:slug>/runs/", runs.RunList.as_view(), name="api-runs"),
    path("runs/<int:run_id>/", runs.RunDetail.as_view(), name="api-run"),
    path("runs/<int:run_id>/predictions/", runs.RunPredictions.as_view(), name="api-predictions"),
    path("runs/<int:run_id>/report/", runs.RunReportDetail.as_view(), name="api-run-report"),
    path("runs/<int:run_id>/suggestions/", runs.RunSuggestions.as_view(), name="api-offer-run"),
    path("runs/<int:run_id>/errors/", runs.RunErrors.as_view(), name="api-run-errors"),
]

cleaning_urls = [
    path("projects/<slug:slug>/cleaning/", cleaning.Cleaning.as_view(), name="api-cleaning"),
]

leakage_urls = [
    path("projects/<slug:slug>/leakage/", leakage.LeakageStart.as_view(), name="api-leakage"),
    path("leakage/<int:report_id>/", leakage.LeakageDetail.as_view(), name="api-leakage-report"),
    path(
        "leakage/<int:report_id>/pairs.<str:extension>",
        leakage.LeakagePairs.as_view(),
        name="api-leakage-pairs",
    ),
]

archive_urls = [
    path("projects/<slug:slug>/archive/", archives.ArchiveStart.as_view(), name="api-archive"),
    path(
        "projects/<slug:slug>/archive/<uuid:job_id>/file",
        archives.ArchiveFile.as_view(),
        name="api-archive-file",
    ),
    path("archives/", archives.Restoration.as_view(), name="api-restore-archive"),
]

split_urls = [
    path("projects/<slug:slug>/split-sets/", splits.SplitSetList.as_view(), name="api-split-sets"),
    path("split-sets/<int:split_set_id>/", splits.SplitSetDetail.as_view(), name="api-split-set"),
    path(
        "split-sets/<int:split_set_id>/freeze/", splits.SplitSetFreeze.as_view(), name="api-freeze-split-set"
    ),
    path(
        "split-sets/<int:split_set_id>/files/<str:split>.<str:extension>",
        splits.SplitFileDetail.as_view(),
        name="api-split-file",
    ),
]

urlpatterns = cleaning_urls + archive_urls + run_urls + leakage_urls + split_urls
