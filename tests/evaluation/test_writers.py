"""Files that are pulled hold every text as it is."""

import csv
import io

from hypothesis import example, given
from hypothesis import strategies as st

from annotation.algorithms.formulas import undefuse
from evaluation.services.writers import open_table


@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1))
@example("=1+1")
@example("'=1+1")
@example("''@x")
@example("line\r\nbreak")
def test_a_text_in_csv_is_no_formula_and_is_read_back_as_it_was(text: str) -> None:
    sink = io.BytesIO()
    table = open_table("csv", sink, {"text": "string"})
    table.write([{"text": text}])
    table.close()
    _, (cell,) = csv.reader(io.StringIO(sink.getvalue().decode(), newline=""))
    assert cell[0] not in "=+-@\t\r"
    assert undefuse(cell) == text
