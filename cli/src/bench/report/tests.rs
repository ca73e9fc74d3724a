//! What is made of results that are known.
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

use std::{env, fs, process};

use serde_json::Value;
use snapbox::{Data, assert_data_eq};

use super::super::process::Sight;
use super::comparison::Verdict;
use super::*;

fn text(results: &Results, comparison: Option<&Comparison>) -> String {
    let mut out = Vec::new();
    text::write(results, comparison, &mut out).unwrap();
    anstream::adapter::strip_bytes(&out).into_vec().try_into().unwrap()
}

/// With `SNAPSHOTS=overwrite` it becomes what is expected.
#[track_caller]
fn check(name: &str, text: String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bench/report/snapshots").join(name);
    assert_data_eq!(text, Data::read_from(&path, None).raw());
}

fn csv(results: &Results) -> String {
    let mut out = Vec::new();
    csv::write(results, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Values of which a part is slower.
fn slower(mut results: Results, contestant: &str, part: f64) -> Results {
    for latency in results.latency.iter_mut().filter(|latency| latency.contestant == contestant) {
        latency.rounds.iter_mut().flatten().for_each(|value| *value *= part);
    }
    results
}

#[test]
fn a_small_run_word_for_word() {
    let results = fixture::small();
    check("small.txt", text(&results, None));
    check("small.md", markdown::text(&results, None));
    check("small.csv", csv(&results));
}

#[test]
fn a_comparison_word_for_word() {
    let (before, now) = (fixture::full(), slower(fixture::full(), "bridge", 1.2));
    let comparison = Comparison::of(&before, &now);
    let section = |text: &str, begin: &str, end: &str| {
        let text = &text[text.find(begin).unwrap()..];
        text[..text.find(end).unwrap()].to_owned()
    };
    check("comparison.txt", section(&text(&now, Some(&comparison)), "Compared with", "\nPromised"));
    check("comparison.md", section(&markdown::text(&now, Some(&comparison)), "## Compared", "## Promised"));
}

#[test]
fn lines_are_not_wider_than_a_terminal() {
    for results in [fixture::full(), fixture::small(), fixture::empty(), fixture::hostile()] {
        for line in text(&results, None).lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
}

/// Promises are about what stands around a handler, and one that works takes most of the time itself.
#[test]
fn promises_are_for_the_echo() {
    let mut results = fixture::full();
    assert!(text(&results, None).contains("Promised and measured"));
    results.echo = false;
    assert!(!text(&results, None).contains("Promised and measured"));
}

/// Neither a program that nobody ships nor a handful of rounds reaches or misses anything.
#[test]
fn promises_are_judged_where_figures_say_something() {
    let verdicts = |results: &Results| {
        let text = markdown::text(results, None);
        ["| reached |", "| **not reached** |", "| not judged |"].map(|verdict| text.matches(verdict).count())
    };
    let mut results = fixture::full();
    let [reached, missed, 0] = verdicts(&results) else { panic!("{:?}", verdicts(&results)) };
    results.optimised = false;
    assert_eq!(verdicts(&results), [0, 0, reached + missed]);
    let mut results = fixture::full();
    results.cold_start.iter_mut().for_each(|starts| starts.values.truncate(9));
    // To go-direct, go-shim and lambda_runtime.
    assert_eq!(verdicts(&results)[2], 3);
    // Of starts to a large event, the event takes its part.
    results.cold_start.iter_mut().for_each(|starts| starts.event_bytes = 6 << 20);
    let [rest_reached, rest_missed, 0] = verdicts(&results) else { panic!("{:?}", verdicts(&results)) };
    assert_eq!(rest_reached + rest_missed, reached + missed - 3);
}

/// What holds at any size is not shown by small ones.
#[test]
fn memory_at_any_size_is_judged_by_the_largest_event_and_several_readings() {
    let line = |results: &Results| {
        let text = markdown::text(results, None);
        text.lines().find(|line| line.contains("| own PSS |")).unwrap().to_owned()
    };
    let mut results = fixture::full();
    assert!(line(&results).ends_with(" reached |"), "{}", line(&results));
    results.memory.iter_mut().for_each(|memory| memory.readings.truncate(1));
    assert!(line(&results).ends_with("| not judged |"), "{}", line(&results));
    results.memory.retain(|memory| memory.event_bytes < 6 << 20);
    assert!(line(&results).ends_with("| not measured | – |"), "{}", line(&results));
}

/// A user's events are told apart by their names: they may be of the same length.
#[test]
fn events_of_the_same_length_stay_two() {
    let mut results = fixture::full();
    for (event, bytes) in results
        .latency
        .iter_mut()
        .map(|one| (&mut one.event, &mut one.event_bytes))
        .chain(results.memory.iter_mut().map(|one| (&mut one.event, &mut one.event_bytes)))
        .chain(results.stages.iter_mut().map(|one| (&mut one.event, &mut one.event_bytes)))
        .chain(results.system_calls.iter_mut().map(|one| (&mut one.event, &mut one.event_bytes)))
    {
        *event = if *bytes == 200 { "a.json" } else { "b.json" }.to_owned();
        *bytes = 300;
    }
    let mut other = results.stages.clone();
    other.iter_mut().for_each(|stages| stages.event = "b.json".to_owned());
    results.stages.extend(other);
    let text = markdown::text(&results, None);
    for title in ["### Where the time goes, a.json", "### Where the time goes, b.json"] {
        assert_eq!(text.matches(title).count(), 1, "{title}");
    }
    for (section, rows) in [("## Cost by payload", [1, 1]), ("## System calls", [1, 0])] {
        let section = text.split(&format!("\n{section}\n")).nth(1).unwrap().split("\n## ").next().unwrap();
        let found =
            ["| `bridge` | a.json |", "| `bridge` | b.json |"].map(|row| section.matches(row).count());
        assert_eq!(found, rows, "{section}");
    }
    let rows = csv(&results);
    assert!(rows.contains("\npss,bridge,a.json,300,") && rows.contains("\npss,bridge,b.json,300,"), "{rows}");
}

/// What several at a time make of the load is no other's work.
#[test]
fn load_is_warned_of_where_it_is_not_the_runs_own() {
    let other = |results: &Results| text(results, None).contains("The machine had other work");
    let mut results = fixture::full();
    results.machine.load_after = 9.0;
    assert!(!other(&results));
    results.throughput.clear();
    assert!(other(&results));
    let mut results = fixture::full();
    results.machine.load_before = 9.0;
    assert!(other(&results));
}

/// A kernel that shows less of processes than others.
#[test]
fn what_cannot_be_seen_is_left_out_and_not_zero() {
    let mut results = fixture::full();
    Sight { descendants: true, cpu_time: false, memory: false }.leave_out(&mut results);
    let text = markdown::text(&results, None);
    assert!(text.contains("CPU time: not measured, as there is no /proc/PID/task/TID/schedstat."), "{text}");
    assert!(text.contains("Memory: not measured, as there is no /proc/PID/smaps\\_rollup."), "{text}");
    assert!(!text.contains("| CPU |") && !text.contains("| PSS |") && !text.contains("| 0 B "), "{text}");
    assert!(!csv(&results).contains("_pss,") && csv(&results).contains("\nsystem_calls read,"));

    Sight { descendants: false, cpu_time: true, memory: true }.leave_out(&mut results);
    assert!(results.system_calls.is_empty());
    assert!(results.endurance.iter().all(|endurance| endurance.over == "invocations"));

    let mut results = fixture::full();
    Sight { descendants: true, cpu_time: true, memory: true }.leave_out(&mut results);
    assert!(results == fixture::full());
}

/// With several at a time, latency has the waiting in it, and begins elsewhere.
#[test]
fn promises_are_for_one_invocation_at_a_time() {
    let mut results = fixture::full();
    let time = "| `bridge` | `go-direct` | time, 200 B | 0.92 × | ";
    let measured = format!("{time}0.9");
    let from = |words: &str| format!("\n{words} to the last byte of the answer, ");
    let text = |results: &Results| markdown::text(results, None);
    assert!(
        text(&results).contains(&measured) && text(&results).contains(&from("From handing out the event"))
    );
    results.latency.iter_mut().for_each(|latency| latency.concurrency = 2);
    assert!(text(&results).contains(&format!("{time}not measured | – |")), "{}", text(&results));
    assert!(text(&results).contains(&from("From the caller's call")), "{}", text(&results));
    assert!(text(&results).contains("| CPU, 200 B | 0.80 × | not measured | – |"), "{}", text(&results));
}

#[test]
fn what_is_slower_is_found() {
    let before = fixture::full();
    let same = Comparison::of(&before, &before);
    assert_eq!((same.count(Verdict::Slower), same.count(Verdict::Faster)), (0, 0), "{same:#?}");
    assert!(same.verdict().is_ok());

    let comparison = Comparison::of(&before, &slower(fixture::full(), "bridge", 1.2));
    let found: Vec<_> =
        comparison.changes.iter().filter(|change| change.verdict == Verdict::Slower).collect();
    let what: Vec<_> = found.iter().map(|change| (&*change.contestant, &*change.what)).collect();
    let events = ["latency, 200 B", "latency, 10 KiB", "latency, 1 MiB", "latency, 6 MiB"];
    assert_eq!(what, events.map(|event| ("bridge", event)));
    assert!(found.iter().all(|change| (change.difference.unwrap().ratio - 1.2).abs() < 0.02), "{found:#?}");
    assert!(comparison.verdict().is_err());

    let comparison = Comparison::of(&slower(fixture::full(), "bridge", 1.2), &before);
    assert_eq!((comparison.count(Verdict::Slower), comparison.count(Verdict::Faster)), (0, 4));
    assert!(comparison.verdict().is_ok());
}

/// Certain, but small; or large, but of too few rounds.
#[test]
fn what_is_small_or_uncertain_is_no_regression() {
    let before = fixture::full();
    let comparison = Comparison::of(&before, &slower(fixture::full(), "bridge", 1.03));
    assert!(comparison.verdict().is_ok(), "{comparison:#?}");

    let few = |mut results: Results| {
        results.latency.iter_mut().for_each(|latency| latency.rounds.truncate(3));
        results
    };
    let comparison = Comparison::of(&few(before), &few(slower(fixture::full(), "bridge", 1.2)));
    assert!(comparison.verdict().is_ok(), "{comparison:#?}");
    assert_eq!(comparison.count(Verdict::TooFew), 4, "{comparison:#?}");
}

/// Everybody is half as fast: it is the machine. But of a contestant alone nobody could tell.
#[test]
fn a_slow_machine_is_no_regression() {
    let everybody = |mut results: Results| {
        for latency in &mut results.latency {
            latency.rounds.iter_mut().flatten().for_each(|value| *value *= 2.0);
        }
        results
    };
    let comparison = Comparison::of(&fixture::full(), &everybody(fixture::full()));
    assert!(comparison.verdict().is_ok(), "{comparison:#?}");
    let notes = comparison.notes.join("\n");
    assert!(notes.contains("The baseline itself is not what it was: latency, 200 B 2.00 ×; "), "{notes}");

    let alone = |mut results: Results| {
        results.latency.retain(|latency| latency.contestant == results.baseline);
        results
    };
    let comparison = Comparison::of(&alone(fixture::full()), &alone(everybody(fixture::full())));
    assert_eq!(comparison.count(Verdict::Slower), 4, "{comparison:#?}");
}

#[test]
fn runs_that_are_hard_to_compare_are_told_of() {
    let mut now = fixture::full();
    now.machine.cpu = "Another".to_owned();
    now.machine.versions[0].1 = "go1.27.0".to_owned();
    now.contestants.retain(|contestant| contestant.name != "go-shim");
    now.latency.retain(|latency| latency.contestant != "go-shim");
    now.complete = false;
    for latency in now.latency.iter_mut().filter(|latency| latency.event_bytes == 200) {
        latency.rounds.iter_mut().for_each(|round| round.truncate(20));
    }
    let notes = Comparison::of(&fixture::full(), &now).notes.join("\n");
    for words in [
        "Another now",
        "go go1.26.8 → go1.27.0",
        "go-shim (latency, 200 B)",
        "The new run was ended early",
        "Not the same contestants: bridge; go-direct; go-shim; ",
        "Not as many calls a turn: 200 B 40 → 20.",
    ] {
        assert!(notes.contains(words), "{notes}");
    }
}

/// A cold start ends with an answer, which takes as long as its event is; and a file may keep its name and grow.
#[test]
fn what_was_sent_other_events_is_not_compared() {
    let before = fixture::full();
    let mut now = slower(fixture::full(), "bridge", 1.2);
    for starts in &mut now.cold_start {
        (starts.event, starts.event_bytes) = ("6 MiB".to_owned(), 6 << 20);
        starts
            .values
            .iter_mut()
            .for_each(|value| *value *= if starts.contestant == "bridge" { 9.0 } else { 1.0 });
    }
    for latency in now.latency.iter_mut().filter(|latency| latency.event == "200 B") {
        latency.event_bytes = 100;
    }
    let comparison = Comparison::of(&before, &now);
    let of_bridge = comparison.changes.iter().filter(|change| change.contestant == "bridge");
    let what: Vec<&str> =
        of_bridge.map(|change| &*change.what).filter(|what| !what.contains("load")).collect();
    let same =
        ["10 KiB", "1 MiB", "6 MiB"].map(|event| [format!("latency, {event}"), format!("CPU, {event}")]);
    assert_eq!(what, same.concat());
    let notes = comparison.notes.join("\n");
    assert!(notes.contains("cold start (200 B before, 6 MiB now)"), "{notes}");
    assert!(notes.contains("latency, 200 B (200 B before, 200 B of 100 B now)"), "{notes}");

    // An older go1x has not told.
    now.cold_start.iter_mut().for_each(|starts| starts.event.clear());
    let comparison = Comparison::of(&before, &now);
    let cold = comparison.changes.iter().find(|change| change.what == "cold start").unwrap();
    assert_eq!((&*cold.contestant, cold.verdict), ("bridge", Verdict::Slower));

    // Nor is an echo compared with what works.
    let comparison = Comparison::of(&before, &Results { echo: false, ..fixture::full() });
    let error = format!("{:?}", comparison.verdict().unwrap_err());
    assert!(error.contains("Not the same handler: the echo before, one of the user's now."), "{error}");
}

/// Nothing is slower either where nothing was looked at: that is no success.
#[test]
fn what_cannot_be_compared_does_not_pass() {
    let only = |name: &str| {
        let mut results = fixture::full();
        results.latency.retain(|latency| latency.contestant == name);
        results.cold_start.clear();
        results.throughput.clear();
        results
    };
    // No figures at all; no contestant and no event in common; the yardstick alone.
    let mut other_events = only("bridge");
    other_events.latency.iter_mut().for_each(|latency| latency.event.insert(0, 'x'));
    let mut yardstick = fixture::full();
    yardstick.baseline = "bridge".to_owned();
    for (earlier, now) in [
        (fixture::full(), fixture::empty()),
        (only("bridge"), only("go-shim")),
        (other_events, only("bridge")),
        (Results { baseline: "bridge".to_owned(), ..only("bridge") }, yardstick),
    ] {
        let comparison = Comparison::of(&earlier, &now);
        let error = format!("{:?}", comparison.verdict().unwrap_err());
        assert!(error.contains("nothing in this run can be compared with the run of"), "{error}");
        let text = text(&now, Some(&comparison));
        assert!(text.contains("\nNothing can be compared with the run of"), "{text}");
    }
    // Times alone, and those of another machine.
    let mut elsewhere = only("bridge");
    assert!(Comparison::of(&only("bridge"), &elsewhere).verdict().is_ok());
    elsewhere.machine.cpu = "Another".to_owned();
    let comparison = Comparison::of(&only("bridge"), &elsewhere);
    assert!(comparison.verdict().is_err());
    let text = markdown::text(&elsewhere, Some(&comparison));
    assert!(text.contains("Not changed: 0.") && text.contains("times of another processor: 8."), "{text}");
    // Ratios stand that.
    let mut elsewhere = fixture::full();
    elsewhere.machine.cpu = "Another".to_owned();
    assert!(Comparison::of(&fixture::full(), &elsewhere).verdict().is_ok());
}

/// A run that was ended early has begun things of which nothing is known.
#[test]
fn what_was_only_begun_is_left_out() {
    let mut results = fixture::small();
    assert!(results.keep_measured());
    assert!(results == fixture::small());
    assert!(!fixture::empty().keep_measured());

    results.latency.iter_mut().skip(1).for_each(|latency| latency.rounds.clear());
    results.cold_start.iter_mut().for_each(|starts| starts.values.clear());
    results.throughput.iter_mut().for_each(|throughput| throughput.per_second.clear());
    results.endurance.iter_mut().for_each(|endurance| endurance.points.clear());
    let mut begun = results.clone();
    assert!(results.keep_measured());
    assert_eq!((results.latency.len(), results.cold_start.len(), results.throughput.len()), (1, 0, 0));
    begun.latency[0].rounds.clear();
    (begun.memory, begun.system_calls, begun.stages) = Default::default();
    assert!(!begun.keep_measured(), "names alone are no measurement");
}

#[test]
fn raw_values_come_back() {
    let folder = env::temp_dir().join(format!("go1x-report-{}", process::id()));
    let outputs = Outputs::open(Some(folder.clone()), true, None).unwrap();
    let results = fixture::full();
    keep(&results, None, outputs.folder.as_deref().unwrap()).unwrap();
    let path = folder.join("results.json");
    assert!(json::read(&path).unwrap() == results);
    for name in ["index.html", "summary.md", "raw.csv"] {
        assert!(folder.join(name).metadata().unwrap().len() > 1000, "{name}");
    }
    // What is no number is not written, and what was written can be read.
    json::print(&fixture::hostile(), &mut File::create(&path).unwrap()).unwrap();
    let read = json::read(&path).unwrap();
    assert_eq!(read.latency[0].rounds[0].len(), fixture::hostile().latency[0].rounds[0].len() - 1);

    let written = fs::read_to_string(&path).unwrap();
    for (text, words) in [
        (written.replacen("\"format\":1", "\"format\":2", 1), "has format 2, and this go1x reads up to 1"),
        (written[..written.len() / 2].to_owned(), "EOF while parsing"),
        ("[1, 2]".to_owned(), "has no results of `go1x bench`"),
        ("{\"format\": 1}".to_owned(), "missing field `started`"),
        (String::new(), "EOF"),
        ("\u{0}\u{1}".to_owned(), "has no results"),
    ] {
        fs::write(&path, text).unwrap();
        let error = format!("{:?}", json::read(&path).unwrap_err());
        assert!(error.contains(words), "{error}");
    }
    let error = format!("{:?}", json::read(&folder.join("missing.json")).unwrap_err());
    assert!(error.contains("cannot read"), "{error}");
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn names_are_nothing_but_names() {
    let results = fixture::hostile();
    let page = html::page(&results, None).unwrap();
    for markup in ["<script", "<img", "</style><b>", "onerror=\"", "\u{1b}", "\u{202e}"] {
        assert!(!page.contains(markup), "{markup}");
    }
    assert!(page.contains("&lt;script&gt;") && page.contains("{{ started }}{% raw %}"));

    let markdown = markdown::text(&results, None);
    let table = markdown.lines().filter(|line| line.starts_with("| ")).collect::<Vec<_>>();
    let columns = |line: &str| line.replace("\\|", "").matches('|').count();
    for row in table.windows(2).filter(|rows| rows[0].contains("---")) {
        assert_eq!(columns(row[0]), columns(row[1]), "{row:?}");
    }
    assert!(markdown.contains("| ```a\\|b`c``d [x](y) @somebody **bold** $1$``` |"), "{markdown}");
    assert!(
        markdown.contains("a\\|b\\`c\\`\\`d \\[x](y) @<!-- -->somebody \\*\\*bold\\*\\* \\$1\\$"),
        "{markdown}"
    );
    assert!(!markdown.contains("\n<script") && !markdown.contains(" <script"));

    let csv = csv(&results);
    assert!(csv.contains(",\"'=HYPERLINK(\"\"http://example.com\"\")\","));
    assert!(!csv.lines().any(|line| line.split(',').any(|cell| cell.trim_matches('"').starts_with('='))));
    assert!(!text(&results, None).contains('\u{1b}'));
}

/// Any number and any text in any place: every report is made, and says something.
#[test]
fn no_result_stops_a_report() {
    let mut random = fixture::Random::new(5);
    let results = serde_json::to_value(fixture::small()).unwrap();
    for _ in 0..150 {
        let mut changed = results.clone();
        for _ in 0..20 {
            change(&mut changed, &mut random);
        }
        // A count below zero, say, is refused when it is read.
        let Ok(changed) = serde_json::from_value::<Results>(changed) else { continue };
        let comparisons =
            [Comparison::of(&changed, &fixture::small()), Comparison::of(&fixture::small(), &changed)];
        for comparison in [None, Some(&comparisons[0]), Some(&comparisons[1])] {
            assert!(html::page(&changed, comparison).unwrap().contains("</html>"));
            assert!(markdown::text(&changed, comparison).contains("## Setting"));
            assert!(text(&changed, comparison).contains("Setting"));
        }
        assert!(csv(&changed).starts_with("what,"));
    }
}

/// Another value in one place, mostly deep inside.
fn change(value: &mut Value, random: &mut fixture::Random) {
    let numbers = [0.0, 1.0, 1e-300, 1e300, 5e-324, f64::MAX, 1e18, 1e6, 0.1, -1.0, -1e300, f64::MIN];
    let counts = [0, 1, u64::from(u32::MAX), u64::MAX];
    let mut pick = |count: usize| ((random.part() * count as f64) as usize).min(count.saturating_sub(1));
    match value {
        Value::Array(items) if items.is_empty() => {}
        Value::Array(items) => {
            let at = pick(items.len());
            match pick(12) {
                0 => drop(items.remove(at)),
                1 => items.push(items[at].clone()),
                _ => change(&mut items[at], random),
            }
        }
        Value::Object(members) => {
            let at = pick(members.len());
            if let Some(member) = members.values_mut().nth(at) {
                change(member, random);
            }
        }
        Value::Number(number) if number.is_u64() => *value = counts[pick(counts.len())].into(),
        Value::Number(_) => *value = numbers[pick(numbers.len())].into(),
        Value::String(text) => *text = ["", "go-direct", "=1", "seconds", "\u{0}\n"][pick(5)].to_owned(),
        Value::Bool(_) | Value::Null => {}
    }
}

/// Nothing takes minutes or gigabytes: not a million values, nor thousands of contestants.
#[test]
fn large_runs_have_small_pages() {
    let mut results = fixture::small();
    let mut random = fixture::Random::new(11);
    results.latency[0].rounds = vec![(0..1_000_000).map(|_| random.around(70.0)).collect()];
    let page = html::page(&results, None).unwrap();
    assert!(page.len() < 300_000, "{}", page.len());

    // Each with an event and a stage of its own.
    let mut results = fixture::small();
    let stages = results.stages[0].clone();
    results.stages = (0..1000)
        .map(|at| {
            let mut stages = stages.clone();
            stages.event = format!("event {at}");
            stages.stages = vec![(format!("stage {at}"), 1.0)];
            stages
        })
        .collect();
    let page = html::page(&results, None).unwrap();
    assert!(page.len() < 10_000_000, "{}", page.len());
}
