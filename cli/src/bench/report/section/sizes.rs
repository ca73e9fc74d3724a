//! What has to be deployed.

use super::super::table::{Kind, Table};
use super::super::unit::Unit;
use super::super::view::View;
use super::Section;

pub(super) fn section(view: &View<'_>) -> Option<Section> {
    let columns = [("contestant", Kind::Name), ("programs", Kind::Number), ("as a zip", Kind::Number)];
    let mut table = Table::new("Sizes", &columns);
    let show = |bytes: u64| if bytes > 0 { Unit::Bytes.show(bytes as f64) } else { String::new() };
    for contestant in view.results.contestants.iter().filter(|one| one.program_bytes > 0 || one.zip_bytes > 0)
    {
        table.row([contestant.name.clone(), show(contestant.program_bytes), show(contestant.zip_bytes)]);
    }
    let words =
        vec!["All programs that have to be deployed, bootstrap included where there is a bridge.".to_owned()];
    (!table.rows.is_empty()).then(|| Section {
        id: "sizes",
        title: "Sizes".to_owned(),
        words,
        tables: vec![table.without_empty_columns()],
        figures: Vec::new(),
        is_detail: false,
    })
}
