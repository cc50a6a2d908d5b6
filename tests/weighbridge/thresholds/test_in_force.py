"""The keys in force of a thresholds file: what stands beside a threshold's own rules."""

from pathlib import Path

from weighbridge.thresholds.in_force import thresholds_in_force

FOLDER = Path(__file__).parents[3] / "pipelines/taxi"


def test_rules_against_an_anchor_are_rules_of_their_own(tmp_path: Path) -> None:
    text = (FOLDER / "gates.yaml").read_text()
    given = "auc: {min: 0.94, min_change: -0.01"
    assert given in text
    path = tmp_path / "gates.yaml"
    path.write_text(text.replace(given, f"{given}, anchor: {{max_change: 0.5, severity: warning}}", 1))
    keys = {key.path: key for key in thresholds_in_force(path).keys}
    key = keys["quality.metrics.auc.anchor.max_change"]
    assert (key.value, key.severity, key.is_rule) == (0.5, "warning", True)
    assert key.against == "the metric on all rows minus the anchor's"
    assert key.line == keys["quality.metrics.auc.min"].line
    assert keys["quality.metrics.auc.min"].severity == "blocking"
