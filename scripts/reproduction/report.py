"""From results to tables: Markdown, CSV and JSON, with the paper's numbers and its orderings."""
import csv
import json
import os
import statistics

from reproduction.plan import Cell, cells_of, patch_ratio_of, ratio_of
from reproduction.runs import measured_rows, write


def number(value, digits=1):
    return "" if value is None else f"{value:.{digits}f}"


def metric_of(bench, table):
    """A clip of a procedural data set has one class; the masks of some policies leave it without evidence, which shifts
    all its probabilities alike, so that average precision would not show it."""
    return "top1" if table["metric"] == "map" and bench.scale != "paper" else table["metric"]


def lines_of(bench, table):
    """Of a table: a dict per row and column."""
    metric = metric_of(bench, table)
    lines, latencies = [], measured_rows(bench, table) if table.get("kind") == "latency" else {}
    cells = [Cell(row, {"name": table["columns"][0]}, why="another's network, quoted" if row.get("quoted") else "")
             for row in table["rows"]] if table.get("kind") == "latency" else cells_of(bench, table)
    for cell in cells:
        paper = cell.row.get("paper", {}).get(cell.column["name"], [])
        line = {"row": cell.row["name"], "column": cell.column["name"], "paper": paper[0] if paper else None,
                "paper_gmac": paper[1] if len(paper) > 1 else None, "note": cell.why, "seeds": {}, "argmax": {},
                "nominal_rt": ratio_of(cell.row, cell.column) if str(cell.row.get("model")).startswith("af_") else None,
                "nominal_rs": patch_ratio_of(cell.row, cell.column), "realised_rt": None, "realised_rs": None,
                "patch_recall": None, "gmac": None, "run": cell.run.name if cell.run else None, "block_rt": {}}
        if cell.row["name"] in latencies and latencies[cell.row["name"]]:
            found = latencies[cell.row["name"]]
            line.update(seeds={"1": found["ms_median"]}, realised_rt=found.get("realised_rt"))
        results = {}
        for seed in bench.options.seeds if cell.run else []:
            found = bench.result(cell.run, seed, cell.masks[-1])
            if found:
                results[seed] = found
                line["seeds"][str(seed)] = found[metric]
                if len(cell.masks) > 1 and (argmax := bench.result(cell.run, seed, cell.masks[0])):
                    line["argmax"][str(seed)] = argmax[metric]
        if results:
            line["realised_rt"] = statistics.median(x["realised_rt"] for x in results.values())
            for field in ("realised_rs", "patch_recall") if cell.row.get("kind") else ():
                known = [x[field] for x in results.values() if x[field] is not None]
                line[field] = statistics.median(known) if known else None
            line["gmac"] = statistics.median(x["macs"] for x in results.values()) / 1e9
            for block in next(iter(results.values()))["block_rt"]:
                line["block_rt"][block] = statistics.median(x["block_rt"][block] for x in results.values())
            if table.get("pictures"):
                line["pictures"] = bench.picture(cell.run, next(iter(results)), table["pictures"])
        elif not cell.why and not line["seeds"]:
            line["note"] = "not run yet"
        lines.append(line)
    return lines


def verdicts(table, lines):
    """The paper's orderings under each column: confirmed where each seed agrees, refuted where none does."""
    found = []
    for first, sign, second in table.get("claims", []):
        for column in dict.fromkeys(line["column"] for line in lines):
            a, b = (next((x["seeds"] for x in lines if x["row"] == name and x["column"] == column), {})
                    for name in (first, second))
            gaps = [a[seed] - b[seed] for seed in a if seed in b]
            if not gaps:
                continue
            holds = [gap > 0 or (sign == "≥" and gap == 0) if sign != "<" else gap < 0 for gap in gaps]
            verdict = "confirmed" if all(holds) else "undecided" if any(holds) else "refuted"
            found.append({"claim": f"{first} {sign} {second}", "column": column, "verdict": verdict,
                          "differences": gaps})
    return found


def spread(values):
    values = list(values)
    if not values:
        return ""
    middle = number(statistics.median(values))
    return middle if len(values) == 1 else f"{middle} ({number(min(values))} to {number(max(values))})"


def markdown(name, table, lines, found, bench):
    head = f"## {name}: {table['title']}\n\n"
    if bench.scale != "paper" and table.get("kind") != "latency":
        head += f"Scale `{bench.scale}`: small networks on procedural data in place of the paper's.\n\n"
    units = {"top1": "top-1, %", "map": "mAP, %", "ms": "ms"}
    theirs, here = units[table["metric"]], units[metric_of(bench, table)]
    spatial = any(line["nominal_rs"] is not None for line in lines)
    titles = ["", "data", f"paper, {theirs}", f"here, {here}", "argmax", "seeds", "RT", "realised RT",
              *(["RS", "realised RS", "key patch"] if spatial else []), "paper GMAC", "GMAC", ""]
    rows = ["| " + " | ".join(titles) + " |", "|---" * len(titles) + "|"]
    for line in lines:
        cells = [line["row"], line["column"], number(line["paper"]), spread(line["seeds"].values()),
                 spread(line["argmax"].values()), str(len(line["seeds"]) or ""), number(line["nominal_rt"], 2),
                 number(line["realised_rt"], 3)]
        if spatial:
            cells += [number(line["nominal_rs"], 2), number(line["realised_rs"], 3), number(line["patch_recall"], 3)]
        cells += [number(line["paper_gmac"]), number(line["gmac"], 3), line["note"]]
        rows.append("| " + " | ".join(cells) + " |")
    text = head + "\n".join(rows) + "\n"
    shown = [line for line in lines if line["block_rt"]]
    if table.get("blocks") and shown:
        text += "\n| block | " + " | ".join(line["row"] for line in shown) + " |\n" + "|---" * (1 + len(shown)) + "|\n"
        for block in shown[0]["block_rt"]:
            text += f"| {block} | " + " | ".join(number(line["block_rt"].get(block), 3) for line in shown) + " |\n"
    for line in lines:
        text += "".join(f"\n![{line['row']}]({picture})\n" for picture in line.get("pictures", []))
    if found:
        text += "\n| the paper's ordering | data | here | differences |\n|---|---|---|---|\n"
        for x in found:
            gaps = ", ".join(f"{gap:+.1f}" for gap in x["differences"])
            text += f"| {x['claim']} | {x['column']} | {x['verdict']} | {gaps} |\n"
    return text


def write_table(name, table, bench):
    lines = lines_of(bench, table)
    found = verdicts(table, lines)
    text = markdown(name, table, lines, found, bench)
    base = os.path.join(bench.out, name if bench.scale == "small" else f"{name}.{bench.scale}")
    write(base + ".md", text)
    write(base + ".json", json.dumps({"table": name, "title": table["title"],
                                      "paper_metric": table["metric"], "metric": metric_of(bench, table),
                                      "scale": bench.scale, "rows": lines, "orderings": found}, indent=1) + "\n")
    with open(base + ".csv.part", "w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        keys = ("row", "column", "paper", "nominal_rt", "realised_rt", "nominal_rs", "realised_rs", "patch_recall",
                "paper_gmac", "gmac", "run", "note")
        out.writerow([*keys, *(f"seed{seed}" for seed in bench.options.seeds)])
        for line in lines:
            out.writerow([*("" if line[key] is None else line[key] for key in keys),
                          *(line["seeds"].get(str(seed), "") for seed in bench.options.seeds)])
    os.rename(base + ".csv.part", base + ".csv")
    print(text, end="")
