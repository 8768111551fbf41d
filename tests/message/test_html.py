"""HTML as its reader sees it: layout, links, and what is hidden."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.message import html


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("<div>one</div><div>two</div>", "one\ntwo"),
        ("one<br>two<br/>three", "one\ntwo\nthree"),
        ("one<br><br><br><br>two", "one\n\ntwo"),
        ("a  <b> b</b>\n c", "a b c"),
        ("a<b>b</b>c", "abc"),
        ("<ul><li>a<li>b</ul>", "* a\n* b"),
        ("<ol><li>a</li><li>b</li></ol>", "1. a\n2. b"),
        ("<ul><li>a<ul><li>b</ul></ul>", "* a\n  * b"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c<td>d</table>", "a b\nc d"),
        ("a<hr>b", "a\n--------------------\nb"),
        ("<blockquote>a<br>b<blockquote>c</blockquote></blockquote>d", "> a\n> b\n\n> > c\n\nd"),
        ("<pre>a\n  b</pre>c", "a\n  b\n\nc"),
        ("a&nbsp;b &lt;c&gt; &euro;&#8364;", "a b <c> €€"),
        ('see <a href="https://x.example/a">here</a>.', "see here <https://x.example/a>."),
        ('<a href="https://x.example/">x.example</a>', "x.example"),
        ('<a href="mailto:a@b.example">a@b.example</a>', "a@b.example"),
        ('<img alt="logo" src=x>text', "logo text"),
        ("<title>t</title><style>p{}</style><script>s</script>x", "x"),
        ("<!-- c -->x<!doctype html><?xml y?>z", "xz"),
        ("<!--[if mso]>office<![endif]-->x", "x"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("a <b", "a"),
        ('<p title="a>b">x</p>', "x"),
        ("</p>x</div>", "x"),
        ("<xmp><b>x</b></xmp>", "<b>x</b>"),
        ("<o:p>x</o:p>", "x"),
        ("", ""),
    ],
)
def test_a_page_is_readable(page: str, text: str) -> None:
    """Each piece of layout as a plain reader expects it."""
    assert text == html.to_text(page)[0]


@pytest.mark.parametrize(
    "hiding",
    [
        'style="display:none"',
        "style='DISPLAY : NONE !important'",
        'style="visibility:hidden"',
        'style="font-size:0"',
        'style="font-size:0px;color:red"',
        'style="font-size: 1px"',
        'style="opacity:0"',
        'style="max-height:0;overflow:hidden"',
        'style="width:0"',
        'style="text-indent:-9999px"',
        'style="position:absolute;left:-5000px"',
        'style="mso-hide:all"',
        'style="color:#ffffff"',
        'style="color: rgb(255, 255, 255)"',
        "color=white",
        "hidden",
    ],
)
def test_hidden_text_is_told_apart(hiding: str) -> None:
    """Text no reader sees is not read, and known to the filter."""
    text, hidden, _ = html.to_text(f"<p>seen <font {hiding}>unseen <b>too</b></font> end</p>")
    assert (text, hidden) == ("seen end", "unseen too")


@pytest.mark.parametrize(
    "showing",
    [
        'style="display:block"',
        'style="font-size:10px"',
        'style="font-size:0.9em"',
        'style="opacity:0.5"',
        'style="width:0.5em"',
        'style="line-height:0"',
        'style="border-width:0"',
        'style="color:#ffffff;background:#003366"',
        'style="background-color:white;color:black"',
        "color=black bgcolor=white",
    ],
)
def test_shown_text_is_not_hidden(showing: str) -> None:
    """Styles that look alike hide nothing."""
    assert html.to_text(f"<p {showing}>seen</p>")[:2] == ("seen", "")


def test_white_on_dark_is_seen() -> None:
    """White text in a dark cell is read."""
    assert html.to_text('<td bgcolor="#003366"><font color=white>seen</font></td>')[:2] == ("seen", "")


def test_links_are_listed_once() -> None:
    """Links in order, each once; fragments and scripts are none."""
    page = "<a href=https://a.example>a</a><a href='#x'>b</a><a href=javascript:x>c</a><a href=https://a.example>d</a>"
    assert html.to_text(page)[2] == ("https://a.example",)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="<>/=\"'ab pdivstylre:none!-&#x;\n", max_size=300))
def test_any_page_is_read(page: str) -> None:
    """Any text is a page, and no text of it is lost but markup and white space."""
    text, hidden, _ = html.to_text(page)
    assert isinstance(text + hidden, str)
    if "<" not in page and "&" not in page:
        assert "".join(page.split()) == "".join(text.split())
