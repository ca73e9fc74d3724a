//! Encoding and decoding gob: this project's codec, Go's own and the crate gobwire on the same values, which take
//! turns in one run. Every answer is checked. See `benches/README.md`.

#[path = "gob/arguments.rs"]
mod arguments;
#[path = "gob/chart.rs"]
mod chart;
#[path = "gob/contestant.rs"]
mod contestant;
#[path = "gob/measure.rs"]
mod measure;
#[path = "gob/ours_fixed.rs"]
mod ours_fixed;
#[path = "gob/ours_serde.rs"]
mod ours_serde;
#[path = "gob/peer_go.rs"]
mod peer_go;
#[path = "gob/peer_gobwire.rs"]
mod peer_gobwire;
#[path = "gob/report.rs"]
mod report;
#[path = "gob/statistics.rs"]
mod statistics;
#[path = "gob/summary.rs"]
mod summary;
#[path = "gob/targets.rs"]
mod targets;
#[path = "gob/workloads.rs"]
mod workloads;

use std::cell::RefCell;
use std::rc::Rc;

use anyhow::ensure;

use arguments::Arguments;
use measure::{Cell, Plan};
use peer_go::GoPeer;

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    let program = match peer_go::build() {
        Ok(program) => program,
        Err(error) => {
            ensure!(std::env::var("GO1X_REQUIRE_GO").as_deref() != Ok("1"), "{error:#}");
            eprintln!("NOT RUN: the benchmark needs its Go peer: {error:#}");
            return Ok(());
        }
    };
    let plan = if arguments.quick { Plan::quick() } else { Plan::full(arguments.rounds) };
    let began = report::Machine::look();
    let mut cells: Vec<Cell> = Vec::new();
    let mut go_version = String::new();
    for run in 1..=arguments.runs {
        // A process of its own for each run: where things come to lie in memory is chance, too.
        let go = Rc::new(RefCell::new(GoPeer::start(&program)?));
        go_version = go.borrow_mut().version()?;
        println!("run {run} of {}, against {go_version} and gobwire", arguments.runs);
        for name in workloads::NAMES.iter().filter(|name| arguments.wants(name)) {
            let mut case = workloads::open(name, &go)?;
            case.verify()?;
            if arguments.quick {
                println!("{name}: all read what all wrote");
            }
            for cell in measure::all(&mut case, &plan)? {
                if !arguments.quick {
                    print!("{}", summary::lines(&cell));
                }
                measure::merge(&mut cells, cell);
            }
        }
    }
    if arguments.quick {
        return Ok(());
    }
    print!("\n{}", summary::overview(&cells));
    print!("\n{}", targets::text(&cells));
    if let Some(folder) = &arguments.report {
        report::write(folder, &cells, &arguments, &began, &go_version)?;
        println!("\nreport: {}", folder.display());
    }
    Ok(())
}
