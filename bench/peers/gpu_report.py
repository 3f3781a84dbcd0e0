"""What scripts/bench-gpu has measured, as tables: medians over turns, and ratios that are taken within turns."""
import statistics

DENSE, ADAPTIVE = "resnet50_tsm", "af_resnet50_tsm"
LEAST_RUNS = 100  # on the device, over all turns


def ratios(turns, over, under):
    """Of two rows' times, in each turn that has both."""
    return [rows[over]["ms_median"] / rows[under]["ms_median"] for rows in turns if over in rows and under in rows]


def share_of_macs(turns, key):
    """Which part of the gain that the MACs promise beside ratio 1 the times have; None at ratio 1."""
    engine, network, clips, _ = key
    dense = (engine, network, clips, 1.0)
    gains = ratios(turns, dense, key)
    promised = next((rows[key].get("mac_ratio") for rows in turns if key in rows), None)
    if key == dense or not gains or not promised or promised <= 1:
        return None
    return (statistics.median(gains) - 1) / (promised - 1)


def summarise(turns):
    """Medians over turns, and each row's ratio to the dense network of the same engine in the same turn."""
    table = []
    for key in dict.fromkeys(key for rows in turns for key in rows):
        engine, network, clips, rt = key
        those = [rows for rows in turns if key in rows]
        gains = ratios(turns, (engine, DENSE, clips, 1.0), key)
        table.append({"engine": engine, "network": network, "batch": clips, "rt": rt,
                      "ms": statistics.median(rows[key]["ms_median"] for rows in those),
                      "samples": sum(rows[key]["samples"] for rows in those),
                      "times_dense": statistics.median(gains) if gains else None,
                      "share_macs": share_of_macs(turns, key),
                      "vendor_steps": those[0][key].get("vendor_steps", 0)})
    return table


def layer_table(own, vendors):
    """Rows of `bench kernels` without and with vendors' kernels, of the same kernel and shape."""
    by_vendor = {(row["kernel"], row["shape"]): row for row in vendors if row.get("vendor")}
    table = []
    for row in own:
        other = by_vendor.get((row["kernel"], row["shape"]))
        if other:
            table.append({"kernel": row["kernel"], "shape": row["shape"], "ms": row["ms_median"],
                          "vendor": other["vendor"], "vendor_ms": other["ms_median"],
                          "of_vendor": other["ms_median"] / row["ms_median"]})
    return table


def number(value, digits=2):
    return "" if value is None else f"{value:.{digits}f}"


def share_lines(rows):
    lines = ["", "| network | batch | mask | RT | ms | speed-up | in theory | share | share of the MACs' gain |",
             "|---|---:|---|---:|---:|---:|---:|---:|---:|"]
    for row in rows:
        lines.append(f"| {row['model']} | {row['batch']} | {row['mask']} | {row['realised_rt']:.3f} | "
                     f"{row['ms_median']:.3f} | {row['speedup_measured']:.2f} | {row['speedup_theory']:.2f} | "
                     f"{number(row['share'])} | {number(row['share_macs'])} |")
    return lines


def markdown(facts, table, shares=(), layers=()):
    lines = [f"GPU, driver, clocks (SM, most, memory), power limit: {facts}", "",
             "| engine | network | batch | RT | ms | runs | times as quick as resnet50_tsm | share of the MACs' gain |",
             "|---|---|---:|---:|---:|---:|---:|---:|"]
    for row in table:
        lines.append(f"| {row['engine']} | {row['network']} | {row['batch']} | {row['rt']:.2f} | {row['ms']:.3f} | "
                     f"{row['samples']} | {number(row['times_dense'])} | {number(row['share_macs'])} |")
    if shares:
        lines += share_lines(shares)
    if layers:
        lines += ["", "| kernel | shape | Halide ms | vendor | its ms | Halide's speed over it |",
                  "|---|---|---:|---|---:|---:|"]
        lines += [f"| {row['kernel']} | {row['shape']} | {row['ms']:.4f} | {row['vendor']} | {row['vendor_ms']:.4f} | "
                  f"{row['of_vendor']:.2f} |" for row in layers]
    return "\n".join(lines)
