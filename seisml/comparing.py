"""Steps of the command line that compare catalogues and tell their statistics."""

from seisml import terminal
from seisml.steps import cell


def comparison_of(machine, expert, archive, *, coverage, taxonomy, **options):
    """Compare two files, in the coverage that is named or else that of the archive."""
    from seisml.catalog_files import compare_files, coverage_of
    from seisml.coverage import archive_coverage
    from seisml.taxonomy import load_taxonomy

    known = None
    if coverage is not None:
        time = {name: options[name] for name in ("zone", "start", "end")}
        known = coverage_of(coverage, **time)
    elif archive is not None:
        known = archive_coverage(archive)
    classes = None if taxonomy is None else load_taxonomy(taxonomy)
    return compare_files(
        machine, expert, coverage=known, taxonomy=classes, on_message=terminal.say, **options
    )


def columns_of(by: str | None) -> list[str]:
    """Return the names in a list with commas."""
    return [name.strip() for name in (by or "").split(",") if name.strip()]


def write_comparison(result, numbers, *, by, offset_h, json_file, html, archive) -> None:
    """Print and write what was asked of a comparison."""
    import json

    from seisml.atomic import write_atomic
    from seisml.classscores import class_numbers, class_scores
    from seisml.summaries import by as group_by
    from seisml.summaries import plain, to_json

    groups, classes = {}, class_scores(result)
    _tell_classes(classes)
    for column in columns_of(by):
        groups[column] = shown = group_by(result, column, offset_h=offset_h)
        rows = [[cell(value) or "(none)" for value in row] for row in shown.to_numpy(dtype=object)]
        terminal.table(f"recall by {column}", list(shown), rows)
    if json_file is not None:
        out = to_json(result, numbers=numbers, groups=groups, tables=True)
        out["classes"] = plain(class_numbers(classes))
        write_atomic(json_file, json.dumps(out, indent=1))
        terminal.line(str(json_file))
    if html is not None:
        write_comparison_page(html, result, numbers, archive, offset_h)
        terminal.line(str(html))


def _tell_classes(found) -> None:
    """Print how good class probabilities are, where detections have them."""
    if found is None:
        return
    rows = [
        [row["class"], str(row["n"]), f"{row['probability']:.3f}"]
        + [f"{row[k]:.3f} ({row[f'{k}_low']:.3f} to {row[f'{k}_high']:.3f})" for k in found.shown]
        for row in found.table.to_dict("records")
    ]
    head = ["class", "events", "mean P", "most probable", "among the first two"][: len(rows[0])]
    terminal.table("class probabilities of matched events", head, rows)
    terminal.say(
        f"Brier score of the classes {found.brier:.3f}; {found.brier_of_shares:.3f} by stating "
        "their shares"
    )


def with_ratios(result, archive):
    """Return a comparison by station whose expert's events have a signal-to-noise ratio."""
    from seisml.config import load_profile
    from seisml.eventsnr import with_snr
    from seisml.settings import plan_of

    if archive is None or not result.by_station:
        return result
    config = load_profile(_profile_of(result.body))
    band, noise_s = plan_of(config).band, config.detection.onset_search_s
    return with_snr(result, archive, band=band, noise_s=noise_s)


def _profile_of(body: str) -> str:
    return {"mars": "mars-insight", "moon": "moon-apollo"}.get(body, "earth-local")


def write_comparison_page(html, result, numbers, archive, offset_h) -> None:
    """Write the page of a comparison; records are filtered as in its body's profile."""
    from seisml.config import load_profile
    from seisml.report import comparison_report
    from seisml.settings import plan_of

    plan = plan_of(load_profile(_profile_of(result.body)))
    length_s = plan.settings.grid.length_s
    comparison_report(
        html,
        result,
        title=f"{result.machine_name} and {result.expert_name}",
        numbers=numbers,
        archive=archive,
        band=plan.band,
        before_s=5 * length_s,
        after_s=10 * length_s,
        offset_h=offset_h,
    )


def tell_statistics(found, rows, *, coverage, offset_h, dm, html, as_json) -> None:
    """Print the statistics of a catalogue after its summary, or write them as a page."""
    from seisml.catalog_files import coverage_of
    from seisml.report import catalog_report
    from seisml.statistics import numbers, statistics, statistics_table
    from seisml.summaries import plain

    known = None if coverage is None else coverage_of(coverage)
    result = statistics(found, coverage=known, offset_h=offset_h, dm=dm)
    if as_json:
        hours = result.by_hour.to_dict("records")
        terminal.as_json(plain({**dict(rows), "statistics": numbers(result), "by_hour": hours}))
    else:
        terminal.table("", ["", "value"], [*rows, *statistics_table(result)])
    if html is not None:
        catalog_report(html, result, title=f"Statistics of {found.name or found.source}")
        terminal.line(str(html))
