import base64
from email.message import EmailMessage

from gateway.history.mail_pictures import with_pictures

LOGO = b"\x89PNG\r\n\x1a\nnot really"
HTML = '<p>cid:logo in words</p><img src="cid:logo"><img src="cid:other">'


def mail(subtype: str = "png") -> bytes:
    message = EmailMessage()
    message.set_content("text")
    message.add_alternative(HTML, subtype="html")
    (_text, rich) = message.iter_parts()
    rich.add_related(LOGO, "image", subtype, cid="<logo>")
    return message.as_bytes()


def test_a_picture_that_the_mail_carries_is_shown_and_nothing_else_changes() -> None:
    shown = with_pictures(HTML, mail())
    data = f"data:image/png;base64,{base64.b64encode(LOGO).decode()}"
    assert shown == f'<p>cid:logo in words</p><img src="{data}"><img src="cid:other">'


def test_only_plain_pictures_are_shown() -> None:
    assert with_pictures(HTML, mail("svg+xml")) == HTML


def test_a_mail_without_pictures_comes_back_as_it_is() -> None:
    html = "<p>Ünchanged &amp; whole</p>"
    assert with_pictures(html, b"") == html
