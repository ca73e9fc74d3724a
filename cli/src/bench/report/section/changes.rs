//! What differs from an earlier run.

use super::super::comparison::{Comparison, SIZE, Verdict};
use super::super::table::{Kind, Table};
use super::super::unit::{Unit, count};
use super::Section;

pub(super) fn section(comparison: &Comparison) -> Section {
    let (mut changed, mut others) = (table("What changed"), table("All others"));
    others.is_folded = true;
    for change in &comparison.changes {
        let table = match change.verdict {
            Verdict::Slower | Verdict::Faster | Verdict::TooFew => &mut changed,
            Verdict::Same | Verdict::Yardstick | Verdict::Elsewhere => &mut others,
        };
        table.row([
            change.contestant.clone(),
            change.what.clone(),
            Unit::Time.show(change.before),
            Unit::Time.show(change.now),
            change.difference.map_or_else(String::new, |difference| {
                format!("{} ×", Unit::Ratio.spread(difference.quartiles()))
            }),
            change.verdict.words().to_owned(),
        ]);
    }
    let mut words = vec![
        match comparison.count(Verdict::Slower) {
            _ if !comparison.is_any_judged() => {
                format!("Nothing can be compared with the run of {}.", comparison.earlier)
            }
            0 => format!("Nothing got slower than in the run of {}.", comparison.earlier),
            1 => format!("One figure is slower than in the run of {}.", comparison.earlier),
            more => format!("{more} figures are slower than in the run of {}.", comparison.earlier),
        },
        format!(
            "change: of the ratio to {} where there is one, as a part of what it was before; else of the time \
             itself. Slower or faster is what differs by more than {:.0}\u{a0}% and more than chance would have it \
             (rank-sum test of the rounds' medians, all of them together at 5\u{a0}%).",
            comparison.baseline,
            100.0 * SIZE
        ),
    ];
    if comparison.count(Verdict::TooFew) > 0 {
        words.push("Some have too few rounds to tell: --rounds helps.".to_owned());
    }
    let elsewhere = comparison.count(Verdict::Elsewhere);
    words.push(format!("Not changed: {}.", count(others.rows.len() - elsewhere)));
    if elsewhere > 0 {
        words.push(format!("Not judged, as times of another processor: {}.", count(elsewhere)));
    }
    words.extend(comparison.notes.iter().cloned());
    Section {
        id: "changes",
        title: "Compared with an earlier run".to_owned(),
        words,
        tables: [changed, others].into_iter().filter(|table| !table.rows.is_empty()).collect(),
        figures: Vec::new(),
        is_detail: false,
    }
}

fn table(title: &str) -> Table {
    let columns = [
        ("contestant", Kind::Name),
        ("what", Kind::Words),
        ("before", Kind::Number),
        ("now", Kind::Number),
        ("change [95 %]", Kind::Number),
        ("verdict", Kind::Verdict),
    ];
    Table::new(title, &columns)
}
