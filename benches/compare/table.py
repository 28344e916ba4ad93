"""The table: medians, ratios with their spread, and whether a target is met.

A ratio is taken within a round, of two runs that followed each other; beside its median stand the least and the greatest of all
rounds. A target is met if all of them meet it, and missed if none does; between the two the figures do not say.
"""

import statistics

from rows import ROWS

# The share of a core that goes to nobody in particular.
QUIET = 0.05
VERDICTS = {"met": "met", "missed": "MISSED", "open": "within the spread"}


def values(result, row, figure, peer):
    """By round."""
    return {
        sample["round"]: sample[figure]
        for sample in result["samples"]
        if sample["row"] == row and sample["peer"] == peer and figure in sample
    }


def spread(numbers):
    """Median, least, greatest."""
    numbers = list(numbers)
    return statistics.median(numbers), min(numbers), max(numbers)


def ratios(result, row, figure, peer):
    """The gateway's figure over the peer's, round by round."""
    ours, theirs = (values(result, row, figure, name) for name in ["writegate", peer])
    return [ours[turn] / theirs[turn] for turn in ours if theirs.get(turn)]


def verdict(numbers, bound):
    """Whether all are within the bound, or none, or some."""
    if max(numbers) <= bound:
        return "met"
    return "missed" if min(numbers) > bound else "open"


def judged(numbers, target, aim, what):
    """A line for the target, and one for the aim where there is one."""
    median, least, most = spread(numbers)
    shown = f"{median:.2f} ({least:.2f}-{most:.2f})" if len(numbers) > 1 else f"{median:.2f}"
    for kind, bound in [("target", target), ("aim", aim)]:
        if bound is not None:
            yield f"  {what}: {shown}, {kind} at most {bound:g}: {VERDICTS[verdict(numbers, bound)]}"


def lines(result):
    """All lines of it, row by row."""
    shown = [f"{'row':8} {'figure':8} {'peer':10} {'median':>9} {'least-most':>19} {'rate':>7} {'busy':>5}   writegate/peer (spread)"]
    for name, row in ROWS.items():
        for figure in row.figures():
            for peer in row.peers:
                numbers = values(result, name, figure, peer).values()
                if not numbers:
                    continue
                median, least, most = spread(numbers)
                unit = "" if figure == "of tcp" else row.unit
                extent = f"{least:.2f}-{most:.2f} {unit}"
                line = f"{name:8} {figure:8} {peer:10} {median:9.2f} {extent:>19} {pace(result, name, peer)}"
                both = ratios(result, name, figure, peer)
                if peer != "writegate" and both:
                    median, least, most = spread(both)
                    line += f"   {median:.2f} ({least:.2f}-{most:.2f})"
                shown.append(line)
    return shown


def pace(result, row, peer):
    """Requests a second, and how much of its core the peer was at work."""
    rates, shares = (values(result, row, what, peer).values() for what in ["rate", "busy"])
    if not rates or not shares:
        return " " * 13
    return f"{statistics.median(rates):7.0f} {statistics.median(shares):5.0%}"


def unrest(result):
    """Whether others were at work where the peers were."""
    most = max((sample.get("others", 0) for sample in result["samples"]), default=0)
    if most > QUIET:
        yield f"The machine was not quiet: others, or the kernel for nobody, had up to {most:.0%} of a peer's core. No figures to quote."


def targets(result):
    """What became of each target."""
    for name, row in ROWS.items():
        for figure, peer, target, aim in row.targets:
            numbers = ratios(result, name, figure, peer)
            if numbers:
                yield from judged(numbers, target, aim, f"{name} {figure} / {peer}")
        for figure, target, aim in row.limits:
            numbers = list(values(result, name, figure, "writegate").values())
            if numbers:
                yield from judged(numbers, target, aim, f"{name} {figure}")


def text(result):
    """The whole of it."""
    machine = result["machine"]
    head = [f"{result['when']} UTC, {result['rounds']} rounds of {result['seconds']} s each, {result['minutes']} minutes in all"]
    head += [f"{what}: {said}" for what, said in machine.items()]
    head += result["notes"]
    if result["void"]:
        head.append(f"VOID, and no figures to quote: {result['void']}")
    if result["rounds"] < 5:
        head.append("Fewer than 5 rounds: no figures to quote.")
    head += unrest(result)
    says = [f"  {name}: {row.says}" for name, row in ROWS.items() if any(one["row"] == name for one in result["samples"])]
    rows = ["Rows, `cpu` being processor time of the peer a request:", *says]
    return "\n".join([*head, "", *lines(result), "", *rows, "", "Targets:", *targets(result), ""])
