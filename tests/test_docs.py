"""What the documentation shows is what the code does."""

import doctest
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "docs"


def test_the_examples_of_the_page_on_agreement_run() -> None:
    results = doctest.testfile(str(DOCS / "agreement.md"), module_relative=False)
    assert results.attempted >= 7
    assert results.failed == 0
