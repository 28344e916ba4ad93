"""Growth as pictures: a file for each curve, cost beside memory, both axes logarithmic; a dot a run, a line through the medians."""

import math
import statistics

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot, ticker  # noqa: E402

from curves import CURVES  # noqa: E402
from growth_table import all_series, steps, values  # noqa: E402

COLOURS = ["#b3402a", "#2b5fa8"]
PREFIXES = {2**20: "Mi", 2**10: "Ki"}


def draw(result, place):
    """One file for each curve that there is."""
    matplotlib.rcParams["svg.hashsalt"] = "growth"
    matplotlib.rcParams["svg.fonttype"] = "none"
    matplotlib.rcParams["font.size"] = 9
    for name, curve in CURVES.items():
        if len(steps(result, name)) < 2:
            continue
        figure, (cost, memory) = pyplot.subplots(1, 2, figsize=(7.6, 2.9))
        panel(cost, result, name, "cpu")
        cost.set_ylabel("µs a request")
        panel(memory, result, name, "memory")
        memory.set_ylabel(curve.memory)
        cost.legend(frameon=False, loc="upper left")
        figure.tight_layout()
        figure.savefig(place / f"{name}.svg", metadata={"Date": None})
        pyplot.close(figure)


def panel(axis, result, name, figure):
    """One figure over the steps, and what linear growth would be."""
    curve = CURVES[name]
    for colour, series in zip(COLOURS, all_series(result, name)):
        found = [(step, list(values(result, name, series, step, figure).values())) for step in steps(result, name)]
        medians = [(step, statistics.median(runs)) for step, runs in found if runs]
        if not medians:
            continue
        axis.plot(*zip(*medians), "-", linewidth=1, color=colour, label=series or None)
        axis.plot(*zip(*[(step, run) for step, runs in found for run in runs]), "o", markersize=3, color=colour, alpha=0.6)
    scales(axis, steps(result, name), curve)
    if figure == "cpu" and medians:
        slope(axis, medians)
    for side in ["top", "right"]:
        axis.spines[side].set_visible(False)


def scales(axis, found, curve):
    """Logarithmic, with a place for zero where there is one, and at least a decade high, so that noise does not look like growth."""
    axis.set_xscale("symlog", linthresh=found[1] / 2) if found[0] == 0 else axis.set_xscale("log")
    axis.set_yscale("log")
    least, most = axis.get_ylim()
    if most / least < 20:
        middle = math.sqrt(least * most)
        axis.set_ylim(middle / math.sqrt(20), middle * math.sqrt(20))
    axis.xaxis.set_major_locator(ticker.FixedLocator(found))
    axis.xaxis.set_minor_locator(ticker.NullLocator())
    axis.xaxis.set_major_formatter(ticker.FixedFormatter([short(step, curve.over) for step in found]))
    # Few enough to be read, however many decades there are.
    between = [1, 2, 5] if most / least < 1_000 else [1]
    axis.yaxis.set_major_locator(ticker.LogLocator(subs=between))
    axis.yaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:,g}" if value < 1e4 else f"{value:,.0f}"))
    axis.yaxis.set_minor_locator(ticker.NullLocator())
    axis.tick_params(axis="x", rotation=45)
    axis.set_xlabel(curve.over)
    axis.grid(axis="y", linewidth=0.3)


def slope(axis, medians):
    """A dashed line as steep as linear growth, through the middle step."""
    step, cost = medians[len(medians) // 2]
    least, most = axis.get_ylim()
    ends = [end for end, _ in medians[len(medians) // 2:]]
    axis.plot(ends, [cost * end / step for end in ends], "--", linewidth=0.8, color="#9aa0a6", label="as the steps grow")
    axis.set_ylim(least, most)


def short(step, over):
    """A step as a tick: 64Ki bytes, 20k of what is counted."""
    if over == "bytes":
        return next((f"{step // unit}{prefix}" for unit, prefix in PREFIXES.items() if step >= unit), str(step))
    return next((f"{step / unit:g}{prefix}" for unit, prefix in {10**6: "M", 10**3: "k"}.items() if step >= unit), str(step))
