//! What is asked of the kernel for an invocation.

use super::super::table::{Kind, Table};
use super::super::unit::digits;
use super::super::view::View;
use super::Section;

/// Rarer calls are not named one by one.
const NAMED: usize = 8;

pub(super) fn section(view: &View<'_>) -> Option<Section> {
    let columns = [
        ("contestant", Kind::Name),
        ("event", Kind::Number),
        ("calls", Kind::Number),
        ("of them", Kind::Words),
        ("counted by", Kind::Words),
    ];
    let mut table = Table::new("System calls per invocation", &columns);
    for counted in &view.results.system_calls {
        let all: f64 = counted.calls.iter().map(|(_, calls)| calls).filter(|calls| calls.is_finite()).sum();
        let named = counted.calls.iter().take(NAMED);
        let mut named: Vec<String> =
            named.map(|(name, calls)| format!("{name} {}", digits(*calls))).collect();
        if counted.calls.len() > NAMED {
            named.push(format!("{} more kinds", counted.calls.len() - NAMED));
        }
        table.row([
            counted.contestant.clone(),
            view.name(&counted.event, counted.event_bytes),
            digits(all),
            named.join(", "),
            counted.tool.clone(),
        ]);
    }
    let words = vec!["Of all processes, each invocation's part.".to_owned()];
    (!table.rows.is_empty()).then(|| Section {
        id: "system-calls",
        title: "System calls".to_owned(),
        words,
        tables: vec![table.without_empty_columns()],
        figures: Vec::new(),
        is_detail: false,
    })
}
