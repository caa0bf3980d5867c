"""The library: what is registered, and what can be done with it."""

from __future__ import annotations

import re
import zipfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import expect

from cape_ros.perception.category import SupportShot

from .person import Person
from .running import STILL, Running


@pytest.fixture
def rate() -> float:
    return STILL


@pytest.fixture
def librarian(person: Person, running: Running) -> Person:
    """A person before a library that holds the coffee."""
    running.server.register(running.coffee)
    person.go("library")
    expect(person.page.locator(".card")).to_have_count(1)
    return person


def test_a_card_shows_picture_version_and_counts(librarian: Person) -> None:
    card = librarian.page.locator(".card")
    expect(card).to_contain_text("version 1 · 8 keypoints · 1 shot")
    picture = card.locator("img")
    expect(picture).to_have_js_property("complete", True)
    assert picture.evaluate("image => image.naturalWidth") > 0
    expect(card.locator("svg circle")).to_have_count(8)


def test_a_card_opens_by_its_whole_area_but_the_switch(librarian: Person) -> None:
    page = librarian.page
    page.get_by_role("switch", name="Look for it").click()
    expect(page.locator(".toast")).to_contain_text("not looked for")
    expect(page.locator("#category")).to_be_hidden()
    page.locator(".card h2").click()
    expect(page.locator("#category")).to_contain_text("8 keypoints")


def test_a_category_is_switched_off_and_on(librarian: Person, running: Running) -> None:
    switch = librarian.page.get_by_role("switch", name="Look for it")
    expect(switch).to_be_checked()
    switch.click()
    expect(librarian.page.locator(".toast")).to_contain_text("not looked for")
    assert not running.server.is_active("coffee")
    switch = librarian.page.get_by_role("switch", name="Look for it")
    expect(switch).not_to_be_checked()
    with librarian.page.expect_response(lambda answer: answer.request.method != "GET"):
        switch.click()
    expect(librarian.page.get_by_role("switch", name="Look for it")).to_be_checked()
    assert running.server.is_active("coffee")


def test_a_category_is_removed_after_a_question(librarian: Person, running: Running) -> None:
    librarian.press("Show coffee")
    librarian.press("Remove")
    librarian.press("Keep it")
    assert "coffee" in running.server.categories
    librarian.press("Remove")
    librarian.page.locator("dialog").get_by_role("button", name="Remove").click()
    expect(librarian.page.locator(".card")).to_have_count(0)
    assert not running.server.categories


def test_a_category_is_renamed_and_called_as_before_again(
    librarian: Person, running: Running
) -> None:
    page = librarian.page
    running.server.register(replace(running.coffee, name="tea"))
    librarian.press("Show coffee")
    for name in ("tea", "cup 2"):
        if name == "tea":
            librarian.press("Rename")
        page.get_by_label("New name").fill(name)
        page.keyboard.press("Enter")
        if name == "tea":
            expect(page.get_by_role("alert").filter(has_text="registered already")).to_be_visible()
    librarian.complaints.clear()  # the browser's own, about the refusal
    expect(page.locator("#category h2")).to_have_text("cup_2")
    assert sorted(running.server.categories) == ["cup_2", "tea"]
    librarian.press("Undo")
    expect(page.locator(".card", has_text="coffee")).to_contain_text("version 2")
    assert sorted(running.server.categories) == ["coffee", "tea"]


def test_a_category_is_edited(librarian: Person, running: Running) -> None:
    page = librarian.page
    librarian.press("Show coffee")
    librarian.press("Edit")
    expect(page.locator("#teach-stage .mark")).to_have_count(8)
    page.get_by_label("Name of keypoint 1").fill("brim")
    librarian.click("#register")
    expect(page.locator("#view-live")).to_be_visible()
    edited = running.server.categories["coffee"]
    assert (edited.version, edited.keypoint_names[0], len(edited.shots)) == (2, "brim", 1)
    np.testing.assert_array_equal(edited.shots[0].image, running.coffee.shots[0].image)
    np.testing.assert_allclose(
        edited.shots[0].keypoints, running.coffee.shots[0].keypoints, atol=0.1
    )


def test_an_edit_keeps_what_it_does_not_show(person: Person, running: Running) -> None:
    (shot,) = running.coffee.shots
    added = SupportShot(shot.image, shot.keypoints, shot.visible, shot.box, automatic=True)
    swapped = (1, 0, *range(2, 8))
    running.server.register(replace(running.coffee, shots=(shot, added), symmetries=[swapped]))
    person.go("library")
    person.press("Show coffee")
    expect(person.page.locator("#category")).to_contain_text("rim_left ↔ rim_right")
    expect(person.page.locator(".big-shots li").nth(1)).to_contain_text("added automatically")
    person.press("Edit")
    expect(person.page.locator("#teach-stage .mark")).to_have_count(8)
    person.page.get_by_label("Name of keypoint 1").fill("brim")
    person.register()
    edited = running.server.categories["coffee"]
    assert edited.version == 2
    assert edited.symmetries == (swapped,)
    assert [each.automatic for each in edited.shots] == [False, True]


def test_interchangeable_keypoints_are_chosen_and_follow_the_keypoints(
    librarian: Person, running: Running
) -> None:
    page = librarian.page
    librarian.press("Show coffee")
    librarian.press("Edit")
    expect(page.locator("#teach-stage .mark")).to_have_count(8)

    def choose(kind: str, *names: str) -> None:
        librarian.press(kind)
        for name in names:
            page.locator("dialog").get_by_role("button", name=name, exact=True).click()
        page.locator("dialog").get_by_role("button", name="Add", exact=True).click()

    page.get_by_text("Interchangeable keypoints").click()
    choose("+ Mirror pairs…", "rim_left", "rim_right", "spoon_end", "spoon_bowl", "handle_end")
    choose("+ Mirror pairs…", "handle_top", "handle_end")
    choose(
        "+ Ring…", "rim_left", "coffee_edge", "spoon_neck", "Next ring", "spoon_end", "handle_top"
    )
    rows = page.locator(".symmetries li span")
    mirror = "rim_left ↔ rim_right, spoon_end ↔ spoon_bowl, handle_top ↔ handle_end"
    ring = "rim_left → coffee_edge → spoon_neck → rim_left, spoon_end ↔ handle_top"
    assert rows.all_text_contents() == [mirror, ring]
    page.get_by_role("button", name=f"Remove {mirror}").click()
    assert rows.all_text_contents() == [ring]
    page.keyboard.press("Control+z")
    page.get_by_role("button", name="Move rim_right up").click()
    page.get_by_role("button", name="Remove spoon_bowl", exact=True).click()
    mirror = "rim_right ↔ rim_left, handle_top ↔ handle_end"
    expect(rows.first).to_have_text(mirror)
    librarian.register()
    coffee = running.server.categories["coffee"]
    at = {name: index for index, name in enumerate(coffee.keypoint_names)}
    swap, turn = coffee.symmetries
    assert (swap[at["rim_left"]], swap[at["spoon_end"]]) == (at["rim_right"], at["spoon_end"])
    assert (turn[at["rim_left"]], turn[at["spoon_neck"]]) == (at["coffee_edge"], at["rim_left"])


def test_suggested_shots_are_checked_and_added(
    person: Person, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    running.server.register(running.coffee)
    shots = running.coffee.shots
    monkeypatch.setattr(running.server, "suggested_shots", lambda name: shots)
    person.go("library")
    person.press("Show coffee")
    person.press("Check the suggested shot")
    expect(person.page.get_by_role("heading", name="More shots of coffee")).to_be_visible()
    expect(person.page.locator("#teach-stage .mark")).to_have_count(8)
    person.register()
    assert len(running.server.categories["coffee"].shots) == 2


def test_automatic_shots_are_removed_and_come_back(person: Person, running: Running) -> None:
    (shot,) = running.coffee.shots
    added = SupportShot(shot.image, shot.keypoints, shot.visible, shot.box, automatic=True)
    running.server.register(replace(running.coffee, shots=(shot, added, added)))
    person.go("library")
    person.press("Show coffee")
    person.press("Remove the 2 automatic shots")
    expect(person.page.locator(".card")).to_contain_text("version 2 · 8 keypoints · 1 shot")
    assert len(running.server.categories["coffee"].shots) == 1
    person.press("Undo")
    expect(person.page.locator(".card")).to_contain_text("version 3 · 8 keypoints · 3 shots")


def test_what_the_shots_say_of_each_other_is_told(person: Person, running: Running) -> None:
    (shot,) = running.coffee.shots
    running.server.register(replace(running.coffee, shots=(shot, shot)))
    person.go("library")
    person.press("Show coffee")
    person.press("Edit")
    expect(person.page.locator("#teach-stage .mark")).to_have_count(8)
    person.click("#register")
    summary = "version 2: 8 keypoints, 2 shots; 16 of 16 points are found from the other shots"
    expect(person.page.locator(".toast", has_text="Registered coffee")).to_contain_text(summary)


def test_a_point_that_may_be_marked_wrongly_is_shown_where_it_is(
    person: Person, running: Running
) -> None:
    (shot,) = running.coffee.shots
    wrong = shot.keypoints.copy()
    wrong[2] = shot.keypoints[6]
    shots = (shot, shot, replace(shot, keypoints=wrong))
    running.server.register(replace(running.coffee, shots=shots))
    page = person.page
    person.go("library")
    person.press("Show coffee")
    ring = page.locator("#category .doubt")
    expect(ring).to_have_count(1)
    expect(page.locator("#category .big-shots li").nth(2)).to_contain_text("coffee_edge: the other")
    person.press("Correct coffee_edge of shot 3")
    name = page.locator("#teach-stage .point-label", has_text="coffee_edge: look again")
    expect(name).to_be_visible()
    expect(page.locator("#hint")).to_contain_text("coffee_edge may be marked wrongly")
    person.click("#register")
    expect(
        page.locator(".toast", has_text="1 point of coffee may be marked wrongly")
    ).to_be_visible()
    person.press("Look at it")
    expect(name).to_be_visible()
    expect(page.locator("#teach-stage")).to_have_class("stage filled")
    person.drag(wrong[2].tolist(), shot.keypoints[2].tolist())
    expect(page.locator("#teach-stage .doubt")).to_have_count(0)
    person.register()
    assert running.server.check("coffee").doubtful == ()


@pytest.mark.parametrize("kind", ["labelme JSON", "Category folder (zip)"])
def test_what_is_exported_can_be_imported(
    librarian: Person, running: Running, tmp_path: Path, kind: str
) -> None:
    page = librarian.page
    librarian.press("Show coffee")
    with page.expect_download() as download:
        page.get_by_role("link", name=kind).click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    running.server.remove("coffee")
    with page.expect_file_chooser() as chooser:
        librarian.press("Import…")
    chooser.value.set_files(_unpacked(file))
    expect(page.locator("#view-teach")).to_be_visible()
    expect(page.locator("#teach-stage .mark")).to_have_count(8)
    expect(page.get_by_role("heading", name="Ready to register")).to_be_visible()
    librarian.register()
    back = running.server.categories["coffee"]
    assert tuple(back.keypoint_names) == tuple(running.coffee.keypoint_names)
    np.testing.assert_allclose(back.shots[0].keypoints, running.coffee.shots[0].keypoints, atol=0.1)


def test_an_image_file_is_dropped_to_teach_from_it(person: Person, tmp_path: Path) -> None:
    page = person.page
    image = np.full((90, 160, 3), 90, np.uint8)
    drop(person, "small.png", "image/png", cv2.imencode(".png", image)[1].tobytes())
    expect(page.locator("#view-teach")).to_be_visible()
    expect(page.locator("#teach-stage")).to_have_class(re.compile("filled"))
    expect(page.get_by_role("button", name="Shot 1, small.png")).to_be_visible()


def test_a_folder_that_is_dropped_is_named_and_the_file_beside_it_taken(
    person: Person, tmp_path: Path
) -> None:
    page, folder, image = person.page, tmp_path / "photos", tmp_path / "small.png"
    folder.mkdir()
    cv2.imwrite(str(image), np.full((90, 160, 3), 90, np.uint8))
    protocol = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(folder), str(image)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        given = {"type": kind, "x": 400, "y": 300, "data": data}
        protocol.send("Input.dispatchDragEvent", given)
    expect(page.locator(".toast.bad")).to_contain_text("photos: cannot be read: it is a folder")
    expect(page.get_by_role("button", name="Shot 1, small.png")).to_be_visible()


def drop(person: Person, name: str, kind: str, content: bytes) -> None:
    """Drag a file onto the page and let it go."""
    transfer = person.page.evaluate_handle(
        """([name, type, bytes]) => {
          const transfer = new DataTransfer();
          transfer.items.add(new File([new Uint8Array(bytes)], name, { type }));
          return transfer;
        }""",
        [name, kind, list(content)],
    )
    for event in ("dragover", "drop"):
        person.page.dispatch_event("body", event, {"dataTransfer": transfer})


def _unpacked(file: Path) -> list[Path]:
    """What a person would choose out of an export: a zip of ours as it is, else its files."""
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        if any(name.endswith("category.yaml") for name in names):
            return [file]
        archive.extractall(file.parent / "unpacked")
    return [path for path in sorted((file.parent / "unpacked").rglob("*")) if path.is_file()]


def test_a_removed_category_comes_back(librarian: Person, running: Running) -> None:
    page = librarian.page
    for back in ("Undo", "Restore version 2 of coffee"):
        librarian.press("Show coffee")
        librarian.press("Remove")
        page.locator("dialog").get_by_role("button", name="Remove").click()
        expect(page.locator(".card")).to_have_count(0)
        librarian.press(back)
        expect(page.locator(".card")).to_have_count(1)
    assert running.server.categories["coffee"].version == 3
    expect(page.get_by_role("region", name="Removed")).to_have_count(0)


def test_a_replaced_version_comes_back(librarian: Person, running: Running) -> None:
    page = librarian.page
    librarian.press("Show coffee")
    librarian.press("Edit")
    expect(page.locator("#teach-stage .mark")).to_have_count(8)
    page.get_by_label("Name of keypoint 1").fill("brim")
    librarian.register()
    librarian.press("Undo")
    expect(page.locator(".toast", has_text="as version 3")).to_be_visible()
    assert running.server.categories["coffee"].keypoint_names[0] == "rim_left"
    librarian.go("library")
    librarian.press("Show coffee")
    earlier = page.get_by_role("region", name="Earlier versions")
    expect(earlier.locator("li")).to_have_count(2)
    expect(earlier.locator("img").first).to_have_js_property("naturalWidth", 240)
    librarian.press("Restore version 2 of coffee")
    expect(page.locator(".card")).to_contain_text("version 4")
    assert running.server.categories["coffee"].keypoint_names[0] == "brim"
