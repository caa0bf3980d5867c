"""Browsers that change the page or what is typed: translators, and the keyboards of phones."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import expect

from .coffee_space import FRAMES, with_shape
from .person import PHONE, Person
from .running import Running

# As the translators of browsers do: each text goes into elements of its own, now and later.
TRANSLATOR = """(() => {
  const kept = "SCRIPT STYLE NOSCRIPT TEXTAREA FONT".split(" ");
  const translate = (root) => {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    const texts = [];
    while (walker.nextNode()) texts.push(walker.currentNode);
    for (const text of texts) {
      const parent = text.parentElement;
      if (!text.data.trim() || !parent || kept.includes(parent.tagName)) continue;
      if (parent.closest("[translate=no], .notranslate")) continue;
      if (parent.tagName === "OPTION") {
        text.data = `${text.data} oder so`;
        parent.classList.add("notranslate");
        continue;
      }
      const outer = document.createElement("font");
      const inner = document.createElement("font");
      inner.textContent = `${text.data} oder so`;
      outer.append(inner);
      text.replaceWith(outer);
    }
  };
  const begin = () => {
    document.documentElement.lang = "de";
    translate(document.body);
    new MutationObserver((changes) => {
      for (const { addedNodes } of changes)
        for (const node of addedNodes)
          if (node.parentElement) translate(node.parentElement);
    }).observe(document.body, { childList: true, subtree: true, characterData: true });
  };
  if (document.body) begin();
  else document.addEventListener("DOMContentLoaded", begin);
})();"""


def test_an_object_is_taught_on_a_page_that_the_browser_translates(
    visit: Callable[..., Person], running: Running
) -> None:
    person = visit()
    page = person.page
    page.evaluate(TRANSLATOR)
    expect(page.locator("nav [data-view=teach]")).to_have_text("Teach oder so")
    person.freezing(lambda: person.click("#teach-frame"))
    for x, y in ((100, 100), (500, 300), (250, 420)):
        person.click_at(x, y)
    person.name_object("cup")
    person.name_keypoints(["rim", "handle", "foot"])
    person.register()
    cup = running.server.categories["cup"]
    assert cup.keypoint_names == ("rim", "handle", "foot")
    for view in ("live", "teach", "library", "try"):
        person.go(view)
        if view == "library":
            page.get_by_role("button", name="Show cup").click()
            expect(page.locator("#category")).to_contain_text("Rename oder so")
        page.wait_for_timeout(500)
        shown = page.locator("body").inner_text()
        assert "oder so" in shown
        found = re.findall(r"(?:cup|rim|handle|foot|bench) oder so", shown)
        assert found == [], view  # what people have named is no English


def test_keyboards_of_phones_leave_names_as_they_are_typed(
    visit: Callable[..., Person], running: Running
) -> None:
    running.server.register(with_shape(running.coffee, **FRAMES))
    person = visit(**PHONE)
    page = person.page
    person.wait_for_frames()
    person.freezing(lambda: page.tap("#teach-frame"))
    person.click_at(100, 100)
    _check_inputs(person, 2)
    person.go("library")
    person.press("Show coffee")
    person.press("Add a frame")
    _check_inputs(person, 1)
    person.press("Cancel")
    person.press("Rename")
    _check_inputs(person, 1)


def _check_inputs(person: Person, at_least: int) -> None:
    fields = person.page.locator("input[type=text]:visible")
    expect(fields.first).to_be_visible()
    assert fields.count() >= at_least
    for field in fields.all():
        assert field.evaluate("field => field.autocapitalize") == "none"
        assert field.get_attribute("autocorrect") == "off"
        assert field.get_attribute("spellcheck") == "false"
    # Below 16 pixels, Safari on a phone zooms in at each tap and stays there.
    sizes = "fields => fields.map((field) => parseFloat(getComputedStyle(field).fontSize))"
    controls = person.page.locator("input[type=text]:visible, select:visible")
    assert min(controls.evaluate_all(sizes)) >= 16
