//! Under which circumstances it was measured, and what is to be said of that before all else.

use super::super::comparison::listed;
use super::super::line::line;
use super::super::table::{Kind, Table};
use super::super::unit::{Unit, digits};
use crate::bench::results::Results;

/// What a reader has to know before believing any figure.
pub(crate) fn warnings(results: &Results) -> Vec<String> {
    let machine = &results.machine;
    let mut warnings = Vec::new();
    if !results.complete {
        warnings.push("The run was ended early: not all that was asked for was measured.".to_owned());
    }
    // Several at a time wait for a processor: at the end, such a load is this run's own.
    let is_own = results.throughput.iter().any(|throughput| throughput.concurrency > 1);
    let busy = if is_own { machine.load_before } else { machine.load_before.max(machine.load_after) };
    if busy > 0.5 * machine.cpus.max(1) as f64 + 1.0 {
        warnings.push(format!(
            "The machine had other work: load {} before anything was built and {} after all, on {} processors. Ratios \
             stand that better than times.",
            digits(machine.load_before),
            digits(machine.load_after),
            machine.cpus
        ));
    }
    if machine.congestion_control.contains("bbr") {
        warnings.push(
            "The kernel's congestion control is bbr, which paces loopback connections: times with events of 1 MB and \
             more are distorted. reno does not pace."
                .to_owned(),
        );
    }
    warnings
}

/// The machine, versions, the command, and who took part.
pub(crate) fn setting(results: &Results) -> [Table; 2] {
    let machine = &results.machine;
    let mut table = Table::new("Setting", &[("what", Kind::Words), ("", Kind::Words)]);
    let mut add = |name: &str, value: String| table.row([name.to_owned(), value]);
    add("started", results.started.clone());
    add("took", Unit::Seconds.show(results.seconds));
    add("command", quoted(&results.command));
    add("processor", format!("{}, {} of them; on CPU {}", machine.cpu, machine.cpus, machine.cpus_allowed));
    add("memory", Unit::Bytes.show(machine.memory_bytes as f64));
    add("kernel", machine.kernel.clone());
    add("congestion control", machine.congestion_control.clone());
    add(
        "load",
        format!(
            "{} before anything was built, {} after all",
            digits(machine.load_before),
            digits(machine.load_after)
        ),
    );
    for (name, version) in &machine.versions {
        add(name, version.clone());
    }
    let calls = results.calls_a_turn();
    let calls: Vec<String> =
        calls.iter().map(|(event, calls)| format!("{calls} ({})", line(event))).collect();
    if !calls.is_empty() {
        add("calls a turn", listed(&calls));
    }
    add("ratios are to", results.baseline.clone());

    let columns = [("contestant", Kind::Name), ("what runs", Kind::Words), ("command", Kind::Name)];
    let mut contestants = Table::new("Contestants", &columns);
    for contestant in &results.contestants {
        contestants.row([
            contestant.name.clone(),
            contestant.description.clone(),
            quoted(&contestant.command),
        ]);
    }
    [table, contestants.without_empty_columns()]
}

/// As one would type it.
fn quoted(command: &[String]) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./=:,@%+".contains(c);
    let word = |word: &String| {
        if !word.is_empty() && word.chars().all(plain) {
            word.clone()
        } else {
            format!("'{}'", word.replace('\'', r"'\''"))
        }
    };
    command.iter().map(word).collect::<Vec<_>>().join(" ")
}
