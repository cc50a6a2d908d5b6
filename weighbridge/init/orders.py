"""A recommender of one's own, from order lines: which column is which, what is written, what its first run proposes."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from weighbridge.common.errors import UsageError
from weighbridge.datasets.shop.columns import COUNTRY, CUSTOMER, DATE, DESCRIPTION, INVOICE, ITEM, PRICE, QUANTITY
from weighbridge.evidence.latency import LatencyReport
from weighbridge.evidence.metrics import Metric, Metrics
from weighbridge.evidence.summary import ExamplesSummary
from weighbridge.init import thresholds
from weighbridge.init.columns import Rows, as_text, read_rows
from weighbridge.init.measured import artifact_folder
from weighbridge.init.write import render

if TYPE_CHECKING:
    from weighbridge.verdict import Verdict

OWN_DATA = "package:pipelines/recommender/orders.parquet"
"""A year of a made-up shop's orders, which comes with Weighbridge."""

_CALLED = {
    INVOICE: "invoice invoicenumber order orderid ordernumber basket basketid transactionid",
    ITEM: "item itemid product productid productcode sku article articleid code",
    DESCRIPTION: "title name productname itemname text",
    QUANTITY: "qty amount count units",
    DATE: "date orderdate time timestamp datetime created createdat ordertime purchasedate",
    PRICE: "price unitprice itemprice",
    CUSTOMER: "customer customerid user userid client clientid customernumber",
    COUNTRY: "market countrycode region",
}
_CODE = r"\d{5}[A-Za-z]{0,2}"  # of a product, in Online Retail II; other codes there are postage and the like
_METRICS = (
    "recall@20",
    "recall@20.over_popularity",
    "recall@20.over_popularity_by_country",
    "ndcg@20",
    "mrr",
    "coverage@20",
    "index_recall@100",
)
_COMPARED = ("recall@20", "ndcg@20", "mrr")
"""Metrics that are measured of the model in production too."""

_REASONS = ("duplicate", "cancelled", "returned", "no_product", "no_price", "no_customer")
_LEAST_SHARE = 0.01


def columns_of(names: Sequence[str], given: Mapping[str, str], data: str, command: str) -> dict[str, str]:
    """New names of the columns of order lines, by the data's own, where they differ.

    Args:
        names: of the data's columns.
        given: what the user said: name here, by the name in the data.
        data: for messages.
        command: to run next, to which `--column` is added.

    Raises:
        UsageError: a name is unknown, or a column that is needed is nowhere.
    """
    for old, new in given.items():
        if old not in names:
            raise UsageError(f"--column {old}={new}: {data} has no column {old!r}", f"It has: {', '.join(names)}.")
        if new not in _CALLED:
            raise UsageError(f"--column {old}={new}: {new!r} is no column of order lines", f"They are: {_needed()}.")
    found = {new: old for old, new in given.items()}
    for needed, others in _CALLED.items():
        spellings = [needed.lower(), *others.split()]
        matching = [name for name in names if _spelled(name) in spellings and name not in found.values()]
        if needed not in found and matching:
            found[needed] = min(matching, key=lambda name: spellings.index(_spelled(name)))
    missing = [needed for needed in _CALLED if needed not in found]
    if missing:
        left = [name for name in names if name not in found.values()]
        raise UsageError(
            f"Which column of {data} is the {missing[0]}?"
            + (f" Also: {', '.join(missing[1:])}." if missing[1:] else ""),
            f"Order lines have {_needed()}. Not yet known are: {', '.join(left) or 'none'}.\n"
            f"Say it: {command} --column '{left[0] if left else 'YOURS'}={missing[0]}'",
        )
    return {old: new for new, old in found.items() if old != new}


def _spelled(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())


def _needed() -> str:
    return ", ".join(_CALLED)


def product_pattern(rows: Rows, columns: Mapping[str, str]) -> str:
    """Regular expression of a product's code: Online Retail's where most codes are so, else any."""
    import pyarrow.compute as pc

    name = next((old for old, new in columns.items() if new == ITEM), ITEM)
    codes = as_text(rows.table.column(name)).unique().drop_null()
    alike = pc.sum(pc.match_substring_regex(codes, rf"^{_CODE}$")).as_py() or 0
    return _CODE if alike * 2 >= len(codes) else ".+"


def code_files(values: Mapping[str, Any]) -> dict[str, str]:
    """The texts of the package's files, by their path in it."""
    return {
        "__init__.py": render("package.py", **values),
        "pipeline.py": render("pipeline_recommender.py", **values),
        "model.py": render("model_recommender.py", **values),
        "tests/__init__.py": "",
        "tests/test_pipeline.py": render("test_pipeline.py", **values),
        "Jenkinsfile": render("Jenkinsfile", **values),
        "README.md": render("README_recommender.md", **values),
    }


def permissive_gates() -> str:
    """Thresholds of the first run, that is to be measured and not judged."""
    bounds = {"max": 1.0}
    histories = {
        "removed": dict.fromkeys(_REASONS, bounds),
        "top_customer_share": bounds,
        "known_items": {"min": 0},
        "customers": {"min": 1},
    }
    return str(
        yaml.safe_dump(
            {
                "examples": {"max_quarantined_fraction": 0.9, "rows_lost": {"max": 1_000_000_000}},
                "data": {"anomalies": "warning"},
                "steps": {"Histories": histories},
                "quality": {
                    "signature": "recommend",
                    "inputs": {"k": 100},
                    "metrics": {name: {"min": -1e9, "severity": "warning"} for name in _METRICS},
                },
                "latency": {
                    "signature": "recommend",
                    "inputs": {"k": 20},
                    "budget_s": 30,
                    "batch_sizes": {size: {"p50_ms": {"max": 1e9, "severity": "warning"}} for size in (1, 64)},
                },
            },
            sort_keys=False,
            default_flow_style=None,
        )
    )


def proposed_gates(package: str, root: Path, verdict: "Verdict", date: str) -> str:
    """The text of `gates.yaml` with thresholds as the first run suggests them, each marked for review."""
    examples = ExamplesSummary.require(artifact_folder(root, "ExampleGen/examples/*"))
    metrics = {each.name: each for each in Metrics.require(artifact_folder(root, "Evaluator/evaluation/*")).overall()}
    latency = LatencyReport.require(artifact_folder(root, "Evaluator/evaluation/*"))
    observed = {gate.name: float(gate.observed) for gate in verdict.gates if isinstance(gate.observed, int | float)}

    def worst(what: str, rule: str, choose: Any) -> float:
        return float(
            choose(value for key, value in observed.items() if re.fullmatch(rf"histories\.\w+\.{what}\.{rule}", key))
        )

    removed = {reason: worst(reason, "max", max) for reason in _REASONS}
    top, known = worst("top_customer_share", "max", max), worst("known_items", "min", min)
    customers = int(worst("customers", "min", min))
    splits = {split: each.rows for split, each in examples.splits.items()}
    return render(
        "gates_recommender.yaml",
        name=package,
        date=date,
        rows=f"{examples.total_rows:,}",
        malformed=examples.quarantined_rows,
        most_malformed=thresholds.most_malformed(examples.quarantined_rows, examples.total_rows),
        splits=splits,
        least_rows=thresholds.least_rows,
        removed={reason: (share, _most_share(share)) for reason, share in removed.items()},
        top=(top, _most_share(top)),
        known=(known, thresholds.nice_down(0.8 * known)),
        customers=(customers, thresholds.least_rows(customers)),
        metrics=[_proposal(metrics[name]) for name in _METRICS],
        latency=thresholds.of_latency(latency),
        model=thresholds.of_model(latency),
    )


def _proposal(metric: Metric) -> thresholds.Proposal:
    found = thresholds.at_least(metric, -1.0 if ".over_" in metric.name else 0.0)
    return found if metric.name in _COMPARED else dataclasses.replace(found, rules={"min": found.rules["min"]})


def _most_share(share: float) -> float:
    return min(1.0, thresholds.nice_up(max(_LEAST_SHARE, 1.5 * share)))


@dataclass(frozen=True)
class Orders:
    """What is written for order lines; see `weighbridge.init.start`.

    Attributes:
        columns: new names of columns, by the data's own.
        product: regular expression of a product's code.
    """

    columns: Mapping[str, str]
    product: str

    def lines(self) -> list[str]:
        """What was found, for people."""
        found = [f"Column: {old!r} is the {new}." for old, new in self.columns.items()]
        return [*found, f"Products: items whose code is like {self.product}."]

    def code(self, values: Mapping[str, Any]) -> dict[str, str]:
        """The texts of the package's files, by their path in it."""
        what = "recommends what a customer buys next, from order lines."
        given = {"title": f"{values['name']}: {what}", "columns": dict(self.columns), "product": self.product}
        return code_files({**values, **given})

    def permissive(self) -> str:
        """`gates.yaml` of the first run."""
        return permissive_gates()

    def proposed(self, name: str, root: Path, verdict: "Verdict", date: str) -> str:
        """`gates.yaml` as that run proposes it."""
        return proposed_gates(name, root, verdict, date)

    def facts(self) -> dict[str, Any]:
        """What was found, for machines."""
        return {"columns": dict(self.columns), "product": self.product}


def look_at_orders(data: str, given: Mapping[str, str], shown: str, command: str) -> Orders:
    """Which column of order lines is which.

    Args:
        data: file, folder, glob or pattern.
        given: name here, by the name in the data, as far as the user said.
        shown: the data as the user gave them, for messages.
        command: to run next, for messages.

    Raises:
        UsageError: a column that is needed is nowhere, or the data cannot be read.
    """
    rows = read_rows(data)
    columns = columns_of(rows.table.schema.names, given, shown, command)
    return Orders(columns, product_pattern(rows, columns))
