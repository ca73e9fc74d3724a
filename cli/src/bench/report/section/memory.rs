//! Memory alone, where there is no other section that has it.

use super::super::table::{Kind, Table};
use super::super::unit::Unit;
use super::super::view::View;
use super::Section;

pub(super) fn section(view: &View<'_>) -> Option<Section> {
    let columns = [
        ("contestant", Kind::Name),
        ("event", Kind::Number),
        ("PSS", Kind::Number),
        ("of it, first process", Kind::Number),
    ];
    let mut table = Table::new("Memory", &columns);
    for memory in &view.results.memory {
        table.row([
            memory.contestant.clone(),
            view.name(&memory.event, memory.event_bytes),
            Unit::Bytes.show(memory.pss_bytes as f64),
            Unit::Bytes.show(memory.own_pss_bytes as f64),
        ]);
    }
    let words = vec!["PSS of all processes: memory that is shared counts in parts.".to_owned()];
    (!table.rows.is_empty()).then(|| Section {
        id: "memory",
        title: "Memory".to_owned(),
        words,
        tables: vec![table],
        figures: Vec::new(),
        is_detail: true,
    })
}
