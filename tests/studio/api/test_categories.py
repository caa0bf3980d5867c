"""The library over HTTP: what is registered, and registering."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import PIL.Image
import pytest
from browsing import Site

from cape_ros.studio.api import categories

IMAGE = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
POINTS = [(24, 16), (40, 16), (40, 32), (24, 32)]


def cup(site: Site, **other: Any) -> dict[str, Any]:
    """A body to register."""
    keypoints = [{"x": x, "y": y, "visible": True} for x, y in POINTS]
    shot = {"image": site.upload(IMAGE), "box": None, "keypoints": keypoints}
    usual = {"name": "cup", "keypoint_names": list("abcd"), "edges": [[0, 1]], "shots": [shot]}
    return usual | other


def test_register_then_keypoints_on_the_next_frame(site: Site) -> None:
    site.stand.show()
    body = cup(site)
    assert site.post("categories/check", body) == {"faults": []}
    assert site.get("categories")["categories"] == []
    assert site.post("categories", body) == {
        "name": "cup",
        "version": 1,
        "shots": 1,
        "message": "cup version 1: 4 keypoints, 1 shot",
        "doubtful": [],
    }
    site.stand.show()
    assert site.stand.found() == ["cup"]
    known = site.get("categories")
    assert known["database_version"] == 1
    assert known["categories"] == [
        {
            "name": "cup",
            "version": 1,
            "keypoint_names": ["a", "b", "c", "d"],
            "edges": [[0, 1]],
            "shots": 1,
            "active": True,
        }
    ]


def test_shots_come_back_as_they_were_given(site: Site) -> None:
    body = cup(site)
    body["shots"][0]["keypoints"][2] = {"x": 0, "y": 0, "visible": False}
    body["shots"][0]["box"] = {"x": 10, "y": 8, "width": 40, "height": 30}
    site.post("categories", body)
    (support,) = site.get("categories/cup")["supports"]
    assert (support["index"], support["width"], support["height"]) == (0, 64, 48)
    assert support["box"] == body["shots"][0]["box"]
    assert support["keypoints"] == body["shots"][0]["keypoints"]
    whole = PIL.Image.open(io.BytesIO(site.get("categories/cup/shots/0")))
    assert np.array_equal(np.asarray(whole), IMAGE)
    small = PIL.Image.open(io.BytesIO(site.get("categories/cup/shots/0?width=32")))
    assert (small.format, small.size) == ("JPEG", (32, 24))


def test_modes(site: Site) -> None:
    site.post("categories", cup(site))
    assert "registered already" in site.faults("categories", cup(site))["name"]
    added = site.post("categories", cup(site, mode="add_shots", keypoint_names=[], edges=[]))
    summary = (
        "cup version 2: 4 keypoints, 2 shots; 3 of 4 points are found from the other shots; "
        "look again at 'c' of shot 2"
    )
    doubtful = [{"shot": 1, "keypoint": 2}]
    expected = {"name": "cup", "version": 2, "shots": 2, "message": summary, "doubtful": doubtful}
    assert added == expected
    assert site.get("categories/cup/check") == {"right": 3, "judged": 4, "doubtful": doubtful}
    site.get("categories/pan/check", 404)
    assert (
        "differ"
        in site.faults("categories", cup(site, mode="add_shots", keypoint_names=list("abce")))[
            "keypoint_names"
        ]
    )
    replaced = site.post("categories", cup(site, mode="replace"))
    assert (replaced["version"], replaced["shots"]) == (3, 1)


def test_programs_are_told_the_kind_of_a_fault(site: Site) -> None:
    site.post("categories", cup(site))

    def codes(body: dict[str, Any], status: int = 400) -> dict[str, str]:
        faults = site.post("categories", body, status)["faults"]
        return {fault["field"]: fault["code"] for fault in faults}

    assert codes(cup(site)) == {"name": "category_exists"}
    assert codes(cup(site, name="mug", mode="add_shots"), 404) == {"name": "unknown_category"}
    differing = cup(site, mode="add_shots", keypoint_names=list("abce"))
    assert codes(differing) == {"keypoint_names": "differs"}
    body = cup(site, mode="replace")
    body["shots"][0]["image"] = "0123456789abcdef"
    assert codes(body) == {"shots[0].image": "unknown_image"}
    assert codes(cup(site, mode="replace", colour="red")) == {"colour": "unknown_field"}
    (fault,) = site.post("categories/check", cup(site))["faults"]
    assert fault["code"] == "category_exists"


def test_every_fault_is_named_and_nothing_is_changed(site: Site) -> None:
    body = cup(site, name="a cup", keypoint_names=["a", "a", "c", " "], edges=[[0, 9]])
    body["shots"].insert(0, {**body["shots"][0], "image": "0123456789abcdef"})
    body["shots"][1]["keypoints"] = [{"x": 900, "y": 3}, *body["shots"][0]["keypoints"][1:]]
    faults = site.post("categories/check", body)["faults"]
    assert {fault["field"] for fault in faults} == {
        "shots[0].image",
        "shots[1].keypoints[0]",
        "name",
        "keypoint_names[1]",
        "keypoint_names[3]",
        "edges[0]",
    }
    assert set(site.faults("categories", body)) == {fault["field"] for fault in faults}
    assert site.stand.server.categories == {}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"shots": []}, "shots"),
        ({"shots": 7}, "shots"),
        ({"edges": [[0]]}, "edges[0][1]"),
        ({"edges": [["a", "b"]]}, "edges[0][0]"),
        ({"mode": "burn"}, "mode"),
        ({"nonsense": 1}, "nonsense"),
        ({"name": "../../etc"}, "name"),
        ({"name": None}, "name"),
        ({"keypoint_names": ["a"] * 2000}, "keypoint_names"),
    ],
)
def test_what_is_no_category_is_refused_by_field(
    site: Site, change: dict[str, Any], field: str
) -> None:
    assert field in site.faults("categories", cup(site) | change)
    assert site.stand.server.categories == {}


def test_numbers_that_are_none(site: Site) -> None:
    body = cup(site)
    body["shots"][0]["keypoints"][1]["x"] = "number"
    template = json.dumps(body)
    for number in ("NaN", "Infinity", "1e999", "-1e300", "9" * 400, '"a"', "null", "[]", "true"):
        text = template.replace('"number"', number)
        answer = site.browser.post(
            "/api/categories", content=text, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == (200 if number == "true" else 400), number
        if number != "true":
            assert answer.json()["faults"][0]["field"].startswith("shots[0].keypoints[1]")


def test_remove(site: Site) -> None:
    site.post("categories", cup(site))
    site.ask("DELETE", "categories/cup", 204)
    assert site.get("categories")["categories"] == []
    site.ask("DELETE", "categories/cup", 404)
    site.get("categories/cup", 404)
    site.get("categories/cup/shots/0", 404)


def test_activation(site: Site) -> None:
    for name in ("cup", "pan"):
        site.post("categories", cup(site, name=name))
    site.stand.show()
    site.post("categories/cup/activation", {"active": False})
    site.stand.show()
    assert site.stand.found() == ["pan"]
    assert site.get("cameras")[0]["active"] == ["pan"]
    active = {each["name"]: each["active"] for each in site.get("categories")["categories"]}
    assert active == {"cup": False, "pan": True}
    site.post("categories", cup(site, name="pot"))
    site.stand.show()
    assert site.stand.found() == ["pan", "pot"]  # what is registered is active
    site.post("categories/cup/activation", {"active": True})
    site.stand.register("jug")
    site.stand.show()
    assert set(site.stand.found()) == {"cup", "pan", "pot", "jug"}  # all, as at first
    site.post("categories/mug/activation", {"active": True}, 404)


def test_a_renamed_category_keeps_its_shots_and_where_it_is_active(site: Site) -> None:
    for name in ("cup", "pan"):
        site.post("categories", cup(site, name=name))
    site.stand.show()
    site.post("categories", cup(site, mode="replace"))
    site.post("categories/pan/activation", {"active": False})

    def rename(old: str, status: int = 200, **body: Any) -> Any:
        return site.ask("PATCH", f"categories/{old}", status, json=body)

    answer = rename("cup", name="mug", base_version=2)
    assert (answer["name"], answer["version"], answer["shots"]) == ("mug", 1, 1)
    assert "cup is called mug version 1" in answer["message"]
    assert "the versions of cup are kept under that name" in answer["message"]
    rename("pan", name="pot")
    active = {each["name"]: each["active"] for each in site.get("categories")["categories"]}
    assert active == {"mug": True, "pot": False}
    site.stand.show()
    assert site.stand.found() == ["mug"]
    picture = PIL.Image.open(io.BytesIO(site.get("categories/mug/shots/0")))
    assert np.array_equal(np.asarray(picture), IMAGE)
    assert [each["version"] for each in site.get("categories/cup/versions")] == [2, 1]
    rename("mug", name="cup")
    assert site.get("categories/cup")["version"] == 3  # a version means one thing for ever


def test_a_renaming_that_is_refused_changes_nothing(site: Site) -> None:
    for name in ("cup", "pan"):
        site.post("categories", cup(site, name=name))
    for name, code in (("pan", "category_exists"), ("cup", "category_exists"), ("a b", "invalid")):
        refused = site.ask("PATCH", "categories/cup", 400, json={"name": name})
        assert [(f["field"], f["code"]) for f in refused["faults"]] == [("name", code)]
    conflict = site.ask("PATCH", "categories/cup", 409, json={"name": "mug", "base_version": 7})
    assert conflict["present_version"] == 1
    site.ask("PATCH", "categories/jug", 404, json={"name": "mug"})
    known = {each["name"]: each["version"] for each in site.get("categories")["categories"]}
    assert known == {"cup": 1, "pan": 1}


def test_more_than_a_registration_may_hold(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(categories, "MOST_PIXELS", 5000)
    body = cup(site)
    assert site.post("categories/check", body) == {"faults": []}
    assert "megapixels" in site.faults("categories", body | {"shots": body["shots"] * 2})["shots"]
    text = json.dumps(body | {"name": "x" * 5_000_000})
    answer = site.browser.post("/api/categories", content=text)
    assert answer.status_code == 413
    assert site.browser.post("/api/categories", content=iter([text.encode()])).status_code == 413


def test_a_change_that_is_based_on_an_older_version_is_refused(site: Site) -> None:
    site.post("categories", cup(site))
    theirs = site.post("categories", cup(site, mode="replace", base_version=1, edges=[[2, 3]]))
    assert theirs["version"] == 2
    for mode in ("replace", "add_shots"):
        mine = cup(site, mode=mode, base_version=1, edges=[])
        answer = site.post("categories", mine, 409)
        assert answer["present_version"] == 2
        (fault,) = answer["faults"]
        assert (fault["field"], fault["code"]) == ("base_version", "conflict")
        assert "version 2" in fault["reason"]
        assert [f["code"] for f in site.post("categories/check", mine)["faults"]] == ["conflict"]
    assert site.ask("DELETE", "categories/cup?base_version=1", 409)["present_version"] == 2
    known = site.get("categories/cup")
    assert (known["version"], known["edges"]) == (2, [[2, 3]])
    mine = cup(site, mode="add_shots", base_version=2, edges=[])
    assert site.post("categories", mine)["version"] == 3
    site.ask("DELETE", "categories/cup?base_version=3", 204)


def test_a_change_of_a_category_that_was_removed_meanwhile_is_refused(site: Site) -> None:
    site.post("categories", cup(site))
    site.ask("DELETE", "categories/cup", 204)
    for mode in ("replace", "add_shots"):
        answer = site.post("categories", cup(site, mode=mode, base_version=1), 409)
        assert answer["present_version"] is None
        assert "not registered any more" in answer["faults"][0]["reason"]
    assert site.get("categories")["categories"] == []


def test_a_base_version_is_a_number_from_one_on(site: Site) -> None:
    for version in (0, -1, "x"):
        assert "base_version" in site.faults("categories", cup(site, base_version=version))


def test_a_replaced_version_is_restored_as_a_new_one(site: Site) -> None:
    site.post("categories", cup(site))
    site.post("categories", cup(site, mode="replace", keypoint_names=list("wxyz")))
    (old,) = site.get("categories/cup/versions")
    assert (old["version"], old["keypoint_names"]) == (1, list("abcd"))
    assert old["supports"][0]["keypoints"][0] == {"x": 24, "y": 16, "visible": True}
    whole = PIL.Image.open(io.BytesIO(site.get("categories/cup/versions/1/shots/0")))
    assert np.array_equal(np.asarray(whole), IMAGE)
    path = "categories/cup/versions/1/restore"
    assert site.post(path, {"base_version": 1}, 409)["present_version"] == 2
    assert site.post(path, {}, 400)["faults"][0]["code"] == "category_exists"
    assert site.post(path, {"base_version": 2})["version"] == 3
    assert site.get("categories/cup")["keypoint_names"] == list("abcd")
    assert [each["version"] for each in site.get("categories/cup/versions")] == [2, 1]


def test_a_removed_category_is_restored(site: Site) -> None:
    site.stand.show()
    site.post("categories", cup(site))
    site.ask("DELETE", "categories/cup", 204)
    assert site.get("categories")["removed"] == [{"name": "cup", "version": 1}]
    answer = site.post("categories/cup/versions/1/restore", {})
    assert (answer["name"], answer["version"]) == ("cup", 2)
    known = site.get("categories")
    assert known["removed"] == []
    assert known["categories"][0]["active"]
    site.stand.show()
    assert site.stand.found() == ["cup"]


def test_what_is_not_kept_is_not_restored(site: Site) -> None:
    site.post("categories", cup(site))
    for name in ("cup", "pan", "-"):
        site.ask("POST", f"categories/{name}/versions/1/restore", 404, json={})
    assert site.get("categories/cup/versions") == []
