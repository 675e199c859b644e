"""Steps of the command line that show models, labels and features."""

from seisml import terminal
from seisml.steps import cell


def tell_labels(counts, as_json: bool) -> None:
    """Print how many windows and events have which label, and what is ignored and why."""
    if as_json:
        terminal.as_json({name: table.to_dict("records") for name, table in counts.items()})
        return
    for name, table in counts.items():
        if len(table):
            rows = [[cell(value) for value in row] for row in table.to_numpy(dtype=object)]
            terminal.table(name, list(table), rows)


def write_labels(windows, output) -> None:
    """Write the label of every window as CSV."""
    from seisml.atomic import write_atomic
    from seisml.labels import REASONS
    from seisml.times import datetime64

    names = {-1: "ignore", 0: "noise", 1: "event"}
    columns = ["station", "state", "y", "reason", "event_id", "n_events", "share", "weight"]
    table = windows[columns].rename(columns={"y": "class"})
    table["state"] = table["state"].map(names)
    table["reason"] = [REASONS[number] for number in table["reason"]]
    table.loc[table["state"] == "ignore", "class"] = ""
    table.insert(0, "time", datetime64(windows["time_ns"].to_numpy()))
    text = table.to_csv(index=False, float_format="%.4g", date_format="%Y-%m-%dT%H:%M:%S.%fZ")
    write_atomic(output, text)


def show_models(model: str | None, as_json: bool) -> None:
    """List the models that come with seisml, or print the card of one."""
    from seisml.model import load_detector, shipped_models

    if model is not None:
        detector = load_detector(model)
        card = detector.about()
        if as_json:
            terminal.as_json(card)
        else:
            terminal.table(model, ["", "value"], [(k, cell(v)) for k, v in flat(card)])
        return
    cards = {name: load_detector(name).about() for name in shipped_models()}
    if as_json:
        terminal.as_json(cards)
        return
    if not cards:
        terminal.say("No model comes with this seisml. Train one with 'seisml train'.")
    keys = ("body", "classes", "features", "windows", "expert")
    rows = [(name, *(cell(card.get(key, "")) for key in keys)) for name, card in cards.items()]
    terminal.table("models", ["name", *keys], rows)


def flat(card, name: str = "") -> list[tuple[str, object]]:
    """Return nested mappings as rows of (names joined by a colon, value)."""
    rows: list[tuple[str, object]] = []
    items = card.items() if isinstance(card, dict) else enumerate(card, start=1)
    for key, value in items:
        nested = isinstance(value, dict) or (
            isinstance(value, (list, tuple)) and any(isinstance(v, dict) for v in value)
        )
        if nested:
            rows += flat(value, f"{name}{key}: ")
        elif isinstance(value, (list, tuple)):
            rows.append((f"{name}{key}", ", ".join(map(cell, value))))
        else:
            rows.append((f"{name}{key}", value))
    return rows


def explain_sets(sets) -> None:
    """Print sets of features; of one set its published numbering."""
    if len(sets) == 1 and sets[0].numbering:
        one = sets[0]
        terminal.table(one.source, ["published", "definition", "here"], one.numbering)
        return
    rows = [(one.name, one.purpose, one.source) for one in sets]
    terminal.table("sets", ["set", "for", "numbering after"], rows)


def draw_feature(feature, path) -> None:
    """Draw a feature on example records and tell where."""
    from seisml.atomic import write_atomic
    from seisml.errors import FeatureError
    from seisml.plots import plot_feature, png

    if feature is None:
        raise FeatureError("--plot draws one feature, no set.", "Name one: seisml features NAME.")
    write_atomic(path, png(plot_feature(feature)))
    terminal.say(f"Drawn: {path}")
