"""From a table's rows and columns to trainings and to the ways in which they are evaluated."""
import dataclasses
import os

from reproduction.runs import NAVIGATION, ROOT


@dataclasses.dataclass(frozen=True)
class Run:
    """A training, and what its name says of it."""
    name: str
    model: str          # shipped model, or a description's name
    arguments: tuple    # of `afnet train`, but for lists, seed, folder and threads
    data: tuple         # lists of training and evaluation, or the name of a procedural data set and its frames
    rt: float
    rs: float = None    # of networks with masks in space


@dataclasses.dataclass
class Cell:
    """A row under a column: its run, the ways to choose frames that it is evaluated with, or why there is neither."""
    row: dict
    column: dict
    run: Run = None
    masks: tuple = ()
    why: str = ""


def ratio_of(row, column):
    """Of frames; 1 where masks are of patches alone."""
    return 1 if row.get("kind") == "spatial" else column.get("rt", row.get("rt", 1))


def patch_ratio_of(row, column):
    """RS of rows with masks in space: their own, or the column's; else None."""
    return row.get("rs", column.get("rt")) if row.get("kind") else None


def paper_data(bench, table, row, column):
    """Arguments and data of a row on the lists that were given; a reason where one is missing."""
    name = column["data"]
    train, val = (lists.get(name, lists.get("")) for lists in (bench.options.data, bench.options.val))
    if not train or not val:
        return None, None, f"no lists: --data '{name}=LIST' --val '{name}=LIST'"
    arguments = [*bench.tables["data"][name]["train"], "--frames", str(row.get("frames", table["frames"]))]
    start = bench.options.start.get(row["model"])
    return arguments + (["--from", start] if start else []), (train, val), ""


def small_data(bench, table, row, column):
    """The same on a procedural data set."""
    name = table.get("stand_ins", {}).get(column["data"], bench.tables["data"][column["data"]]["stand_in"])
    name = "patch-key" if row.get("kind") else name  # the only one that needs a choice of patches
    shape = bench.tables["synthetic"][name]
    # A static network has no gates to train in a stage of their own.
    joint = shape["policies"] != "trained" and (bench.options.trained_policies or not row["model"].startswith("af_"))
    more = "_both" if row.get("kind") == "both" else "_joint" if joint else ""
    recipe = os.path.join(ROOT, "model", "recipes", shape["recipe"] + more + ".json")
    frames = row.get("frames", table["frames"]) if table.get("frames_matter") else 8
    arguments = ["--size", str(shape["size"]), "--crop", "whole", "--config", recipe,
                 *bench.tables["scales"][bench.scale]["train"]]
    if row.get("kind"):
        arguments += ["--grid", str(shape["grid"])]
    return arguments + ([] if frames == 8 else ["--frames", str(frames)]), (name, frames), ""


def cell_of(bench, table, row, column):
    if row.get("quoted"):
        return Cell(row, column, why="another's network, quoted")
    if row.get("missing"):
        return Cell(row, column, why="not available: " + row["missing"])
    small = bench.scale != "paper"
    arguments, data, why = (small_data if small else paper_data)(bench, table, row, column)
    if why:
        return Cell(row, column, why="not available: " + why)
    model = bench.tables["stand_ins"][row["model"]] if small else row["model"]
    model = model["name"] if isinstance(model, dict) else model
    masks, options, kind = row.get("masks", "learned"), row.get("options", {}), row.get("kind")
    ratio, patch_ratio = ratio_of(row, column), patch_ratio_of(row, column)
    adaptive = row["model"].startswith("af_")
    name = [data[0] if small else column["data"].replace(" ", "-"), model]
    if adaptive and kind != "spatial":
        arguments += ["--rt", str(ratio)]
        name.append(f"rt{ratio}")
    trains = not small or bench.options.trained_policies or bench.tables["synthetic"][data[0]]["policies"] == "trained"
    policy = [masks] if masks != "learned" and trains else []
    if kind:
        arguments += ["--masks", kind, *policy, "--rs", str(patch_ratio)]
        name += [f"rs{patch_ratio}", kind]
    for option, value in options.items():
        arguments += ["--" + option, value]
        name.append(value)
    if policy and not kind:
        arguments += ["--masks", *policy]
    name += policy
    if "--frames" in arguments:
        name.append("f" + arguments[arguments.index("--frames") + 1])
    if bench.options.trained_policies and small and kind != "both":
        name.append("joint")
    if not small and (start := bench.options.start.get(row["model"])):
        name.append("from-" + os.path.basename(start).split(".")[0])
    name += [] if bench.scale == "small" else [bench.scale]
    ways = NAVIGATION if adaptive and masks == "learned" and options.get("selection") != "soft" else (masks,)
    return Cell(row, column, Run(".".join(name), model, tuple(arguments), data, ratio, patch_ratio), ways)


def cells_of(bench, table):
    columns = [{"name": column, "data": column} if isinstance(column, str) else column for column in table["columns"]]
    return [cell_of(bench, table, row, column) for row in table["rows"] for column in columns]


def wanted_runs(cells):
    """Each training once, with all ways that some cell evaluates it with."""
    wanted = {}
    for cell in cells:
        if cell.run:
            ways = wanted.setdefault(cell.run, [])
            ways += [way for way in cell.masks if way not in ways]
    return wanted
