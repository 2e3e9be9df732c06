"""The growth of cost as a chart: what stays flat, and where it bends."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

Points = Mapping[int, Mapping[str, float]]
"""Milliseconds of each act, by how much there is of what grows."""


def draw(by_backlog: Points, by_mailboxes: Points, file: Path) -> None:
    """Write both charts into *file*, side by side, on logarithmic scales."""
    mpl.rcParams["svg.hashsalt"] = "scale"  # the same figures make the same file
    mpl.rcParams["svg.fonttype"] = "none"  # text, not outlines of letters
    figure = Figure(figsize=(11, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    _lines(left, by_backlog, "deliveries that wait (95 mailboxes)")
    _lines(right, by_mailboxes, "mailboxes (100,000 deliveries wait)")
    left.set_ylabel("milliseconds of processor time")
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    figure.savefig(file, metadata={"Date": None})


def _lines(axes: Axes, points: Points, label: str) -> None:
    places: Sequence[int] = sorted(points)
    for act in points[places[0]] if places else ():
        axes.plot(places, [points[place][act] for place in places], marker="o", markersize=4, label=act)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(places, [f"{place:,}" for place in places])
    axes.minorticks_off()
    axes.set_xlabel(label)
    axes.grid(visible=True, alpha=0.3)
