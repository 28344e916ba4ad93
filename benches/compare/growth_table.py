"""The tables of growth, as they stand in the documentation, and whether something grows as it should not.

An exponent is the slope of a line through the upper half of the steps, log over log: 0 for what stays, 1 for what grows as they do. It
is found in each round, and may be a little greater, since caches hold less of more. What is greater than that in every round is worse
than it should be.
"""

import math
import statistics

from curves import CURVES
from table import unrest

# Fewer rounds say nothing.
ROUNDS = 3
# By how much an exponent may be above what it is expected to be.
MORE = 0.2


def steps(result, name):
    """Those that were measured."""
    return sorted({sample["step"] for sample in result["samples"] if sample["curve"] == name})


def all_series(result, name):
    return list(dict.fromkeys(sample["series"] for sample in result["samples"] if sample["curve"] == name))


def values(result, name, series, step, figure):
    """By round."""
    return {
        sample["round"]: sample[figure]
        for sample in result["samples"]
        if (sample["curve"], sample["series"], sample["step"]) == (name, series, step) and figure in sample
    }


def upper(result, name):
    """The upper half of the steps: below it stands what a request costs at all."""
    found = steps(result, name)
    return found[len(found) // 2:]


def exponents(result, name, series, figure):
    """By round."""
    span = upper(result, name)
    rounds = [values(result, name, series, step, figure) for step in span]
    whole = [turn for turn in rounds[0] if all(turn in found for found in rounds)]
    return [slope([(step, found[turn]) for step, found in zip(span, rounds)]) for turn in whole]


def slope(points):
    """By least squares, of logarithms."""
    over, cost = ([math.log(max(value, 1e-9)) for value in column] for column in zip(*points))
    return statistics.linear_regression(over, cost).slope


def number(value):
    """Three digits, or all before the point."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def extent(numbers, shown=number):
    """Median, and between what."""
    ends = f" ({shown(min(numbers))} to {shown(max(numbers))})" if len(numbers) > 1 else ""
    return shown(statistics.median(numbers)) + ends


def judgements(result, name, series):
    """For each thing that may grow too fast, a request's cost first: what it is, its values by round, the most it may be."""
    curve = CURVES[name]
    named = f"{name}, {series}" if series else name
    if curve.level:
        first, *_, last = (values(result, name, series, step, "cpu") for step in steps(result, name))
        yield f"{named}: the last step's cost over the first's", [last[turn] / first[turn] for turn in last], curve.level
        return
    yield f"{named}: exponent of a request's cost", exponents(result, name, series, "cpu"), int(curve.linear) + MORE
    if curve.memory_level:
        yield f"{named}: exponent of {curve.memory}", exponents(result, name, series, "memory"), MORE


def all_judgements(result):
    """A run that is void may have left some curves without an upper half, which then has nothing to say."""
    for name in CURVES:
        for series in all_series(result, name) if len(steps(result, name)) > 2 else []:
            yield from (judgement for judgement in judgements(result, name, series) if judgement[1])


def is_worse(result, found, most):
    """Whether all rounds say so, and are enough to say so."""
    return result["rounds"] >= ROUNDS and not result["quick"] and min(found) > most


def is_broken(result):
    return any(is_worse(result, found, most) for _, found, most in all_judgements(result))


def verdicts(result):
    for what, found, most in all_judgements(result):
        shown = extent(found, "{:.2f}".format)
        said = "WORSE THAN LINEAR" if "exponent" in what else "NOT NEARLY CONSTANT"
        yield f"  {what}: {shown}, at most {most:.2f}: {said if is_worse(result, found, most) else 'held'}"


def columns(result, name, series):
    """Rows of a table, of text."""
    curve = CURVES[name]
    rows = [[curve.over, "µs a request", "times the step before", curve.memory]]
    before = None
    for step in steps(result, name):
        cpu, memory = (list(values(result, name, series, step, figure).values()) for figure in ["cpu", "memory"])
        if not cpu:
            continue
        median = statistics.median(cpu)
        grown = f"{median / before:.2f}" if before else "–"
        rows.append([f"{step:,}", extent(cpu), grown, number(statistics.median(memory)) if memory else "–"])
        before = median
    return rows


def summary(result):
    """A row for each curve, as it stands in the documentation."""
    rows = [["", "from", "to", "µs a request: at first, in the middle, at last", "cost grows by", "at most", "memory at last"]]
    for name, curve in CURVES.items():
        found = steps(result, name)
        for series in all_series(result, name) if len(found) > 2 else []:
            costs = [values(result, name, series, step, "cpu").values() for step in [found[0], upper(result, name)[0], found[-1]]]
            memory = values(result, name, series, found[-1], "memory").values()
            _, grown, most = next(judgements(result, name, series))
            if not grown:
                continue
            rows.append([
                f"{name}, {series}" if series else name, f"{found[0]:,}", f"{found[-1]:,}",
                "; ".join(number(statistics.median(cost)) for cost in costs),
                ("{}" if curve.level else "x^{}").format(extent(grown, "{:.2f}".format)),
                f"{most:.1f}" if curve.level else f"x^{most:.1f}",
                f"{number(statistics.median(memory))} {curve.memory}",
            ])
    return rows


def table(rows):
    """In Markdown that can be read as it is."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    # What a row is about stands at the left, its figures at the right.
    padded = [[row[0].ljust(widths[0]), *(text.rjust(width) for text, width in zip(row[1:], widths[1:]))] for row in rows]
    lines = ["| " + " | ".join(row) + " |" for row in padded]
    line = "|" + "-" * (widths[0] + 2) + "|" + "|".join("-" * (width + 1) + ":" for width in widths[1:]) + "|"
    return [lines[0], line, *lines[1:]]


def text(result):
    """The whole of it."""
    lines = [f"{result['when']} UTC, {result['rounds']} rounds of {result['seconds']} s a step, {result['minutes']} minutes in all"]
    lines += [f"{what}: {said}" for what, said in result["machine"].items()]
    lines += result["notes"]
    if result["void"]:
        lines.append(f"VOID, and no figures to quote: {result['void']}")
    if result["quick"] or result["rounds"] < ROUNDS:
        lines.append(f"Quick, or fewer than {ROUNDS} rounds: no figures to quote, and nothing is judged.")
    lines += unrest(result)
    for name, curve in CURVES.items():
        for series in all_series(result, name):
            lines += ["", f"{name}: {curve.says}{'; ' + series if series else ''}", ""]
            lines += table(columns(result, name, series))
    lines += ["", "All together, x being what there is more of:", "", *table(summary(result))]
    return "\n".join([*lines, "", "How it grows, and may:", *verdicts(result), ""])
