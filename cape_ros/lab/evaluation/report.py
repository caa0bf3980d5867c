"""An evaluation as a self-contained HTML report."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from cape_ros.core.errors import SourceError
from cape_ros.lab.evaluation.charts import Axis, Line, bar_chart, legend, line_chart, thinned
from cape_ros.lab.evaluation.evaluate import CategoryResult, Evaluation
from cape_ros.lab.evaluation.methods import COPY, NEAREST, PROPOSALS, WEIGHTS
from cape_ros.lab.evaluation.pictures import jpeg, pair_picture
from cape_ros.lab.evaluation.protocol import THRESHOLDS, compared
from cape_ros.lab.evaluation.report_style import STYLE
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
    sections = [
        _head(evaluation, title),
        _tables(evaluation),
        _curves(evaluation),
        _bars(evaluation),
        _scores(evaluation),
        _worst(evaluation),
        f"<details><summary>All numbers, as JSON</summary><pre>{escape(numbers)}</pre></details>",
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>"
        f"<body><main>{''.join(sections)}</main></body></html>\n"
    )


def _head(evaluation: Evaluation, title: str) -> str:
    tiles = []
    found, scores = results(evaluation), score_facts(evaluation)
    for shots in found[WEIGHTS]:
        pck = {method: rows[shots][MEAN]["PCK@0.1"] for method, rows in found.items()}
        score, anchor = scores[shots]["all"], max(pck[COPY], pck.get(NEAREST, 0))
        words = f"PCK@0.1, {shots}, mean of categories; {anchor:.1f} % without training"
        tiles.append((f"{pck[WEIGHTS]:.1f} %", words))
        tiles.append((f"{three_digits(score['auroc'])}", f"AUROC of the scores, {shots}"))
    pairs = sum(len(part.pairs) for parts in evaluation.parts.values() for part in parts)
    return (
        f"<h1>{escape(title)}</h1><p>{pairs} pairs of "
        f"{len(evaluation.dataset.categories)} categories. A point counts as right at PCK@0.1 if "
        "it lies within a tenth of the longer side of the object's box.</p>"
        + "".join(f'<p class="dim">{escape(sentence)}</p>' for sentence in left_out(evaluation))
        + '<div class="tiles">'
        + "".join(f'<div class="tile"><b>{a}</b><span>{escape(b)}</span></div>' for a, b in tiles)
        + "</div>"
    )


def _tables(evaluation: Evaluation) -> str:
    found = results(evaluation)
    parts = [
        "<h2>How many points are right</h2><p>In percent; the best of each column is marked.</p>"
    ]
    for shots in evaluation.parts:
        name = f"{shots}-shot"
        head = "".join(f"<th>{column.replace('@', '@<wbr>')}</th>" for column in COLUMNS)
        body = "".join(
            _group(category, {method: rows[name][category] for method, rows in found.items()})
            for category in next(iter(found.values()))[name]
        )
        parts.append(
            f'<div class="scroll"><table><thead><tr><th>{name}</th>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table></div>"
        )
    words = "; ".join(f"{method}: {WORDS[method]}" for method in evaluation.methods)
    words += ". mPCK: mean of PCK at " + ", ".join(f"{one:g}" for one in THRESHOLDS)
    return "".join(parts) + f'<p class="dim">{escape(words)}.</p>'


def _group(category: str, rows: Mapping[str, Row]) -> str:
    """The methods of one category; equal after rounding is equally good."""
    best = {c: max(round(row[c], 1) for row in rows.values()) for c in COLUMNS}
    lines = [f'<tr class="group"><th colspan="{len(COLUMNS) + 1}">{escape(category)}</th></tr>']
    for method, row in rows.items():
        cells = "".join(
            f"<td data-n{' class=best' if round(row[c], 1) == best[c] else ''}>{row[c]:.1f}</td>"
            for c in COLUMNS
        )
        lines.append(f"<tr><td>{escape(method)}</td>{cells}</tr>")
    return "".join(lines)


def _curves(evaluation: Evaluation) -> str:
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
        figures.append(_figure(f"{shots}-shot", chart + _legend(evaluation)))
    return f'<h2>PCK at every threshold</h2><div class="charts">{"".join(figures)}</div>'


def _bars(evaluation: Evaluation) -> str:
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
        figures.append(_figure(f"{shots}-shot, PCK@0.1", chart + _legend(evaluation, bars=True)))
    return (
        "<h2>Category by category</h2><p>The hardest for the weights come first.</p>"
        f'<div class="charts">{"".join(figures)}</div>'
    )


def _pck(evaluation: Evaluation, part: CategoryResult) -> float:
    return evaluation.metrics(part, WEIGHTS, [RIGHT_WITHIN]).pck[RIGHT_WITHIN]


def _scores(evaluation: Evaluation) -> str:
    charts = []
    for shots in evaluation.parts:
        quality = evaluation.all_quality(shots)
        kept, risk = thinned(*risk_coverage(quality.scores, quality.right))
        ideal = thinned(*risk_coverage(quality.right.astype(float), quality.right))
        wrong = 1 - float(quality.right.mean())
        top = max(0.2, np.ceil(5 * max(risk, default=0.2)) / 5)  # its quarters are round
        chart = line_chart(
            [
                Line("no score", [0, 1], [wrong, wrong], "c"),
                Line("ideal", *ideal, "p"),
                Line("score", kept, risk, "w"),
            ],
            Axis("points kept, the best scores first", 1, 0.25),
            Axis("", top, top / 4),
            f"Share of wrong points among those kept, {shots}-shot",
        )
        names = [("by score", "w"), ("if it knew all", "p"), ("if it knew nothing", "c")]
        charts.append(
            _figure(f"{shots}-shot: wrong among the points that are kept", chart + legend(names))
        )
        mean, share, counts = calibration_bins(quality.scores, quality.right)
        chart = line_chart(
            [
                Line("honest", [0, 1], [0, 1], "c"),
                Line("bins", mean.tolist(), share.tolist(), "w", counts.tolist()),
            ],
            Axis("score", 1, 0.25),
            Axis("", 1, 0.25),
            f"Share of right points against their score, {shots}-shot",
        )
        names = [("points of a score", "w"), ("score = chance of being right", "c")]
        charts.append(_figure(f"{shots}-shot: right, at each score", chart + legend(names)))
    return (
        "<h2>What the scores are worth</h2><p>A score is meant to be the chance that a point is "
        "right. Below the dotted line of the second chart it is surer of itself than it should "
        f"be; the larger a dot, the more points have such a score.</p>{_score_table(evaluation)}"
        f'<div class="charts">{"".join(charts)}</div>'
    )


def _score_table(evaluation: Evaluation) -> str:
    columns = "AUROC", "ECE", "risk area", "ideal", "swapped", "empty"
    rows = []
    for shots, of_category in score_facts(evaluation).items():
        rows.append(f'<tr class="group"><th colspan="7">{shots}</th></tr>')
        for category, row in of_category.items():
            keys = "auroc", "calibration_error", "risk_area", "best_risk_area"
            cells = [three_digits(row[key]) for key in keys]
            for trial in (row.get("swapped"), row.get("empty")):
                cells.append(
                    f"{trial['median']:.2f} of {trial['median_right']:.2f}" if trial else "-"
                )
            cells = [f"<td>{cell}</td>" for cell in cells]
            rows.append(f"<tr><td>{escape(category)}</td>{''.join(cells)}</tr>")
    head = "".join(f"<th>{column}</th>" for column in columns)
    return (
        f'<div class="scroll"><table><thead><tr><th></th>{head}</tr></thead><tbody>'
        f'{"".join(rows)}</tbody></table></div><p class="dim">AUROC: the chance that a right point '
        "scores higher than a wrong one; 1 is perfect, 0.5 says nothing. ECE: expected calibration "
        "error, how far scores are from the share of right points. Risk area: mean share of wrong "
        "points over all numbers of points kept. Swapped: median score with a support of another "
        "category, of the median with the right one and as many keypoints; empty: the same in a "
        "picture without the object.</p>"
    )


def _worst(evaluation: Evaluation) -> str:
    shots = min(evaluation.parts)
    items = []
    found = worst(evaluation, shots)
    names = Counter(evaluation.labels[part.category] for _, part, _ in found)
    shares = ", ".join(f"{count} {name}" for name, count in names.most_common())
    for error, part, number in found:
        name, pair = evaluation.labels[part.category], part.pairs[number]
        score = float(part.scores[number][compared(evaluation.dataset, pair)].mean())
        picture = pair_picture(
            evaluation.dataset, pair, part.points[WEIGHTS][number], f"score {score:.2f}"
        )
        source = base64.b64encode(jpeg(picture)).decode()
        query = evaluation.dataset.instances[pair[-1]].image.name
        items.append(
            f'<li><figure><img loading="lazy" width="{picture.shape[1]}" '
            f'height="{picture.shape[0]}" alt="{escape(name)}: support and query" '
            f'src="data:image/jpeg;base64,{source}"><figcaption>{escape(name)}, mean error '
            f"<b>{error:.2f}</b> of the box, mean score {score:.2f}<br>{escape(query)}"
            "</figcaption></figure></li>"
        )
    return (
        f"<h2>The worst {len(items)} pairs, {shots}-shot</h2><p>Left the support; right the query: "
        "a dot is the answer, a line leads to the cross of the truth. No query comes twice. "
        f"Among them: {escape(shares)}.</p>"
        f'<ol class="pairs">{"".join(items)}</ol>'
    )


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


def _figure(title: str, inside: str) -> str:
    return f"<figure><h3>{escape(title)}</h3>{inside}</figure>"


def _legend(evaluation: Evaluation, bars: bool = False) -> str:
    return legend([(method, KIND[method]) for method in evaluation.methods], bars)
