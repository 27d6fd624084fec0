"""The pages of quality control, grouped by the object they hang off."""

from django.urls import path

from qc.views import (
    agreement,
    annotators,
    cases,
    explore,
    files,
    gold,
    gold_texts,
    own,
    review,
    rounds,
    samples,
    truth,
)

agreement_urls = [
    path("projects/<slug:slug>/agreement/settings/", agreement.change_settings, name="quality-settings"),
    path("projects/<slug:slug>/annotators/<int:annotator_id>/", annotators.annotator, name="annotator"),
    path(
        "projects/<slug:slug>/annotators/<int:annotator_id>/decide/",
        annotators.decide,
        name="decide-on-annotator",
    ),
    path(
        "projects/<slug:slug>/annotators/<int:annotator_id>/report.csv",
        files.person_file,
        name="annotator-file",
    ),
    path("projects/<slug:slug>/agreement.csv", files.agreement_file, name="agreement-file"),
    path("projects/<slug:slug>/truth/", truth.truth, name="truth"),
    path("projects/<slug:slug>/truth/compute/", truth.compute, name="compute-truth"),
    path("projects/<slug:slug>/agreement/", agreement.agreement, name="agreement"),
    path("projects/<slug:slug>/agreement/compute/", agreement.compute, name="compute-agreement"),
]

case_urls = [
    path("projects/<slug:slug>/adjudicate/", cases.adjudicate, name="adjudicate"),
    path("projects/<slug:slug>/adjudicate/open/", cases.open_cases, name="open-cases"),
    path("projects/<slug:slug>/adjudicate/<int:case_id>/", cases.case, name="case"),
    path("projects/<slug:slug>/adjudicate/<int:case_id>/vote/", cases.vote, name="vote"),
    path("projects/<slug:slug>/adjudicate/<int:case_id>/decide/", cases.decide, name="decide"),
    path("projects/<slug:slug>/adjudicate/<int:case_id>/aside/", cases.stand_aside, name="stand-aside"),
    path("projects/<slug:slug>/adjudicate/<int:case_id>/reopen/", cases.reopen, name="reopen-case"),
    path(
        "projects/<slug:slug>/adjudicate/<int:case_id>/proposals/<int:proposal_id>/",
        cases.settle_proposal,
        name="settle-proposal",
    ),
]

gold_urls = [path("projects/<slug:slug>/items/gold/", gold_texts.make, name="make-gold")]

review_urls = [
    path("projects/<slug:slug>/adjudicate/rules/", review.settings_page, name="review-settings"),
    path(
        "projects/<slug:slug>/adjudicate/rules/agreement/",
        review.compute_meta_labels,
        name="compute-meta-labels",
    ),
    path("projects/<slug:slug>/decisions/", review.told_decisions, name="told-decisions"),
]

round_urls = [
    path("projects/<slug:slug>/rounds/", rounds.round_list, name="rounds"),
    path("projects/<slug:slug>/gold/", gold.gold_list, name="gold"),
    path("projects/<slug:slug>/gold/promote/", gold.promote, name="promote-gold"),
    path("projects/<slug:slug>/gold/<int:pk>/", gold.change, name="change-gold"),
    path("projects/<slug:slug>/mine/", own.own_work, name="own-work"),
]

explore_urls = [
    path("projects/<slug:slug>/explore/", explore.explore, name="explore"),
    path("projects/<slug:slug>/explore/look/", explore.look, name="look-at-texts"),
    path("projects/<slug:slug>/explore/suspects/", explore.suspects, name="suspects"),
    path("projects/<slug:slug>/explore/suspects/cases/", explore.suspect_cases, name="suspect-cases"),
    path("projects/<slug:slug>/explore/texts/<int:pk>/mark/", explore.mark, name="mark-text"),
    path("projects/<slug:slug>/explore/samples/", explore.draw, name="draw-sample"),
    path("projects/<slug:slug>/explore/samples/<int:sample_id>/", samples.sample, name="sample"),
    path(
        "projects/<slug:slug>/explore/samples/<int:sample_id>/<int:place>/answer/",
        samples.answer,
        name="answer-sample",
    ),
    path(
        "projects/<slug:slug>/explore/samples/<int:sample_id>/<int:place>/mark/",
        samples.mark,
        name="mark-sample",
    ),
    path("projects/<slug:slug>/explore/samples/<int:sample_id>/cases/", samples.cases, name="sample-cases"),
]

urlpatterns = agreement_urls + case_urls + gold_urls + review_urls + round_urls + explore_urls
