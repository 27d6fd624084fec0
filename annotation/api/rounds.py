"""Rounds over REST."""

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation import jobs
from annotation.access import may, project_for, role_in
from annotation.api.requests import Request
from annotation.models import Project, Role, Round, SuggestionSource
from annotation.queries import progress, projects
from annotation.services import rounds


class RoundSerializer(serializers.ModelSerializer[Round]):
    """A round, with its plan and how far it is; for annotators its counters move in steps."""

    suggestion_source = serializers.SlugRelatedField[SuggestionSource](
        slug_field="name", read_only=True, allow_null=True
    )

    class Meta:
        model = Round
        fields = [
            "id",
            *rounds.FIELDS,
            "state",
            "opened",
            "closed",
            "items_total",
            "items_done",
            "answers_total",
        ]
        read_only_fields = ["opened", "closed", "items_total", "items_done", "answers_total"]


class PlanSerializer(serializers.ModelSerializer[Round]):
    """What can be said of a round. `people` are user names, for the audience `chosen`; `suggestion_source` is the name
    of one, for suggestions that are not `off`."""

    suggestion_source = serializers.CharField(
        max_length=120, required=False, allow_null=True, allow_blank=True
    )
    people = serializers.ListField(
        child=serializers.CharField(max_length=150), required=False, max_length=1000
    )

    class Meta:
        model = Round
        fields = [*rounds.FIELDS, "people", "state"]


class NewRoundSerializer(PlanSerializer):
    """A new round, open unless `state` is `draft`.

    Its texts: `items` (ids), or `texts`, filters that all hold: those of the list of texts (`round`, `label`, `q`,
    `flagged`, `state`, `meta.<field>`; `"round": "none"` for texts in no round), `disagreement` (true),
    `answered_with` (labels), `before_version` (of the guideline), and of what is left `sample` at random, by `seed`.
    """

    items = serializers.ListField(child=serializers.IntegerField(min_value=1), required=False)
    texts = serializers.DictField(required=False)

    class Meta(PlanSerializer.Meta):
        fields = [*PlanSerializer.Meta.fields, "items", "texts"]


class MadeRoundSerializer(RoundSerializer):
    """The round; `job` is the address of the job that puts its texts in, where there are many."""

    job = serializers.CharField(allow_null=True)

    class Meta(RoundSerializer.Meta):
        fields = [*RoundSerializer.Meta.fields, "job"]


class RoundList(generics.GenericAPIView[Round]):
    """The rounds of a project."""

    serializer_class = RoundSerializer

    @extend_schema(responses=RoundSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug)
        page = _as_seen(request, project, self.paginate_queryset(_rounds(project)) or [])
        return self.get_paginated_response(RoundSerializer(page, many=True).data)

    @extend_schema(request=NewRoundSerializer, responses={201: MadeRoundSerializer})
    def post(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug, Role.LEAD)
        serializer = NewRoundSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        sent = dict(serializer.validated_data)
        texts = dict(sent.pop("texts", {}))
        if "items" in sent:
            texts["items"] = sent.pop("items")
        made, job = jobs.make_round(project, request.user, texts=texts or None, **sent)
        told = {**RoundSerializer(made).data, "job": f"/api/v1/jobs/{job.pk}/" if job else None}
        return Response(told, status=status.HTTP_201_CREATED)


def _rounds(project: Project) -> QuerySet[Round]:
    return projects.rounds(project).select_related("suggestion_source")


def _as_seen(request: Request, project: Project, found: list[Round]) -> list[Round]:
    if may(role_in(request.user, project), Role.LEAD):
        return found
    return [progress.as_told(made) for made in found]


def _round(request: Request, slug: str, pk: int, need: Role = Role.LEAD) -> Round:
    """The project's round, deleted or not, for somebody who has the right."""
    project = project_for(request.user, slug, need)
    return get_object_or_404(Round.objects.filter(project=project).select_related("project"), pk=pk)


class RoundDetail(APIView):
    """One round."""

    @extend_schema(responses=RoundSerializer)
    def get(self, request: Request, slug: str, pk: int) -> Response:
        project = project_for(request.user, slug)
        found = _as_seen(request, project, [get_object_or_404(_rounds(project), pk=pk)])
        return Response(RoundSerializer(found[0]).data)

    @extend_schema(request=PlanSerializer, responses=RoundSerializer)
    def patch(self, request: Request, slug: str, pk: int) -> Response:
        made = _round(request, slug, pk)
        serializer = PlanSerializer(made, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        sent = dict(serializer.validated_data)
        jobs.change_round(made, request.user, sent)
        return Response(RoundSerializer(made).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, slug: str, pk: int) -> Response:
        rounds.delete_round(_round(request, slug, pk), request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)


class RoundOpen(APIView):
    """Lets people label in the round, for the first time or again."""

    @extend_schema(request=None, responses=RoundSerializer)
    def post(self, request: Request, slug: str, pk: int) -> Response:
        made = rounds.open_round(_round(request, slug, pk), request.user)
        return Response(RoundSerializer(made).data)


class RoundClose(APIView):
    """Takes no more answers; what people held goes back."""

    @extend_schema(request=None, responses=RoundSerializer)
    def post(self, request: Request, slug: str, pk: int) -> Response:
        made = rounds.close_round(_round(request, slug, pk), request.user)
        return Response(RoundSerializer(made).data)


class RoundRestore(APIView):
    """Brings a deleted round back."""

    @extend_schema(request=None, responses=RoundSerializer)
    def post(self, request: Request, slug: str, pk: int) -> Response:
        made = rounds.restore_round(_round(request, slug, pk), request.user)
        return Response(RoundSerializer(made).data)
