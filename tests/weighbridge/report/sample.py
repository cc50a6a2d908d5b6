"""Evidence of runs as they happen: a refused one, a passed one, the first run ever, one that stopped at the data.

All is written to artifact folders and gathered from there, as a run does it. Statistics are the real taxi data's,
which ship inside the installed tfx package.
"""

import importlib.util
import json
import math
import random
import shutil
from pathlib import Path
from typing import Any

from weighbridge.report.evidence import Evidence
from weighbridge.verdict import Bounds, Estimate, Gate, Rates, Risk, Sampled, Verdict

FEATURES = (
    "company", "dropoff_census_tract", "dropoff_community_area", "dropoff_latitude", "dropoff_longitude", "fare",
    "payment_type", "pickup_census_tract", "pickup_community_area", "pickup_latitude", "pickup_longitude", "tips",
    "trip_miles", "trip_seconds", "trip_start_day", "trip_start_hour", "trip_start_month", "trip_start_timestamp",
)  # fmt: skip
SLICES = {
    "trip_start_hour": range(0, 24, 3),
    "payment_type": ("Cash", "Credit Card"),
    "company": ("Taxi Affiliation Services", "Dispatch Taxi"),
}
VERSIONS = {"python": "3.11.2", "tfx": "1.16.0", "tensorflow": "2.16.2", "keras": "3.6.0"}
STEPS = ("ExampleGen", "ProductionModel", "DataValidator", "Trainer", "Evaluator", "Pusher")


def digest(letter: str) -> str:
    return "sha256:" + letter * 64


def data_gates(drifted: bool = False) -> list[Gate]:
    gates = Bounds(max=0.001).judge("examples.quarantined_fraction", 0.0)
    gates += Bounds(min=5000).judge("data.rows.train", 10_012, baseline=9_871, unit="rows")
    gates += Bounds(min=2000).judge("data.rows.eval", 4_990, baseline=4_903, unit="rows")
    for name in FEATURES:
        gates.append(
            Gate(
                name=f"data.train.{name}.schema",
                status="passed",
                observed=0,
                threshold=0,
                message=f"{name} is as the schema says.",
            )
        )
    gates.append(
        Gate(name="data.label.present", status="passed", observed=0.0, threshold=0.0, message="tips is in every row.")
    )
    gates.append(
        Gate(
            name="data.label.distinct.min",
            status="passed",
            observed=942,
            threshold=2,
            message="tips has 942 distinct values.",
        )
    )
    for place, name in enumerate(("fare", "trip_miles", "trip_seconds", "payment_type", "company", "trip_start_hour")):
        gates += Bounds(max=0.02).judge(f"data.skew.{name}.jensen_shannon", 0.0012 + place * 0.0007)
    far = 0.214 if drifted else 0.004
    gates += Bounds(max=0.05).judge(
        "data.drift_production.payment_type.linf",
        far,
        advice="'Cash' has 38.4% of the rows, against 59.8%. Retrain on newer data, or accept it in gates.yaml.",
    )
    gates += Bounds(max=0.05).judge("data.drift_production.fare.jensen_shannon", 0.0031)
    return gates


def training_gates() -> list[Gate]:
    return [
        Gate(
            name="training.loss.finite",
            status="passed",
            observed=0.4187,
            message="loss fell to 0.4187 and stayed finite.",
        ),
        Gate(name="training.model.exported", status="passed", observed=True, message="The model was exported."),
    ]


def quality_gates(auc: float, production: bool) -> list[Gate]:
    before = Estimate(0.9212, 0.9139, 0.9285) if production else None
    change = Estimate(auc - 0.9212, auc - 0.9251, auc - 0.9173) if production else None
    advice = "Look at the features and the label of the training data, then train again."
    gates = Bounds(min=0.85, min_change=-0.005).judge(
        "quality.auc", Estimate(auc, auc - 0.008, auc + 0.008), baseline=before, change=change, advice=advice
    )
    gates += Bounds(max=0.2).judge(
        "quality.calibration_error", Estimate(0.031, 0.024, 0.041), baseline=Estimate(0.029) if production else None
    )
    for feature, values in SLICES.items():
        for place, value in enumerate(values):
            gates += Bounds(min=0.7).judge(f"quality.{feature}={value}.auc", auc - 0.01 + 0.004 * (place % 5))
    gates += Bounds(min=50, severity="warning").judge(
        "quality.company=3201 - C&D Cab Co Inc.rows",
        12,
        unit="rows",
        advice="Too few rows to tell: collect more, or leave the slice out.",
    )
    return gates


def latency_gates(slow: bool, production: bool) -> list[Gate]:
    gates = []
    for size, p99 in ((1, 4.83), (32, 9.12)):
        value = p99 * (6.4 if slow else 1)
        gates += Bounds(max=20 if size == 1 else 40, max_ratio=1.2).judge(
            f"latency.batch_{size}.p99_ms",
            Estimate(value, value * 0.94, value * 1.07),
            baseline=Estimate(p99 * 0.98) if production else None,
            unit="ms",
            sampled=Sampled(Risk(false_pass=0.025)),
            advice="Profile the serving signature, or take a smaller model.",
        )
    gates += Bounds(max=5_000).judge("latency.load_ms", Estimate(1_322.0, 1_240.0, 1_410.0), unit="ms")
    gates += Bounds(max=50_000_000).judge(
        "latency.model_bytes", 1_482_113, baseline=1_480_002 if production else None, unit="bytes"
    )
    return gates


def push_gates() -> list[Gate]:
    return [
        Gate(name="push.verdict.passed", status="passed", observed=True, threshold=True, message="The verdict passed."),
        Gate(
            name="push.model_digest.equal",
            status="passed",
            observed=digest("b"),
            threshold=digest("b"),
            message="The model is the one that was weighed.",
        ),
    ]


def interval(value: float, width: float) -> dict[str, float]:
    return {"value": round(value, 6), "low": round(value - width, 6), "high": round(value + width, 6)}


def metrics(auc: float, production: bool) -> dict[str, Any]:
    rng = random.Random(7)
    rows: list[dict[str, Any]] = []
    for name, value in (("auc", auc), ("accuracy", auc - 0.06), ("calibration_error", 0.031)):
        slices = [("", 4_990)] + [
            (f"{feature}={each}", rng.randrange(80, 900)) for feature, values in SLICES.items() for each in values
        ]
        for where, count in slices:
            wobble = 0.0 if not where else rng.uniform(-0.03, 0.02)
            width = 0.55 / math.sqrt(count)
            before = interval(value + wobble + 0.004, width) if production else None
            change = interval(-0.004, width / 3) if production else None
            rows.append(
                {
                    "name": name,
                    "slice": where,
                    "rows": count,
                    **interval(value + wobble, width),
                    "production": before,
                    "change": change,
                }
            )
    power = (1 - auc) / auc
    roc = [[place / 200, (place / 200) ** power] for place in range(201)]
    bins = [
        [(place + 0.5) / 10, min((place + 0.5) / 10 * 1.04, 1.0), int(2_000 * math.exp(-place / 2.2)) + 60]
        for place in range(10)
    ]
    theirs = [[x, max(y - 0.03, 0), n] for x, y, n in bins]
    return {
        "split": "eval", "rows": 4_990, "confidence": 0.95, "label": "big_tipper", "metrics": rows,
        "plots": {
            "roc": {"candidate": roc, "production": [[x, y**0.92] for x, y in roc] if production else None},
            "calibration": {"candidate": bins, "production": theirs if production else None},
        },
    }  # fmt: skip


def model_latency(p50: float, seed: int, size: int) -> dict[str, Any]:
    rng = random.Random(seed)
    calls = sorted(
        p50 * rng.lognormvariate(0, 0.16) + (rng.expovariate(0.2) if rng.random() < 0.02 else 0) for _ in range(2_000)
    )
    low, high = calls[0], calls[-1]
    edges = [low + (high - low) * place / 120 for place in range(121)]
    counts = [0] * 120
    for call in calls:
        counts[min(int((call - low) / (high - low) * 120), 119)] += 1
    at = {f"p{share}_ms": interval(calls[len(calls) * share // 100], 0.03 * p50) for share in (50, 95, 99)}
    return {
        **at,
        "throughput_rows_s": interval(size * 1000 / p50, 20.0),
        "histogram": {"edges_ms": edges, "counts": counts},
    }


def latency(slow: bool, production: bool) -> dict[str, Any]:
    batches = []
    for size, p50 in ((1, 3.1), (32, 6.6)):
        ours, theirs = model_latency(p50 * (6.4 if slow else 1.03), size, size), model_latency(p50, size + 1, size)
        ratio = {
            "p50_ms": interval(6.4 if slow else 1.03, 0.01),
            "p95_ms": interval(6.3 if slow else 1.04, 0.03),
            "p99_ms": interval(6.4 if slow else 1.02, 0.06),
            "throughput_rows_s": interval(1 / 6.4 if slow else 0.97, 0.01),
        }
        batches.append(
            {
                "batch_size": size,
                "calls": 2_000,
                "candidate": ours,
                "production": theirs if production else None,
                "ratio": ratio if production else None,
            }
        )
    pair = lambda ours, theirs: {"candidate": ours, "production": theirs if production else None}  # noqa: E731
    return {
        "signature": "serving_default", "inputs": {}, "confidence": 0.95, "variants": [],
        "model_bytes": pair(1_482_113, 1_480_002),
        "load_ms": pair(interval(1_322, 85), interval(1_310, 80)),
        "peak_memory_bytes": pair(interval(212e6, 4e6), interval(210e6, 4e6)), "batches": batches,
    }  # fmt: skip


def history(epochs: int = 12) -> dict[str, Any]:
    curve = lambda start, end, speed: [end + (start - end) * math.exp(-place / speed) for place in range(epochs)]  # noqa: E731
    found = {
        "loss": curve(0.69, 0.41, 2.5),
        "val_loss": curve(0.66, 0.43, 2.2),
        "auc": curve(0.6, 0.93, 2),
        "val_auc": curve(0.62, 0.92, 2),
    }
    found["learning_rate"] = [0.001 * 0.8**place for place in range(epochs)]
    return {
        "epochs": epochs,
        "metrics": found,
        "seconds": [1.9] * epochs,
        "strategy": "cpu",
        "devices": ["/device:CPU:0"],
        "seed": 42,
        "resumed_from_epoch": 0,
    }


def summary() -> dict[str, Any]:
    splits = {
        "train": {"rows": 10_012, "content_digest": digest("1")},
        "eval": {"rows": 4_990, "content_digest": digest("2")},
    }
    files = [{"path": "/data/taxi/data.csv", "bytes": 1_922_812, "sha256": "3" * 64}]
    return {
        "splits": splits,
        "total_rows": 15_002,
        "quarantined_rows": 3,
        "rows_after_end": 0,
        "rows_left_out": 0,
        "time_splits": {},
        "time_end": None,
        "sample": 1.0,
        "content_digest": digest("a"),
        "input_digest": digest("3"),
        "files": files,
        "span": None,
        "columns": {"fare": "float"},
    }


def comparison(gates: list[Gate]) -> dict[str, Any]:
    found = [(gate, gate.name.split(".")) for gate in gates if gate.name.startswith(("data.skew", "data.drift"))]
    return {
        "distances": [
            {
                "feature": words[2],
                "kind": words[1],
                "measure": words[3],
                "value": gate.observed,
                "threshold": gate.threshold,
            }
            for gate, words in found
        ]
    }


def statistics(folder: Path) -> Path:
    spec = importlib.util.find_spec("tfx")
    assert spec is not None
    assert spec.origin is not None
    return shutil.copytree(Path(spec.origin).parent / "components/testdata/statistics_gen", folder)


def steps(stopped: int | None = None) -> list[dict[str, Any]]:
    """Steps as the local runner records them; all after number `stopped` are skipped."""
    found = []
    for place, name in enumerate(STEPS):
        state = "done" if stopped is None or place < stopped else "refused" if place == stopped else "skipped"
        seconds = 0.0 if state == "skipped" else (2.31, 0.12, 3.4, 24.8, 11.02, 0.31)[place]
        found.append(
            {
                "name": name,
                "state": state,
                "seconds": seconds,
                "note": "10,012 train + 4,990 eval rows" if place == 0 else "",
            }
        )
    return found


def write(folder: Path, name: str, value: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(value))


def _evidence(root: Path, gates: list[Gate], run_steps: list[dict[str, Any]], **measured: dict[str, Any]) -> Evidence:
    folders = {key: root / key for key in ("examples", "statistics", "anomalies", "model_run", "evaluation")}
    write(folders["examples"], "summary.json", summary())
    statistics(folders["statistics"])
    write(folders["anomalies"], "comparison.json", comparison(gates))
    for name, value in measured.items():
        write(folders["model_run" if name == "history" else "evaluation"], f"{name}.json", value)
    subject = {"data": digest("a"), "model": digest("b"), "code": digest("c"), "gates": digest("d")}
    if "metrics" not in measured:
        subject = {"data": digest("a")}
    verdict = Verdict.of(gates, pipeline="taxi", run_id="20260314-092653-5f1c", subject=subject)
    return Evidence.collect(verdict, folders, steps=run_steps, versions=VERSIONS)


def refused(root: Path) -> Evidence:
    """A worse and slower model than the one in production."""
    gates = data_gates() + training_gates() + quality_gates(0.8123, True) + latency_gates(True, True)
    return _evidence(
        root, gates, steps(4), metrics=metrics(0.8123, True), latency=latency(True, True), history=history()
    )


def passed(root: Path) -> Evidence:
    """As good as production: pushed."""
    gates = data_gates() + training_gates() + quality_gates(0.9187, True) + latency_gates(False, True) + push_gates()
    return _evidence(
        root, gates, steps(), metrics=metrics(0.9187, True), latency=latency(False, True), history=history()
    )


def first_run(root: Path) -> Evidence:
    """Nothing in production yet."""
    gates = [gate.model_copy(update={"baseline": None}) for gate in data_gates() if "drift" not in gate.name]
    gates += training_gates() + quality_gates(0.9187, False) + latency_gates(False, False) + push_gates()
    return _evidence(
        root, gates, steps(), metrics=metrics(0.9187, False), latency=latency(False, False), history=history(1)
    )


def stopped(root: Path) -> Evidence:
    """Drifted data: nothing was trained."""
    return _evidence(root, data_gates(drifted=True), steps(2))


COUNTRIES = ("Belgium", "EIRE", "France", "Germany", "Netherlands", "United Kingdom", "<b>Utopia</b>")


def ranking_metrics(production: bool) -> dict[str, Any]:
    """What a provider for rankings leaves: metrics by k and by slice, and plots of every kind."""
    rng = random.Random(11)
    rows: list[dict[str, Any]] = []
    for name, value in (("recall@20", 0.312), ("ndcg@20", 0.187), ("mrr", 0.143), ("coverage@20", 0.62)):
        for where, count in [("", 812), *((f"country={each}", rng.randrange(20, 400)) for each in COUNTRIES)]:
            wobble, width = (rng.uniform(-0.05, 0.05), 0.5 / math.sqrt(count)) if where else (0.0, 0.02)
            rows.append(
                {
                    "name": name,
                    "slice": where,
                    "rows": count,
                    **interval(value + wobble, width),
                    "production": interval(value + wobble - 0.01, width) if production else None,
                    "change": interval(0.01, width / 3) if production else None,
                }
            )
    share = [place / 40 for place in range(41)]
    months = [f"2010-{month:02d}" for month in range(1, 13)]
    quality = [0.3 + 0.02 * math.sin(place) for place in range(12)]
    plots = {
        "coverage": {
            "kind": "lines",
            "title": "Coverage of the catalogue",
            "x_title": "share of the items",
            "y_title": "share of the recommendations",
            "series": [
                {"name": name, "x": share, "y": [x**power for x in share]}
                for name, power in (
                    ("candidate", 0.35),
                    ("production", 0.25),
                    ("popularity", 0.1),
                    ("co-occurrence", 0.3),
                )
            ],
        },
        "over_time": {
            "kind": "lines",
            "title": "recall@20 over time",
            "x_title": "evaluated month",
            "y_title": "recall@20",
            "series": [
                {
                    "name": "candidate",
                    "x": months,
                    "y": quality,
                    "low": [value - 0.02 for value in quality],
                    "high": [value + 0.02 for value in quality],
                },
                {"name": "popularity", "x": months, "y": [value - 0.08 if value < 0.31 else None for value in quality]},
            ],
        },
        "baselines": {
            "kind": "bars",
            "title": "recall@20 against baselines",
            "unit": "recall@20",
            "rows": [
                {"name": "model", **interval(0.312, 0.02), "production": interval(0.302, 0.02) if production else None},
                {"name": "popularity", **interval(0.105, 0.015)},
                {"name": "popularity by country", **interval(0.121, 0.015)},
                {"name": "item-to-item co-occurrence", **interval(0.268, 0.02)},
            ],
        },
        "examples": {
            "kind": "table",
            "title": "Recommendations",
            "note": "Three users of the eval split, drawn at random.",
            "columns": ["user", "hits", "history", "recommended"],
            "rows": [
                [
                    f"user {place}",
                    place,
                    ["RED SPOTTY CUP", "<script>alert(1)</script>"],
                    [f"ITEM & {n}" for n in range(20)],
                ]
                for place in range(3)
            ],
        },
        "odd": {"kind": "pie", "title": "Pie"},
    }
    return {"split": "eval", "rows": 812, "confidence": 0.95, "label": "", "metrics": rows, "plots": plots}


def ranked(root: Path) -> Evidence:
    """A model that ranks: no label, metrics of another provider, variants."""
    times = latency(False, True) | {"signature": "recommend", "inputs": {"k": 20}}
    times["variants"] = [
        {
            "name": name,
            "model_bytes": size,
            "batches": [
                {"batch_size": rows, "calls": 400, "candidate": model_latency(p50 * rows**0.4, rows, rows)}
                for rows in (1, 64)
            ],
        }
        for name, size, p50 in (("items_10x", 14_820_113, 5.2), ("items_100x", 148_200_113, 21.0))
    ]
    gates = Bounds(min=0.25, min_change=-0.01).judge(
        "quality.recall@20",
        Estimate(0.312, 0.292, 0.332),
        baseline=Estimate(0.302, 0.282, 0.322),
        change=Estimate(0.01, 0.003, 0.017),
    )
    for country in COUNTRIES:
        gates += Bounds(min=0.2).judge(f"quality.country={country}.recall@20", 0.29)
    gates += Bounds(min=0.05).judge("quality.country=Germany.ndcg@20", 0.02, advice="Look at its rows.")
    gates += Bounds(max=20).judge("latency.items_10x.batch_1.p99_ms", Estimate(9.1, 8.8, 9.6), unit="ms")
    gates += Bounds(max=20).judge("latency.items_100x.batch_1.p99_ms", Estimate(33.0, 31.0, 36.0), unit="ms")
    return _evidence(
        root, data_gates() + gates, steps(), metrics=ranking_metrics(True), latency=times, history=history()
    )


def undecided(root: Path) -> Evidence:
    """Quality judged by intervals: one gate proves the model wrong, of two the rows are too few, one of which warns."""
    sampled, warning = (Sampled(Risk(), rows=4_990, on_undecided=each) for each in ("refuse", "warn"))
    before = Estimate(0.9212, 0.9139, 0.9285)
    gates = data_gates()
    rates = Rates(false_pass=0.53, false_refusal=0.00001)
    gates = [gate.model_copy(update={"rates": rates}) if "jensen_shannon" in gate.name else gate for gate in gates]
    gates += Bounds(min=0.85, min_change=-0.012).judge(
        "quality.auc",
        Estimate(0.9187, 0.911, 0.9264),
        baseline=before,
        change=Estimate(-0.0025, -0.0081, 0.0031),
        sampled=sampled,
    )
    for name, change, how in (
        ("payment_type=Cash", Estimate(-0.052, -0.0741, -0.0301), sampled),
        ("payment_type=Credit Card", Estimate(-0.022, -0.044, 0.0001), sampled),
        ("trip_start_hour=3", Estimate(-0.018, -0.04, 0.004), warning),
    ):
        gates += Bounds(min_change=-0.03).judge(
            f"quality.{name}.auc",
            0.9,
            baseline=Estimate(0.9212, 0.8912, 0.9512),
            change=change,
            sampled=how,
            advice="Look at its rows.",
        )
    return _evidence(root, gates, steps(4), metrics=metrics(0.9187, True), latency=latency(False, True))


RUNS = {
    "refused": refused,
    "passed": passed,
    "first_run": first_run,
    "stopped": stopped,
    "ranked": ranked,
    "undecided": undecided,
}
