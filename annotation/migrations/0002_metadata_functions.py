"""Functions of the database that read a value of metadata as a number or a time."""

from django.db import migrations

# The numbers and dates of `annotation.algorithms.metadata`, as far as a text of JSON says them
FUNCTIONS = r"""
CREATE OR REPLACE FUNCTION loupe_number(value jsonb) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE jsonb_typeof(value)
        WHEN 'number' THEN value::numeric
        WHEN 'string' THEN CASE
            WHEN length(value #>> '{}') <= 300
                AND btrim(value #>> '{}', E' \t\n\r\f\v')
                    ~ '^[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,2})?$'
            THEN btrim(value #>> '{}', E' \t\n\r\f\v')::numeric
        END
    END
$$;
CREATE OR REPLACE FUNCTION loupe_time(value jsonb) RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN jsonb_typeof(value) = 'string'
            AND btrim(value #>> '{}', E' \t\n\r\f\v') ~ (
                '^[12][0-9]{3}-(0[1-9]|1[0-2])'
                '(-(0[1-9]|[12][0-9]|3[01])([T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?'
                '(Z|[-+](0[0-9]|1[0-4])(:?[0-5][0-9])?)?)?)?$')
        THEN CASE
            WHEN length(btrim(value #>> '{}', E' \t\n\r\f\v')) = 7
            THEN (btrim(value #>> '{}', E' \t\n\r\f\v') || '-01')::timestamptz
            WHEN substr(btrim(value #>> '{}', E' \t\n\r\f\v'), 9, 2) <= '28'
                OR pg_input_is_valid(btrim(value #>> '{}', E' \t\n\r\f\v'), 'timestamptz')
            THEN btrim(value #>> '{}', E' \t\n\r\f\v')::timestamptz
        END
    END
$$;
"""
DROP = "DROP FUNCTION loupe_number(jsonb); DROP FUNCTION loupe_time(jsonb);"


class Migration(migrations.Migration):
    dependencies = [
        ("annotation", "0001_initial"),
    ]

    operations = [migrations.RunSQL(FUNCTIONS, DROP)]
