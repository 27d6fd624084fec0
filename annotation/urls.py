"""The pages of the ground floor, grouped by the object they hang off."""

from django.urls import path

from annotation.views import (
    account,
    annotate,
    annotate_end,
    guideline,
    health,
    imports,
    items,
    jobs,
    labels,
    members,
    metadata,
    projects,
    rounds,
    settings,
    suggestions,
)

app_urls = [
    path("healthz", health.healthz, name="healthz"),
    path("account/", account.account, name="account"),
    path("account/theme/", account.choose_theme, name="theme"),
    path("account/keys/", account.make_key, name="make-key"),
    path("account/keys/revoke/", account.revoke_key, name="revoke-key"),
    path("invitations/<str:token>/", members.accept_invitation, name="invitation"),
]

project_urls = [
    path("projects/new/", projects.new_project, name="new-project"),
    path("projects/<slug:slug>/settings/", settings.settings, name="settings"),
    path("projects/<slug:slug>/settings/audit/", settings.audit_log, name="audit"),
    path("projects/<slug:slug>/settings/audit.csv", settings.audit_file, name="audit-file"),
    path("projects/<slug:slug>/settings/labels/new/", labels.new_label, name="new-label"),
    path("projects/<slug:slug>/settings/labels/<int:pk>/", labels.label, name="label"),
    path("projects/<slug:slug>/settings/labels/<int:pk>/merge/", labels.merge_label, name="merge-label"),
    path("projects/<slug:slug>/settings/labels/<int:pk>/retire/", labels.retire_label, name="retire-label"),
    path(
        "projects/<slug:slug>/settings/labels/<int:pk>/restore/", labels.restore_label, name="restore-label"
    ),
    path("projects/<slug:slug>/delete/", settings.delete_project, name="delete-project"),
    path("projects/<slug:slug>/restore/", settings.restore_project, name="restore-project"),
    path("projects/<slug:slug>/items/<int:pk>/restore/", settings.restore_item, name="restore-item"),
    path("projects/<slug:slug>/team/", members.team, name="team"),
    path("projects/<slug:slug>/team.csv", members.team_file, name="team-file"),
    path("projects/<slug:slug>/team/invite/", members.invite, name="invite"),
    path("projects/<slug:slug>/team/invitations/<int:pk>/", members.withdraw, name="withdraw-invitation"),
    path("projects/<slug:slug>/team/quota/", members.set_quota, name="set-quota"),
    path("projects/<slug:slug>/team/members/<str:username>/", members.change_member, name="change-member"),
    path("projects/<slug:slug>/guideline/", guideline.guideline, name="guideline"),
    path("projects/<slug:slug>/guideline/preview/", guideline.preview, name="guideline-preview"),
    path("projects/<slug:slug>/guideline/restore/", guideline.restore, name="restore-guideline"),
    path("projects/<slug:slug>/guideline/discard/", guideline.discard, name="discard-guideline"),
    path("projects/<slug:slug>/guideline/v<int:version>.md", guideline.download, name="guideline-file"),
    path("projects/<slug:slug>/rounds/<int:pk>/", rounds.change, name="change-round"),
    path("projects/<slug:slug>/rounds/<int:pk>/open/", rounds.open_round, name="open-round"),
    path("projects/<slug:slug>/rounds/<int:pk>/close/", rounds.close_round, name="close-round"),
    path("projects/<slug:slug>/rounds/<int:pk>/delete/", rounds.delete_round, name="delete-round"),
    path("projects/<slug:slug>/rounds/<int:pk>/restore/", rounds.restore_round, name="restore-round"),
    path("projects/<slug:slug>/rounds/<int:pk>/compare/", rounds.compare_round, name="compare-round"),
    path("projects/<slug:slug>/suggestions/", suggestions.suggestion_list, name="suggestions"),
    path(
        "projects/<slug:slug>/suggestions/<int:pk>/delete/",
        suggestions.delete_source,
        name="delete-suggestions",
    ),
    path(
        "projects/<slug:slug>/suggestions/<int:pk>/restore/",
        suggestions.restore_source,
        name="restore-suggestions",
    ),
    path(
        "projects/<slug:slug>/rounds/<int:pk>/suggestions/measure/", suggestions.measure, name="measure-round"
    ),
    path("projects/<slug:slug>/annotate/", annotate.annotate, name="annotate"),
    path("projects/<slug:slug>/annotate/skip/", annotate.skip, name="annotate-skip"),
    path("projects/<slug:slug>/annotate/suggestion/", annotate.ask, name="annotate-suggestion"),
    path("projects/<slug:slug>/annotate/read/", annotate_end.confirm_guideline, name="annotate-read"),
    path("projects/<slug:slug>/annotate/flag/", annotate.flag, name="annotate-flag"),
    path("projects/<slug:slug>/items/", items.item_list, name="items"),
    path("projects/<slug:slug>/items/change/", items.change, name="change-items"),
    path("projects/<slug:slug>/imports/", imports.import_list, name="import"),
    path("projects/<slug:slug>/imports/<int:pk>/columns/", imports.map_columns, name="import-map"),
    path(
        "projects/<slug:slug>/imports/<int:pk>/rejected.csv",
        imports.left_out,
        {"outcome": "rejected"},
        name="import-rejected",
    ),
    path(
        "projects/<slug:slug>/imports/<int:pk>/duplicates.csv",
        imports.left_out,
        {"outcome": "duplicate"},
        name="import-duplicates",
    ),
    path("projects/<slug:slug>/imports/<int:pk>/undo/", imports.undo, name="import-undo"),
    path("projects/<slug:slug>/metadata/", metadata.field_list, name="metadata"),
    path("projects/<slug:slug>/metadata/look/", metadata.look_again, name="look-at-metadata"),
    path("projects/<slug:slug>/metadata/<int:pk>/", metadata.correct, name="correct-metadata"),
    path("projects/<slug:slug>/jobs/", jobs.job_list, name="jobs"),
    path("jobs/<uuid:job_id>/", jobs.job_status, name="job"),
    path("jobs/<uuid:job_id>/cancel/", jobs.cancel, name="cancel-job"),
]

urlpatterns = app_urls + project_urls
