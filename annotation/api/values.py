"""What is answered, over REST: a label, several, or marked spans. The same for answers, gold and decisions."""

from typing import Any

from rest_framework import serializers

from annotation.algorithms.text import all_keepable
from annotation.api.parsers import TOO_DEEP, is_too_deep

NOT_KEPT = "NUL, one half of a surrogate pair, and numbers beyond all bounds cannot be kept."


class FreeField(serializers.JSONField):
    """JSON in which a client may write what it likes, as far as it can be kept."""

    def to_internal_value(self, data: Any) -> Any:
        try:
            found = super().to_internal_value(data)
        except RecursionError:
            raise serializers.ValidationError(TOO_DEEP) from None
        if is_too_deep(found):
            raise serializers.ValidationError(TOO_DEEP)
        check_keepable(found)
        return found


def check_keepable(found: Any) -> None:
    """Raises ValidationError for a value of JSON with a text or a number in it that the database cannot hold."""
    if not all_keepable(found):
        raise serializers.ValidationError(NOT_KEPT)


class OffsetField(serializers.IntegerField):
    """A whole number; nothing that merely looks like one."""

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        return int(super().to_internal_value(data))


class SpanSerializer(serializers.Serializer[Any]):
    """A marked stretch of the text: offsets in Unicode code points, end exclusive."""

    start = OffsetField()
    end = OffsetField()
    label = serializers.CharField(max_length=100, trim_whitespace=False)  # type: ignore[assignment]


class SpansField(serializers.ListField):
    """Spans in a list, which may be null where that is said; none of them may."""

    child = SpanSerializer()


class ValueSerializer(serializers.Serializer[Any]):
    """What was answered: the one of the three that the project's task asks for."""

    label = serializers.CharField(  # type: ignore[assignment]
        max_length=100, trim_whitespace=False, required=False, allow_null=True
    )
    labels = serializers.ListField(
        child=serializers.CharField(max_length=100, trim_whitespace=False),
        max_length=1000,
        required=False,
        allow_null=True,
    )
    spans = SpansField(required=False, allow_null=True)
