"""Rules of review, meta-labels, and decisions as annotators are told them, over REST."""

from typing import Any

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.access import authorise, may, object_for, project_for
from annotation.api.estimates import EstimateSerializer
from annotation.api.jobs import JobSerializer, accepted
from annotation.api.requests import Request
from annotation.models import Item, Role
from qc.jobs import start_meta_label_agreement
from qc.models import Decision, MetaLabelReport, MetaLabelVote, ReviewSettings
from qc.queries import feedback
from qc.queries.meta_labels import meta_labels_of, newest_vote
from qc.queries.review import review_settings
from qc.services.meta_labels import LONGEST_NOTE, give_meta_label
from qc.services.review import FIELDS, change_review_settings


class ReviewSettingsSerializer(serializers.ModelSerializer[ReviewSettings]):
    """A project's rules for review."""

    class Meta:
        model = ReviewSettings
        fields = FIELDS


class ReviewSettingsDetail(APIView):
    """The panel's rules, and what split sets do with texts that have a meta-label."""

    @extend_schema(responses=ReviewSettingsSerializer)
    def get(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug, Role.LEAD)
        return Response(ReviewSettingsSerializer(review_settings(project)).data)

    @extend_schema(request=ReviewSettingsSerializer(partial=True), responses=ReviewSettingsSerializer)
    def patch(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug, Role.LEAD)
        serializer = ReviewSettingsSerializer(review_settings(project), data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        changed = change_review_settings(project, request.user, serializer.validated_data)
        return Response(ReviewSettingsSerializer(changed).data)


class MetaLabelRequestSerializer(serializers.Serializer[Any]):
    """What is wrong with a text, or `fine`."""

    kind = serializers.ChoiceField(MetaLabelVote.Kind.choices)
    note = serializers.CharField(required=False, allow_blank=True, max_length=LONGEST_NOTE, default="")


class MetaLabelCountSerializer(serializers.Serializer[Any]):
    """How many of those who said something gave this kind."""

    kind = serializers.CharField()
    votes = serializers.IntegerField()
    of = serializers.IntegerField()


class GivenMetaLabelSerializer(serializers.Serializer[Any]):
    """What somebody said; the name is there for leads."""

    username = serializers.CharField(allow_null=True)
    kind = serializers.CharField()
    note = serializers.CharField()
    created = serializers.DateTimeField()
    flag = serializers.BooleanField()


class MetaLabelsSerializer(serializers.Serializer[Any]):
    """A text's meta-labels; what others said, and how many, is null until you have said something too."""

    item_id = serializers.IntegerField()
    meta_labels = serializers.ListField(child=serializers.CharField())
    by = serializers.CharField(allow_null=True)
    kinds = MetaLabelCountSerializer(many=True, allow_null=True)
    mine = serializers.ListField(child=serializers.CharField())
    votes = GivenMetaLabelSerializer(many=True, allow_null=True)


class ItemMetaLabels(APIView):
    """The meta-labels of a text: given by a decision, or by more than half of those who gave one."""

    @extend_schema(responses=MetaLabelsSerializer)
    def get(self, request: Request, pk: int) -> Response:
        return self._answer(request, self._item(request, pk))

    @extend_schema(request=MetaLabelRequestSerializer, responses={201: MetaLabelsSerializer})
    def post(self, request: Request, pk: int) -> Response:
        item = self._item(request, pk)
        serializer = MetaLabelRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        give_meta_label(item, request.user, **serializer.validated_data)
        return self._answer(request, item, status.HTTP_201_CREATED)

    def _item(self, request: Request, pk: int) -> Item:
        return object_for(request.user, Item.objects.filter(deleted__isnull=True), pk, Role.ADJUDICATOR)

    def _answer(self, request: Request, item: Item, code: int = status.HTTP_200_OK) -> Response:
        authors = may(authorise(request.user, item.project, Role.ADJUDICATOR), Role.LEAD)
        found = meta_labels_of(item, request.user, authors=authors)
        return Response(MetaLabelsSerializer(found).data, status=code)


class KindAgreementSerializer(serializers.Serializer[Any]):
    """Of one kind: how often it was given, and alpha of giving it or not."""

    kind = serializers.CharField()
    given = serializers.IntegerField()
    alpha = EstimateSerializer()


class MetaLabelAgreementSerializer(serializers.Serializer[Any]):
    """Over the texts of which somebody said something; `outdated` when something was said since."""

    computed = serializers.DateTimeField()
    outdated = serializers.BooleanField()
    texts = serializers.IntegerField()
    people = serializers.IntegerField()
    kinds = KindAgreementSerializer(many=True)


class MetaLabelAgreement(APIView):
    """How far people agree on meta-labels: alpha of each kind with its interval; and computing it anew."""

    @extend_schema(responses=MetaLabelAgreementSerializer)
    def get(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug, Role.LEAD)
        report = MetaLabelReport.objects.filter(project=project).first()
        if report is None:
            raise Http404("not computed yet")
        newer = newest_vote(project) > report.revision
        shown = {"computed": report.computed, "outdated": newer, **report.result}
        return Response(MetaLabelAgreementSerializer(shown).data)

    @extend_schema(request=None, responses={202: JobSerializer})
    def post(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug, Role.LEAD)
        return accepted(start_meta_label_agreement(project, request.user))


class ToldDecisionSerializer(serializers.Serializer[Any]):
    """A decision on a text that you have answered. It names nobody."""

    item_id = serializers.IntegerField(source="item.id")
    text = serializers.CharField(source="item.text")
    answered = serializers.CharField()
    decided = serializers.CharField()
    overruled = serializers.BooleanField()
    clause = serializers.CharField()
    reason = serializers.CharField()
    guideline_version = serializers.IntegerField(source="guideline", allow_null=True)
    created = serializers.DateTimeField()


class FeedbackList(generics.GenericAPIView[Decision]):
    """Decisions on your own answers, newest first; empty where the project does not tell. Never about gold."""

    serializer_class = ToldDecisionSerializer

    @extend_schema(responses=ToldDecisionSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug, Role.ANNOTATOR)
        page = self.paginate_queryset(feedback.decisions_on(project, request.user)) or []
        rows = feedback.told(project, request.user, list(page))
        return self.get_paginated_response(ToldDecisionSerializer(rows, many=True).data)
