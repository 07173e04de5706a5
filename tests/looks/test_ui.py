"""The controls: what `{% load ui %}` draws."""

import re
from pathlib import Path

import pytest
from django import forms
from django.template import engines

from accounts.fields import DateBoxesField
from accounts.templatetags import ui
from tests.squeeze import squeeze


class Example(forms.Form):
    name = forms.CharField(label="Legal first name", help_text="As on your ID", max_length=5,
                           widget=forms.TextInput(attrs={"autocomplete": "given-name"}))  # fmt: skip
    nickname = forms.CharField(label="What we call you", required=False)
    remind = forms.ChoiceField(label="Reminders", choices=[("t", "Text"), ("e", "Email")], widget=forms.RadioSelect)
    born = DateBoxesField(label="Date of birth", birthday=True)
    agree = forms.BooleanField(label="I agree")


def draw(source: str, **context: object) -> str:
    return squeeze(engines["django"].from_string("{% load ui %}" + source).render(context))


def test_every_icon_is_inline_hidden_from_screen_readers_and_carries_no_colour_of_its_own() -> None:
    names = sorted(path.stem for path in ui.ICONS.glob("*.svg"))
    assert len(names) > 40
    for name in names:
        svg = draw(f'{{% icon "{name}" %}}')
        assert svg.startswith("<svg ")
        assert 'aria-hidden="true"' in svg
        assert "style=" not in svg


@pytest.mark.parametrize("name", ["nothing", "../tokens", "logo-mark.svg", ""])
def test_an_icon_that_is_not_there_is_an_error_and_not_a_hole(name: str) -> None:
    with pytest.raises(FileNotFoundError):
        ui.icon(name)


def test_a_field_ties_label_hint_and_error_to_its_box() -> None:
    html = draw("{% field form.name %}", form=Example({"name": "Bartholomew"}))
    assert '<label class="label" for="id_name">' in html
    assert 'id="id_name_helptext"' in html
    assert 'id="id_name_error"' in html
    assert 'aria-describedby="id_name_helptext id_name_error"' in html
    assert 'aria-invalid="true"' in html
    assert 'autocomplete="given-name"' in html
    assert 'value="Bartholomew"' in html
    assert "field-err" in html


def test_an_optional_field_says_so_and_a_required_one_does_not() -> None:
    assert "(optional)" in draw("{% field form.nickname %}", form=Example())
    assert "(optional)" not in draw("{% field form.name %}", form=Example())


def test_choices_are_a_fieldset_with_a_legend_and_keep_the_choice() -> None:
    html = draw("{% field form.remind %}", form=Example({"remind": "e"}))
    assert '<legend class="label">Reminders</legend>' in html
    assert html.count('class="opt"') == 2
    inputs = [part.partition(">")[0] for part in html.split("<input ")[1:]]
    assert [("checked" in part, 'value="e"' in part) for part in inputs] == [(False, False), (True, True)]


def test_what_is_typed_is_escaped_everywhere() -> None:
    evil = '"><script>alert(1)</script>'
    form = Example({"name": evil, "nickname": evil, "born_month": evil, "born_day": evil})
    html = draw("{% errors form %}{% field form.name %}{% field form.nickname %}{% field form.born %}", form=form)
    assert "<script>" not in html


def test_the_error_summary_links_to_the_first_box_of_each_field_and_counts() -> None:
    html = draw("{% errors form %}", form=Example({"name": "Ada", "born_month": "2", "born_day": "3", "born_year": "87"}))
    assert 'role="alert"' in html
    assert "There is a problem with 3 answers" in html
    for target in ("id_remind_0", "id_born_year", "id_agree"):
        assert f'href="#{target}"' in html
    assert "Your year of birth must have 4 numbers, like 1987" in html
    one = draw("{% errors pairs %}", pairs=[("id_x", "Choose one")])
    assert "There is a problem with one answer" in one
    assert draw("{% errors form %}", form=Example()) == ""
    assert draw("{% errors nothing %}") == ""


@pytest.mark.parametrize(
    ("month", "day", "year", "ok"),
    [("3", "27", "1987", True), ("2", "29", "2024", True), ("2", "29", "2023", False), ("13", "1", "1987", False),
     ("", "27", "1987", False), ("3", "x", "1987", False), ("3", "27", "87", False), ("3", "27", "١٩٨٧", False)],
)  # fmt: skip
def test_a_date_in_three_boxes_must_be_real(month: str, day: str, year: str, ok: bool) -> None:
    form = Example({"born_month": month, "born_day": day, "born_year": year})
    assert ("born" not in form.errors) is ok


@pytest.mark.parametrize(
    ("month", "day", "year", "wrong", "said"),
    [
        ("", "", "", "month day year", "Enter your date of birth, like March 27, 1987"),
        ("3", "27", "87", "year", "Your year of birth must have 4 numbers, like 1987"),
        ("", "27", "1987", "month", "Your date of birth must have a month"),
        ("", "27", "", "month year", "Your date of birth must have a month and a year"),
        ("2", "30", "1987", "day", "Your date of birth must be a real date, like March 27, 1987"),
        ("", "x", "87", "month day year", "Your date of birth must be a real date, like March 27, 1987"),
    ],
)
def test_of_a_date_exactly_the_wrong_boxes_are_marked(month: str, day: str, year: str, wrong: str, said: str) -> None:
    html = draw("{% field form.born %}", form=Example({"born_month": month, "born_day": day, "born_year": year}))
    boxes = re.findall(r"<(?:input|select)[^>]*>", html)
    marked = [re.findall(r'id="id_born_(\w+)"', tag)[0] for tag in boxes if "aria-invalid" in tag]
    assert marked == wrong.split()
    assert said in html


def test_progress_has_five_segments_and_says_the_step() -> None:
    html = draw('{% progress step=3 label="Pick a time" %}')
    assert "Step 3 of 5: Pick a time" in html
    assert html.count("<li") == 5
    assert html.count('class="done"') == 2
    inside = draw('{% progress step=2 label="Your hair" detail="Question 2 of 6" part=0.5 %}')
    assert "Step" not in inside
    assert 'class="part p5"' in inside


def test_the_bar_above_the_questions_shows_each_section_as_full_as_it_is_and_the_pages_of_the_open_one() -> None:
    bar = [ui.Segment(1), ui.Segment(0.5), ui.Segment(pages=3, at=1), ui.Segment()]
    drawn = draw('{% progress step=2 label="Your hair" detail="Section 3 of 8" bar=bar %}', bar=bar).replace(" >", ">")
    assert '<li class="done"></li><li class="part p5"></li>' in drawn
    assert '<li class="here"><i class="done"></i><i class="part p5"></i><i></i></li><li></li>' in drawn


def test_every_status_has_a_colour_an_icon_and_a_word_and_no_two_look_alike() -> None:
    from booking.models import Status

    assert set(ui.STATUSES) == set(Status.values)
    drawn = {value: draw("{% status value %}", value=value) for value in ui.STATUSES}
    assert all("<svg" in html for html in drawn.values())
    assert len({ui.STATUSES[value][0] for value in ui.STATUSES}) == len(ui.STATUSES)
    assert len({str(ui.STATUSES[value][1]) for value in ui.STATUSES}) == len(ui.STATUSES)
    assert "Waiting 4 min" in draw('{% status "arrived" minutes=4 %}')
    assert "In Room 2" in draw('{% status "in_room" room="Room 2" %}')


def test_phone_numbers_become_links_that_dial() -> None:
    assert ui.tel("519-555-0142") == "+15195550142"
    assert ui.tel("+44 20 7946 0000") == "+442079460000"
    assert ui.tel(None) == ""


def test_no_template_has_a_script_or_a_style_of_its_own() -> None:
    import re

    root = Path(ui.ICONS).parent.parent / "templates"
    for path in root.rglob("*.html"):
        source = path.read_text(encoding="utf-8")
        if "notifications" in path.parts and not path.name.startswith("mailbox"):
            continue  # emails: mail programs read nothing but styles in the tags
        if path.parent.name == "records":
            continue  # a file that is handed over: nothing else comes with it
        assert not re.search(r"\sstyle=|\son[a-z]+=\"|<style|javascript:", source), path
        assert not re.search(r"<script(?![^>]*(\ssrc=|application/json))", source), path
        assert "|safe" not in source, path


def test_colours_come_from_tokens_alone_outside_the_dark_panels() -> None:
    import re

    source = (Path(ui.ICONS).parent / "app.css").read_text(encoding="utf-8")
    fixed = set(re.findall(r"#[0-9A-Fa-f]{3,6}\b", source))
    # White and spruce on panels that stay dark in both schemes, the golden button, print.
    assert fixed <= {
        "#123B34",
        "#fff",
        "#000",
        "#222",
        "#444",
        "#bbb",
        "#14302A",
        "#EDB94E",
        "#6FB0A1",
        "#EEF5F2",
        "#43594F",
        "#7C8781",
    }


def test_a_session_names_its_device_as_people_do() -> None:
    agents = {
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36": "Chrome, Windows",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 Version/17.4 Mobile Safari/604.1": "Safari, iPhone",
        "": "A browser",
    }
    assert {text: ui.device(text) for text in agents} == agents
