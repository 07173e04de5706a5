"""What is drawn over time: numbers as they were given, by day."""

from datetime import date, timedelta

import pytest

from intake import trend
from tests.intake.conftest import HAIR

DAY = date(2026, 3, 1)


def point(value: float, days: int = 0, of: str = "impact") -> trend.Point:
    return trend.Point(of, DAY + timedelta(days=days), value, str(value))


def test_what_an_answer_weighs_is_counted_and_reads_as_it_was_given() -> None:
    assert list(trend.of_answers(HAIR, {"hair_impact": "3", "hair_course": "better"}, DAY)) == [
        trend.Point("impact", DAY, 3, "A lot")
    ]


@pytest.mark.parametrize(
    "scale,grade,value",
    [
        ("norwood", "IIIv", 3.5), ("norwood", "III vertex", 3.5), ("norwood", "VII", 7), ("norwood", "3", 3), ("ludwig", "II", 2),
        ("sinclair", "4", 4), ("sinclair", "6", None), ("norwood", "about III", None), ("none", "III", None), ("norwood", "", None),
    ],
)  # fmt: skip
def test_a_grade_counts_if_its_scale_has_it(scale: str, grade: str, value: float | None) -> None:
    assert [p.value for p in trend.of_review({"scale": scale, "grade": grade}, DAY)] == ([value] if value else [])


def test_one_day_alone_is_no_course() -> None:
    assert trend.charts([point(3), point(2)]) == []


def test_it_is_drawn_by_day_and_value_within_its_edges() -> None:
    (chart,) = trend.charts([point(4), point(0, 100), point(2, 25)])
    assert chart.dots == [("5.0", "5.0"), ("42.5", "24.0"), ("155.0", "43.0")]


def test_all_are_drawn_over_the_same_days() -> None:
    charts = trend.charts([point(3), point(2, 50), point(-1, 50, "change"), point(1, 100, "change")])
    assert [(chart.since, chart.until) for chart in charts] == [(DAY, DAY + timedelta(days=100))] * 2


def test_grades_of_another_scale_are_not_one_line() -> None:
    charts = trend.charts([point(2, of="ludwig"), point(3, 10, of="norwood"), point(4, 20, of="norwood")])
    assert [[p.value for p in chart.points] for chart in charts] == [[3, 4]]
