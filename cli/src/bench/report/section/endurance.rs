//! Whether cost grows over many invocations, or over time frozen.

use super::super::chart::ScaleKind;
use super::super::chart::lines::{Axis, NAMED};
use super::super::table::{Kind, Table};
use super::super::unit::Unit;
use super::super::view::{View, spread};
use super::{Curves, Section, bare};
use crate::bench::report::line::line;
use crate::bench::results::Endurance;

pub(super) fn section(view: &View<'_>) -> Option<Section> {
    let endurance = &view.results.endurance;
    let mut over: Vec<&str> = endurance.iter().map(|endurance| &*endurance.over).collect();
    over.sort_unstable();
    over.dedup();
    let (mut tables, mut figures) = (Vec::new(), Vec::new());
    for over in over {
        let shown = line(over);
        let unit = if over.contains("second") { Unit::Seconds } else { Unit::Count };
        let columns = [
            ("contestant", Kind::Name),
            (shown.as_str(), Kind::Number),
            ("latency", Kind::Number),
            ("CPU", Kind::Number),
            ("PSS", Kind::Number),
        ];
        let mut table = Table::new(format!("Cost over {shown}"), &columns);
        let [mut latencies, mut cpu, mut pss] = [const { Curves(Vec::new()) }; 3];
        let mut of_it: Vec<&Endurance> =
            endurance.iter().filter(|endurance| endurance.over == over).collect();
        of_it.sort_by_key(|endurance| view.number(&endurance.contestant));
        let across = across(&of_it, &shown, unit);
        for endurance in of_it {
            let contestant = &*endurance.contestant;
            for at in endurance.points.iter().filter(|at| at.at.is_finite()) {
                table.row([
                    contestant.to_owned(),
                    unit.tick(at.at),
                    if at.values.is_empty() {
                        Unit::Time.show(at.median)
                    } else {
                        spread(Unit::Time, at.values.iter().copied())
                    },
                    if at.cpu > 0.0 { Unit::Time.show(at.cpu) } else { String::new() },
                    if at.pss_bytes > 0 { Unit::Bytes.show(at.pss_bytes as f64) } else { String::new() },
                ]);
                // With names, places are where these are.
                let named = across.names.iter().position(|(_, name)| *name == unit.tick(at.at));
                let x = named.map_or(at.at, |place| place as f64);
                latencies.add(contestant, bare(x, at.median));
                cpu.add(contestant, bare(x, at.cpu));
                pss.add(contestant, bare(x, at.pss_bytes as f64));
            }
        }
        if table.rows.is_empty() {
            continue;
        }
        let figure = |curves: Curves<'_>, title: &str, up| {
            let up = Axis::new(title, up, ScaleKind::Wide);
            curves.figure(view, format!("{title} over {shown}"), across.clone(), up)
        };
        let of_it = [
            figure(latencies, "Latency", Unit::Time),
            figure(cpu, "CPU time per invocation", Unit::Time),
            figure(pss, "Memory (PSS) of all processes", Unit::Bytes),
        ];
        figures.extend(of_it.into_iter().flatten());
        tables.push(table.without_empty_columns());
    }
    let words = vec![
        "A flat line is the aim: what grows here is a leak, or something that a freeze has cost.".to_owned(),
    ];
    (!tables.is_empty()).then(|| Section {
        id: "endurance",
        title: "Cost over time".to_owned(),
        words,
        tables,
        figures,
        is_detail: true,
    })
}

/// Logarithmic; but zero has no logarithm. Where it is among a few values, they stand side by side.
fn across(of_it: &[&Endurance], title: &str, unit: Unit) -> Axis {
    let points = of_it.iter().flat_map(|endurance| &endurance.points);
    let mut places: Vec<f64> = points.map(|point| point.at).filter(|at| at.is_finite()).collect();
    places.sort_unstable_by(f64::total_cmp);
    places.dedup();
    if places.first().is_none_or(|first| *first > 0.0) {
        return Axis::new(title, unit, ScaleKind::Exact);
    }
    let mut names: Vec<String> = places.into_iter().map(|at| unit.tick(at)).collect();
    names.dedup();
    if names.len() > NAMED {
        return Axis::new(title, unit, ScaleKind::Linear);
    }
    let names = names.into_iter().enumerate().map(|(place, name)| (place as f64, name)).collect();
    Axis { names, ..Axis::new(&format!("{title} (not to scale)"), unit, ScaleKind::Linear) }
}
