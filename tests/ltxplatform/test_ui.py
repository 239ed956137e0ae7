"""Every component renders, escapes what people write, and keeps to the Content-Security-Policy."""

import gzip
import re
from datetime import UTC, datetime

import pytest
from django import forms
from django.contrib.messages import constants
from django.contrib.messages.storage.base import Message
from django.template import Context, Template, TemplateSyntaxError
from django.test import RequestFactory

from generations.states import Status
from ltxplatform.components.attrs import attributes
from ltxplatform.components.media import STATUSES
from ltxplatform.templatetags.ui import register
from tests.support.programs import ROOT

HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>"
FORBIDDEN = re.compile(r"<script|<style|\sstyle\s*=|<[^>]*\son[a-z]+\s*=|javascript:", re.IGNORECASE)


class AnyForm(forms.Form):
    text = forms.CharField(max_length=5, label=HOSTILE, help_text="Help", initial=HOSTILE)
    choice = forms.ChoiceField(choices=[("a", "A"), (HOSTILE, HOSTILE)], widget=forms.RadioSelect)
    pick = forms.ChoiceField(choices=[("a", HOSTILE)])
    many = forms.MultipleChoiceField(
        choices=[("a", "A")], widget=forms.CheckboxSelectMultiple, required=False
    )
    number = forms.IntegerField(min_value=9, max_value=57, initial=25)
    on = forms.BooleanField(required=False)
    file = forms.FileField(required=False)
    secret = forms.CharField(widget=forms.HiddenInput, initial=HOSTILE)


EVENTS = [
    {"label": HOSTILE, "at": datetime(2026, 1, 1, tzinfo=UTC), "note": HOSTILE, "current": True},
    {"label": "Ready", "at": None},
]
# Drawn for whoever is signed in and by the settings: accounts/test_recent_sign_in.py, accounts/test_openid.py.
TRIED_ELSEWHERE = {"confirm_first", "provider_button"}
SNIPPETS = {
    "avatar": "{% avatar hostile %}{% avatar hostile team=True %}",
    "banner": '{% banner tone="bad" title=hostile %}{{ hostile }}{% endbanner %}',
    "button": '{% button hostile variant="primary" price=100834 %}{% button hostile href=hostile data_x=hostile %}',
    "cents": "{% cents 2500 %}",
    "code_block": '{% code_block hostile id="c" caption=hostile %}',
    "dialog": '{% dialog id="d" title=hostile %}{{ hostile }}{% enddialog %}',
    "empty_state": '{% empty_state hostile hostile action=hostile href="/" %}',
    "field": "{% for bound in form %}{% field bound hint=hostile optional=True %}{% endfor %}",
    "filter_chips": '{% filter_chips "status" options label=hostile %}',
    "form_errors": "{% form_errors form %}",
    "form_fields": "{% form_fields form %}",
    "hint": '{% hint hostile id="h" label=hostile %}',
    "icon": '{% icon "play" %}',
    "icon_button": '{% icon_button "x" hostile %}{% icon_button "x" hostile href=hostile %}',
    "key_values": "{% key_values options %}",
    "link": "{% link hostile hostile %}",
    "media_tile": '{% media_tile hostile hostile status="queued" poster=hostile preview=hostile note=hostile %}',
    "menu": '{% menu id="m" label=hostile %}<a href="/">{{ hostile }}</a>{% endmenu %}',
    "day": "{% day at %}",
    "moment": "{% moment at %}",
    "money": '{% money 100834 %}{% money 100834 kind="balance" %}{% money -1 kind="exact" %}',
    "pagination": "{% pagination newer=hostile older=hostile %}",
    "progress": "{% progress hostile value=3 note=hostile %}{% progress hostile %}",
    "purchase_badge": '{% purchase_badge "paid" %}',
    "settings_navigation": "{% settings_navigation %}",
    "skeleton": '{% skeleton "tile" %}{% skeleton "text" %}{% skeleton "table" %}',
    "sort_header": '{% sort_header hostile "day" %}',
    "stat": "{% stat hostile hostile hint=hostile %}",
    "status_badge": '{% status_badge "queued" word=hostile %}',
    "steps": "{% steps words current=2 label=hostile %}",
    "table": "{% table caption=hostile %}<tr><td>{{ hostile }}</td></tr>{% endtable %}",
    "table_empty": "{% table_empty hostile columns=2 %}",
    "table_loading": "{% table_loading columns=2 %}",
    "tabs": "{% tabs items label=hostile %}",
    "timeline": "{% timeline events %}",
    "toast": '{% toast message %}{% toast hostile tone="warn" %}',
    "zone": "{% zone %}",
}


def render(source: str, query: str = "", **extra: object) -> str:
    form = AnyForm({"text": HOSTILE, "choice": HOSTILE + "?"})
    form.is_valid()
    form.add_error(None, HOSTILE)
    context = {
        "hostile": HOSTILE,
        "form": form,
        "options": [(HOSTILE, HOSTILE), ("b", "B")],
        "words": [HOSTILE, "two", "three"],
        "items": [{"label": HOSTILE, "url": HOSTILE, "current": True}],
        "events": EVENTS,
        "at": EVENTS[0]["at"],
        "message": Message(constants.SUCCESS, HOSTILE),
        "request": RequestFactory().get(f"/{query}"),
    }
    return Template(source).render(Context({**context, **extra}))


def test_every_tag_is_tried_here() -> None:
    assert set(register.tags) == set(SNIPPETS) | TRIED_ELSEWHERE


@pytest.mark.parametrize("name", SNIPPETS)
def test_a_component_renders_and_escapes(name: str) -> None:
    html = render(SNIPPETS[name])

    assert html.strip()
    assert not FORBIDDEN.search(re.sub(r'"[^"]*"', '""', html)), html
    assert "<img src=x" not in html


def test_every_status_of_a_clip_has_a_word_a_shape_and_a_colour() -> None:
    assert set(STATUSES) == set(Status.values)
    assert len({look.word for look in STATUSES.values()}) == len(STATUSES)
    assert len({look.icon for look in STATUSES.values()}) == len(STATUSES)
    assert {look.tone for look in STATUSES.values()} <= {"good", "warn", "bad", "info", "active", "quiet"}


@pytest.mark.parametrize("name", ["onclick", "hx_on_click", "style", "hx-on:click", "x y"])
def test_attributes_that_the_policy_ignores_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="takes no attribute"):
        attributes({name: "alert(1)"})


def test_attributes_are_named_as_html_names_them() -> None:
    written = attributes({"hx_get": "/a?b&c", "hidden": True, "title": None, "disabled": False})

    assert written == ' hx-get="/a?b&amp;c" hidden'


def test_an_unknown_variant_is_a_mistake_not_a_look() -> None:
    with pytest.raises(ValueError, match="A button is one of"):
        render('{% button "Go" variant="loud" %}')
    with pytest.raises(ValueError, match="A field is one of"):
        render('{% field form.text kind="dial" %}')
    with pytest.raises(TemplateSyntaxError):
        render("{% button %}")


def test_a_price_keeps_its_exact_amount_at_hand() -> None:
    html = render('{% button "Generate" price=100834 price_id="p" %}')

    assert '<span class="price" id="p" title="$0.100834">$0.1009</span>' in html


def test_a_disabled_link_leads_nowhere() -> None:
    html = render('{% button "Go" href="/there" disabled=True %}')

    assert "/there" not in html
    assert 'aria-disabled="true"' in html


def test_money_stands_in_a_sentence_without_space_before_the_full_stop() -> None:
    assert render("It costs {% money 100834 %}.").endswith(">$0.1009</data>.")


def test_a_field_says_what_is_wrong_where_it_is_wrong() -> None:
    html = render("{% field form.text counter=True %}")

    assert 'aria-invalid="true"' in html
    assert 'aria-describedby="id_text-help id_text-error"' in html
    assert 'id="id_text-error"' in html
    assert 'data-counter="id_text-counter"' in html
    assert "data-over" in html


def test_a_group_of_choices_has_a_name() -> None:
    html = render('{% field form.choice kind="segmented" %}')

    assert 'role="radiogroup" aria-labelledby="id_choice-label"' in html
    assert html.count('type="radio"') == 2


def test_a_slider_has_a_range_and_a_number_and_sends_one() -> None:
    html = render(
        '{% field form.number kind="slider" ticks="9, 25,57" range_step="8" unit="frames" %}', form=AnyForm()
    )

    assert html.count('name="number"') == 1
    assert 'type="range" aria-label="Number, slider" min="9" max="57" step="8" value="25"' in html
    assert html.count("<option") == 3


@pytest.mark.parametrize(
    ("query", "url", "order"),
    [
        ("", "?sort=day", ""),
        ("?sort=day&q=x&cursor=1", "?sort=-day&amp;q=x", 'aria-sort="ascending"'),
        ("?sort=-day", "?sort=day", 'aria-sort="descending"'),
    ],
)
def test_a_column_sorts_one_way_and_then_the_other(query: str, url: str, order: str) -> None:
    html = render('{% sort_header "Day" "day" %}', query)

    assert f'href="{url}"' in html
    assert order in html
    assert order or "aria-sort" not in html


def test_chips_keep_other_filters_and_start_paging_over() -> None:
    html = render('{% filter_chips "status" options label="Status" %}', "?status=b&q=sea&cursor=9")

    assert 'href="?q=sea"' in html
    assert 'href="?q=sea&amp;status=b" aria-current="true"' in html


def test_pages_end_where_the_list_ends() -> None:
    assert render("{% pagination %}").strip() == ""
    html = render('{% pagination older="abc" %}', "?q=sea&cursor=zz")
    assert 'href="?q=sea&amp;cursor=abc"' in html
    assert "Newer" not in html


def test_the_same_name_has_the_same_colour() -> None:
    assert render("{% avatar 'mara@example.com' %}") == render("{% avatar 'mara@example.com' %}")
    assert ">NS<" in render("{% avatar 'Northlight Studio' %}")
    assert ">?<" in render("{% avatar '' %}")


def test_lengths_are_shown_to_a_hundredth() -> None:
    assert render("{{ 5.0416|clip_seconds }}{{ none|clip_seconds }}", none=None) == "5.04 s"


def test_the_shared_style_sheet_stays_small_on_the_wire() -> None:
    """Each file as it is sent, compressed by itself; a page's own sheet comes on top."""
    folder = ROOT / "ltxplatform/static/css"
    parts = re.findall(r'@import url\("([a-z]+\.css)"\) layer\(([a-z]+)\)', (folder / "app.css").read_text())

    assert {layer for _, layer in parts} == {"reset", "tokens", "base", "layout", "components", "utilities"}
    assert sum(len(gzip.compress((folder / name).read_bytes())) for name, _ in parts) < 12_000
