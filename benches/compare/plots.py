"""The figures as pictures: for each row one dot a run, a bar at the median, peer beside peer."""

import statistics

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot  # noqa: E402

from rows import ROWS  # noqa: E402
from table import values  # noqa: E402

COLOURS = {"pump": "#9aa0a6", "nginx": "#2f7d4f", "haproxy": "#2b5fa8", "writegate": "#b3402a"}


def draw(result, place):
    """One file with all rows that there are."""
    shown = [(name, row, figure) for name, row in ROWS.items() for figure in row.figures() if any_of(result, name, figure, row)]
    columns = min(3, len(shown))
    height = -(-len(shown) // columns)
    matplotlib.rcParams["svg.hashsalt"] = "compare"
    matplotlib.rcParams["svg.fonttype"] = "none"
    matplotlib.rcParams["font.size"] = 9
    figure, axes = pyplot.subplots(height, columns, figsize=(3.6 * columns, 2.5 * height), squeeze=False)
    for axis in axes.flat[len(shown):]:
        axis.set_visible(False)
    for axis, (name, row, what) in zip(axes.flat, shown):
        panel(axis, result, name, row, what)
    figure.suptitle(f"The less the better; {result['rounds']} rounds, {result['machine']['processor']}", fontsize=9)
    figure.tight_layout()
    figure.savefig(place / "compare.svg", metadata={"Date": None})
    pyplot.close(figure)


def any_of(result, name, figure, row):
    return any(values(result, name, figure, peer) for peer in row.peers)


def panel(axis, result, name, row, figure):
    """One row: bars of the medians, from zero, and a dot for each run."""
    for place, peer in enumerate(row.peers):
        found = list(values(result, name, figure, peer).values())
        if not found:
            continue
        median = statistics.median(found)
        axis.bar(place, median, width=0.7, color=COLOURS[peer], alpha=0.45)
        axis.plot([place] * len(found), found, "o", markersize=3, color=COLOURS[peer])
        axis.annotate(f"{median:.3g}", (place, max(found)), textcoords="offset points", xytext=(0, 4), ha="center", fontsize=8)
    axis.set_xticks(range(len(row.peers)), row.peers)
    axis.set_title(f"{name}: {figure}", fontsize=9, loc="left")
    axis.set_ylabel("ratio" if figure == "of tcp" else row.unit)
    axis.margins(y=0.15)
    axis.set_ylim(bottom=0)
    for side in ["top", "right"]:
        axis.spines[side].set_visible(False)
