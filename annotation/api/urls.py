"""The REST addresses of the ground floor."""

from django.urls import path

from annotation.api import (
    deleting,
    exports,
    guidelines,
    imports,
    items,
    jobs,
    labelling,
    labels,
    members,
    metadata,
    projects,
    rounds,
    suggestions,
)

labelling_urls = [  # first, since they are asked for most
    path("projects/<slug:slug>/next/", labelling.NextItems.as_view(), name="api-next"),
    path("assignments/<int:pk>/answer/", labelling.AnswerItem.as_view(), name="api-answer"),
    path("assignments/<int:pk>/skip/", labelling.SkipItem.as_view(), name="api-skip"),
    path("assignments/<int:pk>/suggestion/", suggestions.AskForSuggestion.as_view(), name="api-suggestion"),
    path("annotations/<int:pk>/", labelling.ReviseAnswer.as_view(), name="api-annotation"),
    path("items/<int:pk>/flags/", labelling.FlagItem.as_view(), name="api-flags"),
]

project_urls = [
    path("projects/", projects.ProjectList.as_view(), name="api-projects"),
    path("projects/<slug:slug>/", projects.ProjectDetail.as_view(), name="api-project"),
    path("projects/<slug:slug>/restore/", projects.ProjectRestore.as_view(), name="api-restore-project"),
    path("projects/<slug:slug>/labels/", labels.LabelList.as_view(), name="api-labels"),
    path("projects/<slug:slug>/labels/<int:pk>/", labels.LabelDetail.as_view(), name="api-label"),
    path("projects/<slug:slug>/labels/<int:pk>/merge/", labels.LabelMerge.as_view(), name="api-merge-label"),
    path(
        "projects/<slug:slug>/labels/<int:pk>/retire/", labels.LabelRetire.as_view(), name="api-retire-label"
    ),
    path(
        "projects/<slug:slug>/labels/<int:pk>/restore/",
        labels.LabelRestore.as_view(),
        name="api-restore-label",
    ),
    path("items/<int:pk>/", deleting.ItemDelete.as_view(), name="api-item"),
    path("items/<int:pk>/restore/", deleting.ItemRestore.as_view(), name="api-restore-item"),
    path("projects/<slug:slug>/members/", members.MemberList.as_view(), name="api-members"),
    path("projects/<slug:slug>/members/<str:username>/", members.MemberDetail.as_view(), name="api-member"),
    path("projects/<slug:slug>/rounds/", rounds.RoundList.as_view(), name="api-rounds"),
    path("projects/<slug:slug>/rounds/<int:pk>/", rounds.RoundDetail.as_view(), name="api-round"),
    path("projects/<slug:slug>/rounds/<int:pk>/open/", rounds.RoundOpen.as_view(), name="api-open-round"),
    path("projects/<slug:slug>/rounds/<int:pk>/close/", rounds.RoundClose.as_view(), name="api-close-round"),
    path(
        "projects/<slug:slug>/rounds/<int:pk>/restore/",
        rounds.RoundRestore.as_view(),
        name="api-restore-round",
    ),
    path(
        "projects/<slug:slug>/rounds/<int:pk>/suggestions/",
        suggestions.RoundSuggestions.as_view(),
        name="api-suggestions-of-round",
    ),
    path("projects/<slug:slug>/suggestions/", suggestions.SuggestionList.as_view(), name="api-suggestions"),
    path(
        "projects/<slug:slug>/suggestions/<int:pk>/",
        suggestions.SuggestionDetail.as_view(),
        name="api-suggestion-source",
    ),
    path(
        "projects/<slug:slug>/suggestions/<int:pk>/restore/",
        suggestions.SuggestionRestore.as_view(),
        name="api-restore-suggestions",
    ),
    path("projects/<slug:slug>/guidelines/", guidelines.GuidelineList.as_view(), name="api-guidelines"),
    path(
        "projects/<slug:slug>/guidelines/<int:version>/read/",
        guidelines.GuidelineReading.as_view(),
        name="api-guideline-read",
    ),
    path("projects/<slug:slug>/imports/", imports.ImportList.as_view(), name="api-imports"),
    path("imports/<int:pk>/", imports.ImportDetail.as_view(), name="api-import"),
    path("imports/<int:pk>/rejected.csv", imports.RejectedRows.as_view(), name="api-rejected"),
    path("imports/<int:pk>/duplicates.csv", imports.DuplicateRows.as_view(), name="api-duplicates"),
    path("imports/<int:pk>/undo/", imports.ImportUndo.as_view(), name="api-undo-import"),
    path(
        "projects/<slug:slug>/metadata-fields/",
        metadata.MetadataFieldList.as_view(),
        name="api-metadata-fields",
    ),
    path(
        "projects/<slug:slug>/metadata-fields/<int:pk>/",
        metadata.MetadataFieldDetail.as_view(),
        name="api-metadata-field",
    ),
    path("projects/<slug:slug>/items/", items.ItemList.as_view(), name="api-items"),
    path("projects/<slug:slug>/items/change/", items.ItemChange.as_view(), name="api-change-items"),
    path(
        "projects/<slug:slug>/annotations.<str:extension>",
        exports.AnswerExport.as_view(),
        name="api-annotations",
    ),
    path("projects/<slug:slug>/items.<str:extension>", exports.ItemExport.as_view(), name="api-item-export"),
    path("projects/<slug:slug>/dataset.zip", exports.DatasetExport.as_view(), name="api-dataset"),
    path("jobs/<uuid:job_id>/", jobs.JobDetail.as_view(), name="api-job"),
    path("jobs/<uuid:job_id>/cancel/", jobs.JobCancel.as_view(), name="api-cancel-job"),
]

urlpatterns = labelling_urls + project_urls
