import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from weighbridge.report import print_card
from weighbridge.verdict import Bounds, Estimate, Gate, Risk, Sampled, Verdict


def card(verdict: Verdict, width: int = 80, terminal: bool = True, encoding: str = "utf-8") -> str:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding)
    print_card(Console(file=file, width=width, force_terminal=terminal, soft_wrap=True, legacy_windows=False), verdict)
    file.flush()
    return raw.getvalue().decode(encoding)


def plain(verdict: Verdict) -> str:
    return card(verdict, terminal=False)


def screen(verdict: Verdict, width: int) -> list[str]:
    file = io.StringIO()
    console = Console(file=file, width=width, force_terminal=True, color_system=None, soft_wrap=True)
    print_card(console, verdict)
    return file.getvalue().splitlines()


@pytest.mark.parametrize("width", [80, 100, 120])
def test_it_fits_the_window(evidence, width):
    assert all(cell_len(line) <= width for line in screen(evidence.verdict, width))


def test_at_80_columns_values_are_whole_and_in_columns(refused):
    lines = screen(refused.verdict, 80)
    [row] = [line for line in lines if line.startswith("✗ auc.min ")]
    assert row.split() == ["✗", "auc.min", "0.8123", "≥", "0.85", "0.9212"]
    heads = [line for line in lines if line.endswith("production")]
    assert len({line.index("observed") for line in heads}) == 1


def test_verdict_is_first_and_last(refused, passed):
    first, *_, last, _ = screen(refused.verdict, 120)[1:]
    assert first.startswith("✗ REFUSED  taxi · 6 of 55 gates refused · 1 warning")
    assert last.startswith("✗ REFUSED by quality.auc.min, ")
    assert last.endswith(" and 3 more")
    assert screen(passed.verdict, 120)[-2] == "✓ PASSED taxi · 57 gates weighed, none refused"


def test_refused_rooms_and_gates_come_first_with_what_to_do(refused):
    text = plain(refused.verdict)
    assert text.index("quality ") < text.index("latency ") < text.index("\n  data ")
    assert text.index("✗ auc.min ") < text.index("✓ calibration_error.max")
    assert "Profile the serving signature, or take a smaller model." in text


def test_many_passed_gates_of_a_kind_are_one_line(passed):
    text = plain(passed.verdict)
    assert "train.*.schema (18 gates)" in text
    assert "skew.*.jensen_shannon.max (6 gates)" in text
    assert "0.0012 – 0.0047" in text
    assert len(text.splitlines()) < 50


def test_away_from_a_terminal_lines_are_plain_and_whole(refused):
    text = plain(refused.verdict)
    assert "\x1b" not in text
    [message] = [line for line in text.splitlines() if "batch_1.p99_ms is 6.531x" in line]
    assert message.endswith("smaller model.")


def test_a_first_run_says_what_had_nothing_to_compare_with(first_run):
    told = "taxi · 52 gates weighed, 3 had nothing to compare with"
    lines = screen(first_run.verdict, 80)
    assert lines[1] == f"✓ PASSED  {told} · 1 warning"
    assert lines[2] == f"  run {first_run.verdict.run_id}"
    assert lines[-2] == f"✓ PASSED {told}"
    [row] = [line for line in lines if line.startswith("○ auc.min_change ")]
    assert row.split() == ["○", "auc.min_change", "–", "≥", "-0.005", "–"]


def test_what_could_not_be_measured_or_decided_is_named_so():
    gates = Bounds(max=20).judge("latency.p99_ms", Estimate(19, 18, 22), sampled=Sampled(Risk()), unit="ms")
    gates += Bounds(min=0.8).judge("quality.auc", None)
    lines = screen(Verdict.of(gates, pipeline="p", run_id="r", subject={}), 120)
    assert lines[1] == "✗ REFUSED  p · 2 of 2 gates refused (1 undecided, 1 unmeasured) · run r"
    assert lines[-2] == "✗ REFUSED by latency.p99_ms.max (undecided), quality.auc.min (unmeasured)"


def test_a_run_that_compared_nothing_is_not_a_pass():
    gates = Bounds(min_change=0).judge("quality.auc", 0.9)
    text = plain(Verdict.of(gates, pipeline="p", run_id="r", subject={}))
    assert text.startswith("✗ REFUSED  p · no gate weighed anything: 1 had nothing to compare with")


def test_a_terminal_gets_colours(refused):
    assert "\x1b[" in card(refused.verdict)


def test_ascii_only():
    gate = Gate(name="a.b.max", status="passed", threshold=1, message="é")
    verdict = Verdict.of([gate], pipeline="é", run_id="r", subject={})
    text = card(verdict, encoding="ascii", terminal=False)
    assert "+ PASSED" in text
    assert "<= 1" in text
    gate = Gate(name="a.b.max_ratio", status="not_compared", threshold=1, message="m")
    assert "o b.max_ratio" in card(Verdict.of([gate], pipeline="p", run_id="r", subject={}), encoding="ascii")


def test_what_data_says_cannot_steer_the_terminal():
    evil = "[red]x[/] \x1b[2J\x07\r\nnext"
    gate = Gate(name=f"a.{evil}.max", status="refused", message=evil)
    verdict = Verdict.of([gate], pipeline=evil, run_id=evil, subject={evil: evil})
    text = plain(verdict)
    assert "[red]x[/]" in text
    assert not {"\x1b", "\x07", "\r"} & set(text)
    assert "\nnext" not in text


def test_no_gates_at_all():
    assert "no gate weighed anything" in plain(Verdict.of([], pipeline="p", run_id="r", subject={}))


def test_long_names_and_values_are_cut_in_a_window_and_whole_elsewhere():
    gate = Gate(
        name=f"data.{'x' * 90}.equal", status="refused", observed="o" * 60, threshold="t" * 60, message="m " * 90
    )
    verdict = Verdict.of([gate], pipeline="p", run_id="r", subject={})
    lines = screen(verdict, 80)
    assert all(cell_len(line) <= 80 for line in lines[1:-3])
    assert any(line.startswith("✗ xxxxxxx") and "…" in line for line in lines)
    assert "x" * 90 in plain(verdict)


def test_thousands_of_refused_gates_do_not_fill_the_window() -> None:
    gates = [Gate(name=f"data.train.f{number:04}.schema", status="refused", message="no") for number in range(3_000)]
    lines = plain(Verdict(passed=False, pipeline="p", run_id="r", subject={}, gates=gates)).splitlines()
    assert len(lines) < 250
    assert "… and 2,900 more gates, all in verdict.json" in lines


def test_three_outcomes_have_three_marks_and_say_interval_risk_and_what_decides(undecided):
    text = plain(undecided.verdict)
    lines = text.splitlines()
    [refused] = [place for place, line in enumerate(lines) if line.startswith("✗ payment_type=Cash.auc.min_change ")]
    assert lines[refused + 2] == (
        "    Interval -0.0741 to -0.0301. Refuses at most 28% of equal models, passes 5% of those at the threshold."
    )
    [open_] = [
        place for place, line in enumerate(lines) if line.startswith("? payment_type=Credit Card.auc.min_change ")
    ]
    assert lines[open_ + 1].startswith(
        "    payment_type=Credit Card.auc is undecided: -0.022 against production (-0.044 to 0.0001), but must be at "
        "least -0.03. About 150,000 rows would tell such a value from that; there are 4,990."
    )
    assert lines[open_ + 2] == "    Refuses 27% of equal models, passes 5% of those at the threshold."
    [warned] = [place for place, line in enumerate(lines) if line.startswith("! trip_start_hour=3.auc.min_change ")]
    assert lines[warned + 2].startswith("    Undecided, which only warns here. Does not pass <0.1% of equal models")
    # What passed is quiet.
    [passed] = [place for place, line in enumerate(lines) if line.startswith("✓ auc.min_change ")]
    assert lines[passed + 1] == ""


def test_what_the_verdict_is_worth_stands_below_it_and_fits_the_window(undecided):
    lines = plain(undecided.verdict).splitlines()
    assert lines[1].startswith(
        "  A model as good as production passes all 4 sampled gates in at least 41 of 100 weighings"
    )
    assert "Data that did not drift pass all 7 drift and skew gates in at least 99 of 100" in lines[1]
    assert all(cell_len(line) <= 80 for line in screen(undecided.verdict, 80))


def test_a_verdict_of_counts_alone_says_nothing_of_risks():
    gates = Bounds(min=3).judge("data.rows", 4)
    text = plain(Verdict.of(gates, pipeline="p", run_id="r", subject={}))
    assert "weighings" not in text
    assert "Refuses" not in text
