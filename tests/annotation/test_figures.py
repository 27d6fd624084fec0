"""Figures and number formats: geometry, escaping, and what stands where there is no value."""

import re
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from django.template import engines
from django.test import override_settings
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from annotation.templatetags import charts, figures, loupe

ALPHA = {"value": 0.742, "low": 0.711, "high": 0.771, "n": 1236, "reason": None}


def parsed(markup: str) -> ET.Element:
    """The markup as a tree; fails where it is not well-formed."""
    return ET.fromstring(markup)


def of_class(markup: str, name: str) -> list[ET.Element]:
    return [element for element in parsed(markup).iter() if element.get("class") == name]


def rendered(source: str, **context: Any) -> str:
    return engines["django"].from_string(source).render(context)


def test_a_graticule_has_the_geometry_of_the_prototype() -> None:
    markup = figures.graticule(ALPHA, height=38, thresholds=".667 .8", ticks="0 .25 .5 1")
    svg = parsed(markup)
    assert (svg.get("class"), svg.get("width"), svg.get("height"), svg.get("role")) == (
        "ci",
        "100%",
        "38",
        "img",
    )
    assert svg.get("aria-label") == "0.74, 95% interval 0.71 to 0.77"
    assert [line.get("x1") for line in of_class(markup, "g")] == ["0%", "25%", "50%", "100%"]
    assert [line.get("x1") for line in of_class(markup, "t")] == ["66.7%", "80%"]
    assert [(b.get("x1"), b.get("x2"), b.get("y1")) for b in of_class(markup, "b")] == [
        ("71.1%", "77.1%", "19")
    ]
    assert [(w.get("x1"), w.get("y1"), w.get("y2")) for w in of_class(markup, "w")] == [
        ("71.1%", "15", "23"),
        ("77.1%", "15", "23"),
    ]
    assert [(p.get("cx"), p.get("cy"), p.get("r")) for p in of_class(markup, "p")] == [("74.2%", "19", "4.5")]


def test_an_axis_may_start_elsewhere_and_below_zero() -> None:
    markup = figures.graticule(
        {"value": -0.12, "low": -0.19, "high": -0.05}, -0.25, 0.15, reference=0, signed=True, tone="bad"
    )
    assert parsed(markup).get("class") == "ci bad"
    assert parsed(markup).get("aria-label") == "−0.12, 95% interval −0.19 to −0.05"
    assert of_class(markup, "ref")[0].get("x1") == "62.5%"
    assert of_class(markup, "p")[0].get("cx") == "32.5%"


@pytest.mark.parametrize(
    ("value", "points", "arrows"), [(-0.3, 0, ["‹"]), (0.0, 1, []), (1 + 2e-16, 1, []), (1.2, 0, ["›"])]
)
def test_a_value_beyond_the_axis_is_not_drawn_at_its_edge(
    value: float, points: int, arrows: list[str]
) -> None:
    drawn = figures.graticule({"value": value, "low": value - 0.1, "high": value + 0.1})
    assert drawn.count("<circle") == points
    assert re.findall(r"<text[^>]*>(.)</text>", drawn) == arrows


def test_an_interval_beyond_the_axis_ends_at_the_edge_without_a_cap() -> None:
    markup = figures.graticule({"value": 0.5, "low": 0.2, "high": 0.9}, low=0.4, high=1)
    assert of_class(markup, "b")[0].get("x1") == "0%"
    assert len(of_class(markup, "w")) == 1


@pytest.mark.parametrize(
    ("estimate", "words"),
    [
        ({"value": None, "reason": "only one label was used"}, "only one label was used"),
        (
            SimpleNamespace(value=None, low=None, high=None, n=3, reason="too few <answers>"),
            "too few &lt;answers&gt;",
        ),
        ({"value": float("nan")}, "not known yet"),
        (None, "not known yet"),
    ],
)
def test_no_value_is_a_reason_in_words_and_no_figure(estimate: Any, words: str) -> None:
    assert figures.graticule(estimate) == f'<span class="faint">{words}</span>'


def test_a_value_without_an_interval_is_a_point_alone() -> None:
    markup = figures.graticule(SimpleNamespace(value=0.5, low=None, high=None))
    assert parsed(markup).get("aria-label") == "0.50"
    assert not of_class(markup, "b")
    assert not of_class(markup, "w")


@pytest.mark.parametrize(
    "wrong", [{"low": 1, "high": 0}, {"low": 0, "high": 0}, {"high": "x"}, {"tone": "purple"}]
)
def test_an_impossible_axis_or_tone_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"axis|tone"):
        figures.graticule(ALPHA, **wrong)


@given(st.floats(allow_nan=True, allow_infinity=True), st.floats(), st.floats())
def test_whatever_the_numbers_geometry_stays_within_the_figure(value: float, low: float, high: float) -> None:
    markup = figures.graticule({"value": value, "low": low, "high": high})
    for at in re.findall(r'(?:x1|x2|cx)="([^"]*)%"', markup):
        assert 0 <= float(at) <= 100


def test_geometry_and_figures_do_not_follow_the_language() -> None:
    with override_settings(USE_I18N=True, LANGUAGE_CODE="de", USE_THOUSAND_SEPARATOR=True):
        markup = rendered(
            "{% graticule e height=1000 %}{% bar 1234.5 5000 %}{{ n|number }} {{ e.value|decimal:2 }}",
            e=ALPHA,
            n=12480,
        )
    assert 'cx="74.2%"' in markup
    assert 'height="1000"' in markup
    assert 'width="24.7%"' in markup
    assert markup.endswith("12,480 0.74")


def test_an_axis_is_anchored_at_its_ends_and_may_have_names() -> None:
    plain = [(t.text, t.get("x"), t.get("class")) for t in parsed(figures.graticule_axis()).iter("text")]
    assert plain == [
        ("0", "0%", None),
        (".25", "25%", "m"),
        (".5", "50%", "m"),
        (".75", "75%", "m"),
        ("1", "100%", "e"),
    ]
    named = figures.graticule_axis(-0.25, 0.15, ticks="-.2, -.1, 0:same, .1")
    assert [(t.text, t.get("x")) for t in parsed(named).iter("text")] == [
        ("−.2", "12.5%"),
        ("−.1", "37.5%"),
        ("same", "62.5%"),
        (".1", "87.5%"),
    ]


def test_names_in_figures_are_escaped() -> None:
    rows = [{"label": "<script>alert(1)</script>", "value": 3, "url": '/"><b>', "group": "<i>"}]
    for markup in (
        figures.hbars(rows),
        charts.bars(rows, threshold=2, threshold_label="<b>"),
        charts.curve([(0, 0), (1, 1)], name="<b>", x_name="<b>", label='"<b>'),
        figures.spark([1, 2], label='"><b>'),
        figures.graticule(ALPHA, label='"><b>'),
        figures.graticule_axis(ticks="0:<b>, 1"),
    ):
        assert "<b>" not in markup
        assert "<script" not in markup
        parsed(markup)


def test_bars_start_at_zero_and_share_the_width() -> None:
    rows = [{"label": "Mon", "value": 0}, {"label": "Tue", "value": 10}, {"label": "Wed", "value": None}]
    markup = charts.bars(rows, height=208)
    drawn = of_class(markup, "bar")
    assert [(b.get("y"), b.get("height")) for b in drawn] == [("186", "0"), ("26", "160")]
    assert parsed(markup).get("aria-label") == "3 bars, from 0 to 10"


def test_a_threshold_above_the_bars_sets_their_scale_and_is_named() -> None:
    markup = charts.bars(
        [{"label": "a", "value": 5}, {"label": "b", "value": 10}], 208, 20, "20 a day needed"
    )
    assert [line.get("y1") for line in of_class(markup, "t")] == ["26"]
    assert [b.get("height") for b in of_class(markup, "bar")] == ["40", "80"]
    assert [t.text for t in of_class(markup, "on e")] == ["20 a day needed"]


def test_day_bars_are_named_by_their_days() -> None:
    days = [{"day": date(2026, 11, 10) + timedelta(days=i), "answers": i} for i in range(14)]
    markup = charts.day_bars(days)
    assert [t.text for t in parsed(markup).iter("text")][:2] == ["Tue 10 Nov", "Mon 23 Nov"]
    assert parsed(markup).get("aria-label") == "Answers per day: 14 days, from 0 to 13"


def test_horizontal_bars_are_measured_against_the_longest() -> None:
    markup = figures.hbars([{"label": "a", "value": 2110}, {"label": "b", "value": 1525, "text": "72%"}])
    assert re.findall(r'width="([\d.]+%)" height="10"', markup) == ["100%", "72.3%"]
    assert re.findall(r'<span class="n">([^<]*)</span>', markup) == ["2,110", "72%"]


def test_a_gap_breaks_a_spark_line() -> None:
    markup = figures.spark([1, 2, None, 2, 1, None, 1], threshold=1.5)
    assert [p.get("points") for p in of_class(markup, "l")] == ["2,22 18,2", "50,2 66,22"]
    assert [(c.get("cx"), c.get("cy")) for c in of_class(markup, "p")] == [("98", "22")]
    assert of_class(markup, "t")[0].get("y1") == "12"


def test_a_curve_stretches_inside_and_its_words_do_not() -> None:
    markup = charts.curve(
        [(0, 1), (0.5, 0.5), (1, 0)], second=[{"x": 0, "y": 0}], x_name="threshold", threshold=0.25
    )
    inner = parsed(markup).find("svg")
    assert inner is not None
    assert (inner.get("viewBox"), inner.get("preserveAspectRatio")) == ("0 0 100 100", "none")
    assert inner.find("text") is None
    assert of_class(markup, "l")[0].get("points") == "0,0 50,50 100,100"
    assert of_class(markup, "t")[0].get("x1") == "25%"


def test_a_reliability_diagram_leaves_empty_bins_out_and_says_its_finding() -> None:
    bins = [
        {"confidence": 0.15, "accuracy": 0.11, "n": 9},
        {"confidence": None, "accuracy": None, "n": 0},
        {"confidence": 0.95, "accuracy": 0.97, "n": 90},
    ]
    markup = charts.reliability(bins)
    assert parsed(markup).get("aria-label") == "Calibration: fewer were right than stated in 1 of 2 bins"
    assert of_class(markup, "l")[0].get("points") == "15,89 95,3"
    assert [(c.get("cx"), c.get("cy")) for c in of_class(markup, "p")] == [("15%", "169"), ("95%", "6")]


@pytest.mark.parametrize(
    "draw", [charts.bars, charts.curve, charts.reliability, figures.hbars, figures.spark]
)
def test_no_data_is_said_in_words(draw: Any) -> None:
    assert draw([]).startswith('<span class="faint">')


@pytest.mark.parametrize(
    ("value", "high", "kind", "low", "step"),
    [
        (93, 101, "h", 0, "h8"),
        (78, 96, "h", 0, "h7"),
        (27, 43, "h", 0, "h6"),
        (1, 1000, "e", 0, "e1"),
        (0.156, 0.2, "e", 0, "e7"),
        (5, 2, "e", 0, "e9"),
        (0, 10, "h", 0, "z"),
        (None, 10, "h", 0, "z"),
        (3, 0, "h", 0, "h9"),
        (0.58, 0.82, "h", 0.58, "h0"),
    ],
)
def test_heat_steps(value: Any, high: Any, kind: str, low: float, step: str) -> None:
    assert figures.heat_class(value, high, kind, low) == step


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ 1236|number }}", "1,236"),
        ("{{ minus|number }}", "−1,236.5"),
        ("{{ none|number }}", "–"),
        ("{{ 0.7421|decimal:2 }}", "0.74"),
        ("{{ none|decimal:2 }}", "–"),
        ("{{ nan|decimal }}", "–"),
        ("{{ small|decimal:2 }}", "0.00"),
        ("{{ 0.016|signed:3 }}", "+0.016"),
        ("{{ small|signed }}", "0.00"),
        ("{{ 0.941|percent }}", "94%"),
        ("{{ 0.999|percent }}", "99%"),
        ("{{ 0.001|percent }}", "under 1%"),
        ("{{ 1|percent }}", "100%"),
        ("{{ 0|percent }}", "0%"),
        ("{{ none|percent }}", "–"),
        ("{{ 1236|share:3000 }}", "41%"),
        ("{{ 1|share:0 }}", "–"),
        ("{{ alpha|interval }}", "0.71–0.77"),
        ("{{ alpha|interval_words }}", "0.71 to 0.77"),
        ("{{ alpha|interval_percent }}", "71–77%"),
        ("{{ difference|interval }}", "−0.19 to −0.05"),
        ("{{ none|interval }}", ""),
        ("{{ 1450|duration }}", "24:10"),
        ("{{ 3725|duration }}", "1:02:05"),
        ("{{ none|duration }}", "–"),
        ("{{ 2.64|seconds }}", "2.6 s"),
        ("{{ 41|seconds }}", "41 s"),
        ("{{ 3720|seconds }}", "1 h 02"),
        ("{{ name|initials }}", "HN"),
        ("{{ ''|initials }}", "?"),
    ],
)
def test_numbers_are_written_the_same_way_everywhere(source: str, text: str) -> None:
    context = {
        "minus": -1236.5,
        "none": None,
        "nan": float("nan"),
        "small": -0.001,
        "alpha": ALPHA,
        "difference": {"low": -0.19, "high": -0.05},
        "name": "Hanna Novak",
    }
    assert rendered(source, **context) == text


def test_times_are_said_as_people_say_them() -> None:
    now = timezone.now()
    assert loupe.ago(now - timedelta(seconds=12.5)) == "12 s ago"
    assert loupe.ago(now - timedelta(seconds=61)) == "1 minute ago"
    assert loupe.ago(now - timedelta(minutes=4, seconds=1)) == "4 minutes ago"
    assert re.fullmatch(r"\d\d? [A-Z][a-z]{2} 2\d{3}", loupe.ago(now - timedelta(days=800)))
    assert loupe.ago(None) == "–"


def test_an_icon_is_silent_unless_it_has_a_label() -> None:
    quiet = '<svg class="i" aria-hidden="true" viewBox="0 0 16 16"><use href="#i-ok"/></svg>'
    assert rendered('{% icon "ok" %}') == quiet
    assert rendered('{% icon "good" %}') == quiet
    assert 'class="i bad-t" role="img" aria-label="&lt;b&gt;"' in rendered(
        '{% icon "bad" "bad-t" x %}', x="<b>"
    )


def test_every_icon_that_a_tone_stands_for_is_in_the_sprite() -> None:
    sprite = rendered('{% include "components/sprite.html" %}')
    for name, _ in loupe.TONES.values():
        assert f'id="i-{name}"' in sprite


def test_a_table_is_a_focusable_region_with_a_name() -> None:
    markup = rendered(
        '{% table name "top" %}<tbody><tr><td>{{ x }}</td></tr></tbody>{% endtable %}',
        x="<b>",
        name="R<>unds",
    )
    assert 'role="region" aria-label="R&lt;&gt;unds" tabindex="0"><table class="tbl top">' in markup
    assert "<td>&lt;b&gt;</td>" in markup
