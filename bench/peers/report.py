"""What is said about the times: rows, ratios per round, tables in Markdown."""
import math
from statistics import median

import participants

# Supplement of the paper, table of latencies: 12 frames of 224x224, ResNet-50, GTX TITAN X / Core i7-6850K, in ms.
# `network` is what stands for a row here; None: not built from stock parts yet.
PUBLISHED_SHAPE = (12, 224)
PUBLISHED = (
    ("TSM", "22 / 633", "resnet50_tsm", 1.0),
    ("bLVNet-TAM", "37 / 798", None, None),
    ("TANet", "27 / 595", None, None),
    ("SmallBig", "66 / 1268", None, None),
    ("TEA", "40 / 755", None, None),
    ("AdaFocus-TSM", "45 / 744", None, None),
    ("AFNet-TSM, RT .4", "32 / 422", "af_resnet50_tsm", participants.RATIO),
)


def p95(values):
    ordered = sorted(values)
    return ordered[math.ceil(0.95 * len(ordered)) - 1]


def of_rounds(rounds):
    """Summary of [{"ms_median", "ms_p95"}] of one program: medians over its rounds."""
    return {"ms_median": median(r["ms_median"] for r in rounds), "ms_p95": median(r["ms_p95"] for r in rounds)}


def ratio(theirs, ours):
    """Median over rounds of their time over ours in the same round; rounds are {number: {"ms_median"}}."""
    common = sorted(set(theirs) & set(ours))
    if not common:
        return None
    return median(theirs[r]["ms_median"] / ours[r]["ms_median"] for r in common)


def words(engine, form):
    if engine == "afnet":
        return "afnet"
    return participants.ENGINES[engine] + participants.FORM_WORDS[form]


def number(value, form):
    return "" if value is None else format(value, form)


def markdown(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def against(row):
    return ", ".join(f"{value:.2f}x ({ours})" for ours, value in row["ratios"].items())


def ratio_table(rows):
    """network | engine | ms median | p95 | engine / ours"""
    lines = []
    for row in rows:
        name = row["network"]
        if participants.BLOCKS[name]:
            name += f", RT {row['rt']:g}" if row["engine"] == "afnet" or row["form"] == "gather" else ", dense"
        last = "1" if row["engine"] == "afnet" else against(row)
        if row["error"]:
            last = "failed: " + row["error"].splitlines()[0].replace("|", "/")
        lines.append([name, words(row["engine"], row["form"]), number(row["ms_median"], ".1f"),
                      number(row["ms_p95"], ".1f"), last])
    return markdown(["network", "engine", "ms median", "p95", "engine / ours"], lines)


def fastest(rows, network, dtype):
    """The quickest peer's row that runs a network densely in a type, or None."""
    timed = [row for row in rows if row["network"] == network and row["engine"] != "afnet" and row["form"] == "dense"
             and row["dtype"] == dtype and row["ms_median"] is not None]
    return min(timed, key=lambda row: row["ms_median"], default=None)


def fastest_table(rows):
    lines = []
    for network in dict.fromkeys(row["network"] for row in rows):
        for dtype in ("f32", "bf16"):
            row = fastest(rows, network, dtype)
            if row and row["ratios"]:
                lines.append([network, dtype, words(row["engine"], row["form"]), number(row["ms_median"], ".1f"),
                              against(row)])
    return markdown(["network", "type", "fastest peer", "ms median", "peer / ours"], lines) if lines else ""


def share(dense, sparse, gmac_dense, gmac_sparse):
    """The part of the gain by MACs that a program turns into time: 1 all of it, below 0 it loses."""
    if gmac_sparse >= gmac_dense:
        return None
    return (dense / sparse - 1) / (gmac_dense / gmac_sparse - 1)


def gain_table(rows):
    """Each program's own gain: its dense network's time over its own time with masks."""
    lines = []
    for row in rows:
        if row.get("own_speedup") is not None:
            part = "" if row["share"] is None else f"{100 * row['share']:.0f} %"
            lines.append([row["network"], words(row["engine"], row["form"]), f"{row['rt']:g}",
                          f"{row['own_speedup']:.2f}x", f"{row['theory_speedup']:.2f}x", part])
    header = ["network", "engine", "RT", "speed-up over its own dense network", "by MACs alone", "share of the gain"]
    return markdown(header, lines) if lines else ""


def published_table(rows):
    """The paper's table beside the rows measured here."""
    def find(network, engine, rt=None):
        return next((row for row in rows if (row["network"], row["engine"], row["dtype"], row["form"]) ==
                     (network, engine, "f32", "dense") and rt in (None, row["rt"])), None)

    lines = []
    for name, published, network, rt in PUBLISHED:
        ours, eager = find(network, "afnet", rt), find(network, "pytorch")
        best = fastest(rows, network, "f32")
        lines.append([name, published] + [number(row and row["ms_median"], ".1f") for row in (eager, best, ours)])
    return markdown(["method", "published GPU / CPU ms", "PyTorch eager ms", "fastest f32 peer ms", "afnet ms"], lines)
