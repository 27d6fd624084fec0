"""The published schema of REST is valid, and leaves no name to a generator's guess."""

from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema


def test_the_schema_is_valid_and_leaves_nothing_to_guess() -> None:
    GENERATOR_STATS.reset()
    with GENERATOR_STATS.silence():
        validate_schema(SchemaGenerator().get_schema(request=None, public=True))
    assert sorted({**GENERATOR_STATS._warn_cache, **GENERATOR_STATS._error_cache}) == []
