"""Taking single texts away over REST, and bringing them back."""

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.access import object_for
from annotation.api.requests import Request
from annotation.models import Item, Role
from annotation.services.items import delete_items, restore_items


class ItemDelete(APIView):
    """Hides a text until it is restored: it is handed out no more, and counts for nothing."""

    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        item = object_for(request.user, Item.objects.all(), pk, Role.LEAD)
        delete_items(item.project, request.user, Item.objects.filter(pk=item.pk))
        return Response(status=status.HTTP_204_NO_CONTENT)


class ItemRestore(APIView):
    """Brings a deleted text back with its answers."""

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request, pk: int) -> Response:
        item = object_for(request.user, Item.objects.all(), pk, Role.LEAD)
        restore_items(item.project, request.user, Item.objects.filter(pk=item.pk))
        return Response(status=status.HTTP_204_NO_CONTENT)
