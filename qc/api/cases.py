"""Cases, votes and decisions over REST."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.access import authorise, may, object_for, project_for
from annotation.api.errors import Conflict
from annotation.api.requests import Request
from annotation.models import MetaLabel, Role, User
from qc.models import Case, Outcome
from qc.queries import cases
from qc.services import cases as case_services


class OpenCasesSerializer(serializers.Serializer[Any]):
    """The items to open cases on."""

    items = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1), allow_empty=False
    )
    source = serializers.ChoiceField(Case.Source.choices, default=Case.Source.MANUAL)  # type: ignore[assignment]
    quorum = serializers.IntegerField(min_value=1, max_value=case_services.MOST_QUORUM, default=1)


class CaseItemSerializer(serializers.Serializer[Any]):
    """The text of a case."""

    id = serializers.IntegerField()
    external_id = serializers.CharField(allow_null=True)
    text = serializers.CharField()
    meta = serializers.JSONField()


class CaseAnswerSerializer(serializers.Serializer[Any]):
    """What an annotator said. The name is there for leads, once the case is decided."""

    label = serializers.CharField()  # type: ignore[assignment]
    comment = serializers.CharField()
    annotator = serializers.CharField(allow_null=True)


class CaseVoteSerializer(serializers.Serializer[Any]):
    """One vote."""

    username = serializers.CharField(source="user.username")
    outcome = serializers.CharField()
    label = serializers.CharField(source="label.name", default=None)  # type: ignore[assignment]
    meta_label = serializers.CharField()
    rationale = serializers.CharField()
    created = serializers.DateTimeField()


class CaseDecisionSerializer(serializers.Serializer[Any]):
    """How a case ended."""

    outcome = serializers.CharField()
    label = serializers.CharField(source="label.name", default=None)  # type: ignore[assignment]
    meta_label = serializers.CharField()
    rationale = serializers.CharField()
    decided_by = serializers.CharField(source="decided_by.username")
    by_votes = serializers.BooleanField()
    created = serializers.DateTimeField()


class CaseSerializer(serializers.Serializer[Any]):
    """A case as you may see it; `votes` is null until you have voted or it is decided."""

    id = serializers.IntegerField(source="case.id")
    item_id = serializers.IntegerField(source="case.item_id")
    item = CaseItemSerializer(source="case.item")
    source = serializers.CharField(source="case.source")  # type: ignore[assignment]
    quorum = serializers.IntegerField(source="case.quorum")
    state = serializers.CharField(source="case.state")
    created = serializers.DateTimeField(source="case.created")
    answers = CaseAnswerSerializer(many=True)
    votes_cast = serializers.IntegerField()
    votes = CaseVoteSerializer(many=True, allow_null=True)
    decision = CaseDecisionSerializer(allow_null=True)


class OpenedSerializer(serializers.Serializer[Any]):
    """The cases that were opened; items that had an open case are only counted."""

    opened = serializers.IntegerField()
    skipped = serializers.IntegerField()
    results = CaseSerializer(many=True)


class VoteRequestSerializer(serializers.Serializer[Any]):
    """A vote: `{"label": "x"}`, `{"exclude": true, "meta_label": …}` or `{"hard": true}`; or `outcome` by name."""

    outcome = serializers.ChoiceField(Outcome.choices, required=False)
    label = serializers.CharField(required=False, allow_null=True, max_length=100)  # type: ignore[assignment]
    exclude = serializers.BooleanField(required=False)
    hard = serializers.BooleanField(required=False)
    meta_label = serializers.ChoiceField(MetaLabel.choices, required=False, allow_blank=True, allow_null=True)
    rationale = serializers.CharField(required=False, allow_blank=True, allow_null=True, max_length=10_000)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        named = [name for name in ("exclude", "hard") if attrs.get(name)]
        if attrs.get("label"):
            named.insert(0, "label")
        outcomes = {*named, *([attrs["outcome"]] if attrs.get("outcome") else [])}
        if len(outcomes) != 1:
            raise serializers.ValidationError("Vote for exactly one of label, exclude and hard.")
        return _content(attrs, outcomes.pop())


class DecisionRequestSerializer(serializers.Serializer[Any]):
    """A decision."""

    outcome = serializers.ChoiceField(Outcome.choices)
    label = serializers.CharField(required=False, allow_null=True, max_length=100)  # type: ignore[assignment]
    meta_label = serializers.ChoiceField(MetaLabel.choices, required=False, allow_blank=True, allow_null=True)
    rationale = serializers.CharField(required=False, allow_blank=True, allow_null=True, max_length=10_000)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return _content(attrs, attrs["outcome"])


def _content(attrs: dict[str, Any], outcome: str) -> dict[str, Any]:
    return {
        "outcome": outcome,
        "label": attrs.get("label") or None,
        "meta_label": attrs.get("meta_label") or "",
        "rationale": attrs.get("rationale") or "",
    }


def _shown(found: list[Case], user: User, names: bool) -> list[cases.CaseView]:
    return [cases.view_case(case, user, names=names) for case in found]


class CaseList(generics.GenericAPIView[Case]):
    """The cases of a project, newest first; opening new ones."""

    serializer_class = CaseSerializer

    @extend_schema(
        parameters=[OpenApiParameter("state", OpenApiTypes.STR, enum=Case.State.values)],
        responses=CaseSerializer(many=True),
    )
    def get(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug, Role.ADJUDICATOR)
        state = request.query_params.get("state", "")
        if state and state not in Case.State.values:
            raise serializers.ValidationError({"state": f"One of {', '.join(Case.State.values)}."})
        page = self.paginate_queryset(cases.cases(project, state)) or []
        names = may(authorise(request.user, project, Role.ADJUDICATOR), Role.LEAD)
        return self.get_paginated_response(
            CaseSerializer(_shown(list(page), _person(request), names), many=True).data
        )

    @extend_schema(request=OpenCasesSerializer, responses={201: OpenedSerializer})
    def post(self, request: Request, slug: str) -> Response:
        project = project_for(request.user, slug, Role.ADJUDICATOR)
        serializer = OpenCasesSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        sent = serializer.validated_data
        opened = case_services.open_cases(
            project, _person(request), sent["items"], sent["source"], sent["quorum"]
        )
        found = {case.pk: case for case in cases.cases(project).filter(pk__in=[case.pk for case in opened])}
        shown = _shown([found[case.pk] for case in opened], _person(request), names=False)
        body = {
            "opened": len(opened),
            "skipped": len(set(sent["items"])) - len(opened),
            "results": CaseSerializer(shown, many=True).data,
        }
        return Response(body, status=status.HTTP_201_CREATED)


def _person(request: Request) -> User:
    assert isinstance(request.user, User)  # access.py has let nobody else in
    return request.user


def _case(request: Request, case_id: int) -> Case:
    return object_for(request.user, Case.objects.all(), case_id, Role.ADJUDICATOR)


def _answer(request: Request, case: Case, code: int = status.HTTP_200_OK) -> Response:
    names = may(authorise(request.user, case.project, Role.ADJUDICATOR), Role.LEAD)
    shown = cases.view_case(cases.cases(case.project).get(pk=case.pk), _person(request), names=names)
    return Response(CaseSerializer(shown).data, status=code)


class CaseDetail(APIView):
    """One case."""

    @extend_schema(responses=CaseSerializer)
    def get(self, request: Request, case_id: int) -> Response:
        return _answer(request, _case(request, case_id))


class VoteList(APIView):
    """Voting on a case, once. The vote that fills the quorum decides the case, if more than half agree."""

    @extend_schema(request=VoteRequestSerializer, responses={201: CaseSerializer})
    def post(self, request: Request, case_id: int) -> Response:
        case = _case(request, case_id)
        serializer = VoteRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        try:
            case_services.cast_vote(case, _person(request), **serializer.validated_data)
        except case_services.CaseConflict as crossed:
            raise Conflict(str(crossed)) from crossed
        return _answer(request, case, status.HTTP_201_CREATED)


class DecisionDetail(APIView):
    """Deciding a case. A decision equal to the one that votes made confirms it; any other on a decided case is 409."""

    @extend_schema(request=DecisionRequestSerializer, responses={201: CaseSerializer})
    def post(self, request: Request, case_id: int) -> Response:
        case = _case(request, case_id)
        serializer = DecisionRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        try:
            case_services.decide_case(case, _person(request), **serializer.validated_data)
        except case_services.CaseConflict as crossed:
            raise Conflict(str(crossed)) from crossed
        return _answer(request, case, status.HTTP_201_CREATED)
