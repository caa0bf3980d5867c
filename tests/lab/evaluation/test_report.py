from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from cape_ros.core.errors import SourceError
from cape_ros.lab.datasets.mp100 import Dataset
from cape_ros.lab.evaluation.charts import Axis, Line, bar_chart, line_chart, thinned
from cape_ros.lab.evaluation.evaluate import Evaluation, compare
from cape_ros.lab.evaluation.report import worst, write_report
from cape_ros.lab.evaluation.tables import content
from cape_ros.model import CapeFormer


@pytest.fixture(scope="module")
def evaluation(photograph_data: Dataset, net: CapeFormer) -> Evaluation:
    return compare(photograph_data.only(["coffee", "rocket"]), net, {}, shots=(1, 2), most_pairs=4)


@pytest.fixture(scope="module")
def page(evaluation: Evaluation, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = write_report(tmp_path_factory.mktemp("report"), evaluation, {}, "a <title>")
    return path.read_text()


def test_nothing_is_loaded_from_elsewhere(page: str) -> None:
    assert "http://" not in page
    assert "https://" not in page
    sources = re.findall(r'src="(.{15})', page)
    assert 2 <= len(sources) <= 6  # a picture of every query that was drawn
    assert set(sources) == {"data:image/jpeg"}
    assert "<script" not in page
    assert "prefers-color-scheme:dark" in page
    assert "a &lt;title&gt;" in page
    assert "nan" not in re.sub(r'src="[^"]*"', "", page)


def test_the_best_of_each_column_is_marked(page: str) -> None:
    groups = page.split('<tr class="group">')[1:]
    tables = [group for group in groups if "<td>proposals alone" in group]
    assert len(tables) == 2 * 3  # shots x (two categories and their mean)
    for group in tables:
        cells = re.findall(r"<td data-n( class=best)?>([\d.]+)</td>", group)
        for column in range(4):
            numbers = [float(value) for _, value in cells[column::4]]
            marked = [float(value) for mark, value in cells[column::4] if mark]
            assert set(marked) == {max(numbers)}


def test_the_worst_come_first_and_no_query_twice(evaluation: Evaluation) -> None:
    found = worst(evaluation, 1)
    errors = [error for error, _, _ in found]
    assert errors == sorted(errors, reverse=True)
    queries = [part.pairs[number][-1] for _, part, number in found]
    assert len(set(queries)) == len(queries)
    everything = [
        evaluation.errors(part, number).mean()
        for part in evaluation.parts[1]
        for number in range(len(part.pairs))
    ]
    assert errors[0] == pytest.approx(max(everything))
    assert worst(evaluation, 1, most=1) == found[:1]


def test_it_says_of_what_the_worst_are(page: str, evaluation: Evaluation) -> None:
    names = [evaluation.labels[part.category] for _, part, _ in worst(evaluation, 1)]
    summary = page.partition("Among them: ")[2].partition(".</p>")[0]
    assert sorted(summary.split(", ")) == sorted(
        f"{names.count(name)} {name}" for name in set(names)
    )


def test_the_numbers_lie_beside_the_page(evaluation: Evaluation, tmp_path: Path) -> None:
    write_report(tmp_path / "new", evaluation, {"name": "x"}, "t")
    numbers = json.loads((tmp_path / "new" / "numbers.json").read_text())
    assert numbers == json.loads(json.dumps(content(evaluation, {"name": "x"})))


def test_a_folder_that_cannot_be_made_is_an_error(evaluation: Evaluation, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SourceError, match="cannot be written"):
        write_report(tmp_path / "file", evaluation, {}, "t")


def test_a_curve_stays_in_its_plot_and_leaves_out_what_is_no_number() -> None:
    line = Line("a<b", [0, 0.5, 1], [0.2, float("nan"), 7.0], "w", [4, 0, 1])
    chart = line_chart([line], Axis("x", 1, 0.5), Axis("", 1, 0.5), 'says "so"')
    assert chart.count("<circle") == 2
    assert "nan" not in chart
    large, small = (float(r) for r in re.findall(r' r="([\d.]+)"', chart))
    assert large > small
    assert "&quot;so&quot;" in chart
    assert all(0 <= float(y) <= 230 for y in re.findall(r'cy="([-\d.]+)"', chart))
    assert "&lt;cat&gt;" in bar_chart([("<cat>", [0.5])], ["w"], "bars")


def test_a_thinned_curve_keeps_its_ends() -> None:
    x, y = thinned(np.arange(1000.0), np.arange(1000.0) ** 2, most=10)
    assert len(x) == 10
    assert (x[0], x[-1], y[-1]) == (0, 999, 999**2)
    assert thinned(np.empty(0), np.empty(0)) == ([], [])
