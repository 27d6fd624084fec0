"""The pages of evaluation, and the front door: projects and a project's home, which read all rooms."""

from django.urls import path

from evaluation.views import archives, cleaning, items, leakage, overview, restoring, runs, splits

overview_urls = [
    path("", overview.project_list, name="projects"),
    path("projects/<slug:slug>/", overview.project_home, name="project"),
]

archive_urls = [
    path("archives/", restoring.upload, name="restore-archive"),
    path("archives/<uuid:key>/", restoring.name_archive, name="name-archive"),
    path("projects/<slug:slug>/archive/", archives.archive, name="archive"),
]

item_urls = [
    path("projects/<slug:slug>/items/<int:pk>/", items.item_detail, name="item"),
]

run_urls = [
    path("projects/<slug:slug>/runs/", runs.run_list, name="runs"),
    path("projects/<slug:slug>/runs/<int:run_id>/", runs.run_page, name="run"),
    path("projects/<slug:slug>/runs/<int:run_id>/report/", runs.compute_report, name="compute-report"),
    path("projects/<slug:slug>/runs/<int:run_id>/offer/", runs.offer_run, name="offer-run"),
    path("projects/<slug:slug>/runs/<int:run_id>/errors/", runs.run_errors, name="run-errors"),
]

cleaning_urls = [
    path("projects/<slug:slug>/cleaning/", cleaning.cleaning, name="cleaning"),
    path("projects/<slug:slug>/cleaning/pairs/", cleaning.pairs, name="near-pairs"),
    path("projects/<slug:slug>/cleaning/drop/<int:pk>/", cleaning.drop_new_copies, name="drop-new-copies"),
    path("projects/<slug:slug>/imports/<int:pk>/", cleaning.import_result, name="import-result"),
]

leakage_urls = [
    path("projects/<slug:slug>/leakage/", leakage.leakage, name="leakage"),
    path("projects/<slug:slug>/leakage/pairs/<int:pair_id>/", leakage.decide, name="decide-pair"),
    path(
        "projects/<slug:slug>/leakage/<int:report_id>/together/", leakage.together, name="keep-pairs-together"
    ),
]

split_urls = [
    path("projects/<slug:slug>/splits/", splits.splits, name="splits"),
    path("projects/<slug:slug>/splits/<int:split_set_id>/", splits.split_set, name="split-set"),
    path("projects/<slug:slug>/splits/<int:split_set_id>/freeze/", splits.freeze, name="freeze-split-set"),
    path("projects/<slug:slug>/splits/<int:split_set_id>/delete/", splits.delete, name="delete-split-set"),
]

urlpatterns = cleaning_urls + archive_urls + overview_urls + item_urls + run_urls + leakage_urls + split_urls
