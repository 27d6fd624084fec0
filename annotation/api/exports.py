"""What leaves a project over REST: answers and texts, streamed."""

from collections.abc import Iterator

from django.http import Http404, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.views import APIView

from annotation.access import project_for
from annotation.api.negotiation import AsAddressed, files
from annotation.api.requests import Request
from annotation.models import AnswerKind, Project, Role
from annotation.queries.exports import Chosen, answer_rows, item_rows
from annotation.services import interchange, streaming
from annotation.services.dataset_folder import dataset_blocks

EXTENSIONS = [*streaming.BLOCKS, *interchange.FORMATS]
CHOICES = [
    OpenApiParameter("round", OpenApiTypes.STR, description="answers of this round alone"),
    OpenApiParameter("annotator", OpenApiTypes.STR, description="answers of this annotator alone"),
    OpenApiParameter("kind", OpenApiTypes.STR, enum=AnswerKind.values),
    OpenApiParameter(
        "set_aside", OpenApiTypes.STR, enum=["include"], description="answers that a lead set aside, too"
    ),
]


class AnswerExport(APIView):
    """Every answer of the project, as rows (`annotations.jsonl`, `.csv`, `.parquet`) or for other tools
    (`.label-studio.json`, `.doccano.jsonl`, `.conll`)."""

    content_negotiation_class = AsAddressed

    @extend_schema(
        parameters=[
            OpenApiParameter("extension", OpenApiTypes.STR, OpenApiParameter.PATH, enum=EXTENSIONS),
            *CHOICES,
        ],
        responses=files([*streaming.CONTENT_TYPES.values(), *interchange.CONTENT_TYPES.values()]),
    )
    def get(self, request: Request, slug: str, extension: str) -> StreamingHttpResponse:
        project = project_for(request.user, slug, Role.LEAD)
        chosen = chosen_answers(request)
        name = f"{project.slug}-annotations.{extension}"
        if extension in streaming.BLOCKS:
            blocks = streaming.BLOCKS[extension](answer_rows(project, chosen))
            return as_file(blocks, streaming.CONTENT_TYPES[extension], name)
        if extension in interchange.FORMATS:
            chosen.condition(project)  # what is wrong with it is said before the first byte
            if extension == "conll" and project.task != Project.Task.SPANS:
                raise ValidationError("CoNLL holds spans. This project asks for labels: take another format.")
            blocks = interchange.FORMATS[extension](project, chosen)
            return as_file(blocks, interchange.CONTENT_TYPES[extension], name)
        raise Http404(f"Answers are written as {', '.join(EXTENSIONS)}.")


class ItemExport(APIView):
    """Every text of the project under the filters of the list: `items.jsonl`, `items.csv`, `items.parquet`."""

    content_negotiation_class = AsAddressed

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "extension", OpenApiTypes.STR, OpenApiParameter.PATH, enum=list(streaming.BLOCKS)
            )
        ],
        responses=files(streaming.CONTENT_TYPES.values()),
    )
    def get(self, request: Request, slug: str, extension: str) -> StreamingHttpResponse:
        project = project_for(request.user, slug, Role.LEAD)
        if extension not in streaming.BLOCKS:
            raise Http404(f"Texts are written as {', '.join(streaming.BLOCKS)}.")
        filters = {name: value for name, value in request.query_params.dict().items() if value}
        rows = item_rows(project, filters)
        name = f"{project.slug}-items.{extension}"
        return as_file(streaming.BLOCKS[extension](rows), streaming.CONTENT_TYPES[extension], name)


class DatasetExport(APIView):
    """A ZIP of texts and answers as a folder that `datasets.load_dataset` reads."""

    content_negotiation_class = AsAddressed

    @extend_schema(parameters=CHOICES, responses=files(["application/zip"]))
    def get(self, request: Request, slug: str) -> StreamingHttpResponse:
        project = project_for(request.user, slug, Role.LEAD)
        chosen = chosen_answers(request)
        chosen.condition(project)
        return as_file(dataset_blocks(project, chosen), "application/zip", f"{project.slug}-dataset.zip")


def chosen_answers(request: Request) -> Chosen:
    """Which answers the address asks for."""
    sent = request.query_params.dict()
    known = {parameter.name for parameter in CHOICES}
    wrong = {
        name: f"There is no such choice. There are: {', '.join(sorted(known))}."
        for name in sent.keys() - known
    }
    if sent.get("kind", "normal") not in AnswerKind.values:
        wrong["kind"] = f"There are: {', '.join(AnswerKind.values)}."
    if sent.get("set_aside", "include") != "include":
        wrong["set_aside"] = "The only choice is “include”."
    if any("\x00" in value for value in sent.values()):
        wrong["annotator"] = "A NUL character is in no name."
    if wrong:
        raise ValidationError(wrong)
    return Chosen(
        round=sent.get("round", ""),
        annotator=sent.get("annotator", ""),
        kind=sent.get("kind", ""),
        set_aside="set_aside" in sent,
    )


def as_file(blocks: Iterator[bytes], content_type: str, name: str) -> StreamingHttpResponse:
    """A download that is sent while it is made."""
    response = StreamingHttpResponse(blocks, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["X-Accel-Buffering"] = "no"
    return response
