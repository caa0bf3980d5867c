"""Where a token is needed, the page asks for it."""

from __future__ import annotations

from playwright.sync_api import Browser, expect

from cape_ros.studio.studio import Studio

from .running import CAMERA, Running

TOKEN = "a-token-of-the-test"


def test_the_token_is_typed_in_once(chromium: Browser, running: Running) -> None:
    studio = Studio(running.server, port=0, token=TOKEN, cameras=lambda: [CAMERA])
    address = studio.address.partition("?")[0]
    context = chromium.new_context()
    page = context.new_page()
    page.goto(address)
    for token in ("a wrong one", TOKEN):
        page.get_by_label("Token").fill(token)
        page.get_by_role("button", name="Open").click()
        if token != TOKEN:
            expect(page.get_by_role("alert")).to_have_text("This token is wrong.")
    expect(page.locator("#view-live")).to_be_visible()
    assert page.url.split("#")[0] == address
    (cookie,) = context.cookies()
    assert cookie["expires"] > 0  # not only for this session of the browser
    context.close()
    studio.close()
