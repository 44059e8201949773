"""A picture of time against size, a line for each tool, the floor drawn in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.peers.report import STEPS, Key, Medians

# A tool keeps its colour in every picture; the floor is what the others stand on.
COLOURS = {
    "floor": "#666666", "poscloud": "#0072b2", "short-lived": "#56b4e9", "pulumi": "#009e73",
    "plain": "#d55e00", "helm": "#cc79a7", "apply": "#e69f00", "kustomize": "#8c6d1f",
}  # fmt: skip


def draw(found: dict[Key, Medians], folder: Path) -> Sequence[Path]:
    """Write ``speed.png`` and ``speed.svg`` into ``folder``."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "poscloud"
    from matplotlib import pyplot
    from matplotlib.ticker import LogLocator, NullFormatter, NullLocator, StrMethodFormatter

    sizes = sorted({row.objects for (workload, *_), row in found.items() if "+" not in workload})
    figure, axes = pyplot.subplots(1, len(STEPS), figsize=(4 * len(STEPS), 4.2), layout="constrained")
    for axis, step in zip(axes, STEPS, strict=True):
        for tool, colour in COLOURS.items():
            points = sorted(
                (row.objects, row.seconds)
                for (workload, at, name), row in found.items()
                if (at, name) == (step, tool) and "+" not in workload
            )
            if points:
                style = "--" if tool == "floor" else "-"
                axis.plot(
                    *zip(*points, strict=True), style, color=colour, marker="o", markersize=4, label=tool
                )
        axis.set(title=step, xlabel="objects", xscale="log", yscale="log")
        axis.set_xticks(
            sizes, [str(size) for size in sizes]
        )  # of all the logarithm's ticks, those that were measured
        axis.xaxis.set_minor_locator(NullLocator())
        axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.yaxis.set_minor_formatter(NullFormatter())
        axis.grid(alpha=0.3, which="both")
    axes[0].set_ylabel("seconds (median)")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(COLOURS), frameon=False)
    files = [folder / "speed.png", folder / "speed.svg"]
    figure.savefig(files[0], dpi=110)
    figure.savefig(files[1], metadata={"Date": None})
    pyplot.close(figure)
    return files
