"""An evaluation as a self-contained HTML report."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from cape_ros.core.errors import SourceError
from cape_ros.lab.evaluation.charts import Axis, Line, bar_chart, line_chart, thinned
from cape_ros.lab.evaluation.evaluate import CategoryResult, Evaluation
from cape_ros.lab.evaluation.methods import COPY, NEAREST, PROPOSALS, WEIGHTS
from cape_ros.lab.evaluation.pictures import jpeg, pair_picture
from cape_ros.lab.evaluation.protocol import THRESHOLDS, compared
from cape_ros.lab.evaluation.score_quality import calibration_bins, risk_coverage
from cape_ros.lab.evaluation.tables import (
    COLUMNS,
    MEAN,
    Row,
    content,
    left_out,
    results,
    score_facts,
    three_digits,
)
from cape_ros.model.scores import RIGHT_WITHIN

KIND = {COPY: "c", NEAREST: "n", PROPOSALS: "p", WEIGHTS: "w"}
WORST = 20
CURVE = [step / 100 for step in range(31)]
WORDS = {
    COPY: "keypoints at the same places as in the support's crop",
    NEAREST: "most similar ImageNet feature",
    PROPOSALS: "what matching finds, before the decoder",
    WEIGHTS: "the whole network",
}


@dataclass(frozen=True)
class Figure:
    """chart: SVG. legend: name and kind of each curve or bar."""

    title: str
    chart: str
    legend: Sequence[tuple[str, str]]


def write_report(
    folder: Path, evaluation: Evaluation, facts: Mapping[str, Any], title: str
) -> Path:
    """index.html and numbers.json into `folder`; returns the page. Raises `SourceError`."""
    numbers = json.dumps(content(evaluation, facts), indent=1)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "numbers.json").write_text(numbers + "\n", encoding="utf-8")
        page = folder / "index.html"
        page.write_text(_page(evaluation, title, numbers), encoding="utf-8")
    except OSError as error:
        raise SourceError(f"{folder}: cannot be written: {error.strerror}") from error
    return page


def _page(evaluation: Evaluation, title: str, numbers: str) -> str:
    pages = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("page")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    shots = min(evaluation.parts)
    pairs = worst(evaluation, shots)
    return pages.get_template("report.html").render(
        title=title,
        pairs=sum(len(part.pairs) for parts in evaluation.parts.values() for part in parts),
        categories=len(evaluation.dataset.categories),
        left_out=left_out(evaluation),
        tiles=_tiles(evaluation),
        columns=COLUMNS,
        tables=_tables(evaluation),
        methods={method: WORDS[method] for method in evaluation.methods},
        thresholds=THRESHOLDS,
        curves=_curves(evaluation),
        bars=_bars(evaluation),
        scores=_score_cells(evaluation),
        score_charts=[one for n in evaluation.parts for one in _score_charts(evaluation, n)],
        worst=[_shown(evaluation, *one) for one in pairs],
        worst_shots=shots,
        worst_of=dict(
            Counter(evaluation.labels[part.category] for _, part, _ in pairs).most_common()
        ),
        numbers=numbers,
    )


def _tiles(evaluation: Evaluation) -> list[tuple[str, str]]:
    tiles = []
    found, scores = results(evaluation), score_facts(evaluation)
    for shots in found[WEIGHTS]:
        pck = {method: rows[shots][MEAN]["PCK@0.1"] for method, rows in found.items()}
        score, anchor = scores[shots]["all"], max(pck[COPY], pck.get(NEAREST, 0))
        words = f"PCK@0.1, {shots}, mean of categories; {anchor:.1f} % without training"
        tiles.append((f"{pck[WEIGHTS]:.1f} %", words))
        tiles.append((three_digits(score["auroc"]), f"AUROC of the scores, {shots}"))
    return tiles


def _tables(evaluation: Evaluation) -> dict[str, dict[str, dict[str, list[tuple[float, bool]]]]]:
    """For "1-shot", ...: category -> method -> (number, whether it is the best) of each column."""
    found = results(evaluation)
    names = [f"{shots}-shot" for shots in evaluation.parts]
    return {
        name: {
            category: _cells({method: rows[name][category] for method, rows in found.items()})
            for category in found[WEIGHTS][name]
        }
        for name in names
    }


def _cells(rows: Mapping[str, Row]) -> dict[str, list[tuple[float, bool]]]:
    """Equal after rounding is equally good."""
    best = {c: max(round(row[c], 1) for row in rows.values()) for c in COLUMNS}
    return {
        method: [(row[c], round(row[c], 1) == best[c]) for c in COLUMNS]
        for method, row in rows.items()
    }


def _curves(evaluation: Evaluation) -> list[Figure]:
    figures = []
    for shots in evaluation.parts:
        lines = [
            Line(method, CURVE, evaluation.curve(shots, method, CURVE), KIND[method])
            for method in evaluation.methods
        ]
        chart = line_chart(
            lines[::-1],  # what lies on the thick line of the weights is drawn over it
            Axis("distance that counts as right, of the box", 0.3, 0.05, percent=False),
            Axis("", 1, 0.25),
            f"PCK against its threshold, {shots}-shot",
        )
        figures.append(Figure(f"{shots}-shot", chart, _legend(evaluation)))
    return figures


def _bars(evaluation: Evaluation) -> list[Figure]:
    figures = []
    for shots, parts in evaluation.parts.items():
        groups = [
            (
                evaluation.labels[part.category],
                [
                    evaluation.metrics(part, method, [RIGHT_WITHIN]).pck[RIGHT_WITHIN]
                    for method in evaluation.methods
                ],
            )
            for part in sorted(parts, key=lambda part: _pck(evaluation, part))
        ]
        chart = bar_chart(
            groups,
            [KIND[method] for method in evaluation.methods],
            f"PCK@0.1 of each category, {shots}-shot",
        )
        figures.append(Figure(f"{shots}-shot, PCK@0.1", chart, _legend(evaluation)))
    return figures


def _pck(evaluation: Evaluation, part: CategoryResult) -> float:
    return evaluation.metrics(part, WEIGHTS, [RIGHT_WITHIN]).pck[RIGHT_WITHIN]


def _legend(evaluation: Evaluation) -> list[tuple[str, str]]:
    return [(method, KIND[method]) for method in evaluation.methods]


def _score_charts(evaluation: Evaluation, shots: int) -> list[Figure]:
    quality = evaluation.all_quality(shots)
    kept, risk = thinned(*risk_coverage(quality.scores, quality.right))
    ideal = thinned(*risk_coverage(quality.right.astype(float), quality.right))
    wrong = 1 - float(quality.right.mean())
    top = max(0.2, np.ceil(5 * max(risk, default=0.2)) / 5)  # its quarters are round
    by_coverage = line_chart(
        [
            Line("no score", [0, 1], [wrong, wrong], "c"),
            Line("ideal", *ideal, "p"),
            Line("score", kept, risk, "w"),
        ],
        Axis("points kept, the best scores first", 1, 0.25),
        Axis("", top, top / 4),
        f"Share of wrong points among those kept, {shots}-shot",
    )
    mean, share, counts = calibration_bins(quality.scores, quality.right)
    by_score = line_chart(
        [
            Line("honest", [0, 1], [0, 1], "c"),
            Line("bins", mean.tolist(), share.tolist(), "w", counts.tolist()),
        ],
        Axis("score", 1, 0.25),
        Axis("", 1, 0.25),
        f"Share of right points against their score, {shots}-shot",
    )
    return [
        Figure(
            f"{shots}-shot: wrong among the points that are kept",
            by_coverage,
            [("by score", "w"), ("if it knew all", "p"), ("if it knew nothing", "c")],
        ),
        Figure(
            f"{shots}-shot: right, at each score",
            by_score,
            [("points of a score", "w"), ("score = chance of being right", "c")],
        ),
    ]


def _score_cells(evaluation: Evaluation) -> dict[str, dict[str, list[str]]]:
    """For "1-shot", ...: category -> the columns of the scores' table."""
    keys = "auroc", "calibration_error", "risk_area", "best_risk_area"
    return {
        shots: {
            category: [three_digits(row[key]) for key in keys]
            + [_swap(row.get(name)) for name in ("swapped", "empty")]
            for category, row in of_category.items()
        }
        for shots, of_category in score_facts(evaluation).items()
    }


def _swap(trial: Mapping[str, float] | None) -> str:
    return f"{trial['median']:.2f} of {trial['median_right']:.2f}" if trial else "-"


def _shown(
    evaluation: Evaluation, error: float, part: CategoryResult, number: int
) -> dict[str, Any]:
    """A pair with its picture."""
    pair = part.pairs[number]
    score = float(part.scores[number][compared(evaluation.dataset, pair)].mean())
    picture = pair_picture(
        evaluation.dataset, pair, part.points[WEIGHTS][number], f"score {score:.2f}"
    )
    return {
        "name": evaluation.labels[part.category],
        "error": error,
        "score": score,
        "height": picture.shape[0],
        "width": picture.shape[1],
        "jpeg": base64.b64encode(jpeg(picture)).decode(),
        "query": evaluation.dataset.instances[pair[-1]].image.name,
    }


def worst(
    evaluation: Evaluation, shots: int, most: int = WORST
) -> list[tuple[float, CategoryResult, int]]:
    """(mean error of the common points, part, number of the pair): the worst pair of each query,
    worst first."""
    found = []
    for part in evaluation.parts[shots]:
        for number in range(len(part.pairs)):
            errors = evaluation.errors(part, number)
            if len(errors):
                found.append((float(errors.mean()), part, number))
    found.sort(key=lambda one: -one[0])
    seen: set[int] = set()
    distinct = []
    for error, part, number in found:
        if (query := part.pairs[number][-1]) not in seen:
            seen.add(query)
            distinct.append((error, part, number))
    return distinct[:most]
