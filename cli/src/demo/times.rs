//! The same events over RPC and direct, by turns: a quick look, with every answer checked.

use std::time::Duration;

use super::REPORT;
use super::events::Event;
use super::handlers::{Handler, Handlers};
use super::log::Log;
use super::report::{Door, Median, Times};
use super::sandbox::Sandbox;
use super::tour::milliseconds;
use crate::error::Error;

/// Rounds that are not counted: connections, caches and heaps come to size in them.
const WARM_UP: usize = 5;
/// Rounds with a small event, and with one of 1 MB. Odd, so that there is a middle one.
const ROUNDS: usize = 101;
const ROUNDS_OF_MEGABYTES: usize = 21;

struct Contestant<'a> {
    handler: &'a Handler,
    door: Door,
    sandbox: Sandbox,
}

/// Starts every handler and times those events that leave it as it was.
pub(crate) async fn measure(handlers: &Handlers, log: &mut Log) -> Result<Vec<Times>, Error> {
    let mut contestants = Vec::new();
    for handler in &handlers.bridged {
        let sandbox = Sandbox::bridged(handler, None).await?;
        contestants.push(Contestant { handler, door: Door::Rpc, sandbox });
    }
    let sandbox = Sandbox::direct(&handlers.direct).await?;
    contestants.push(Contestant { handler: &handlers.direct, door: Door::Direct, sandbox });

    let mut times = Vec::new();
    for (event, rounds) in [
        (Event::echo(), ROUNDS),
        (Event::api_gateway(), ROUNDS),
        (Event::error(), ROUNDS),
        (Event::megabyte(), ROUNDS_OF_MEGABYTES),
    ] {
        times.push(compare(&contestants, &event, rounds).await?);
    }
    for contestant in contestants {
        contestant.sandbox.stop().await;
    }
    // The failures that were asked for, many times over.
    log.lines();
    Ok(times)
}

async fn compare(contestants: &[Contestant<'_>], event: &Event, rounds: usize) -> Result<Times, Error> {
    let mut taken = vec![Vec::with_capacity(rounds); contestants.len()];
    for round in 0..WARM_UP + rounds {
        for turn in 0..contestants.len() {
            // Each comes first as often as the others.
            let index = (round + turn) % contestants.len();
            let Contestant { handler, door, sandbox } = &contestants[index];
            let outcome = sandbox.invoke(&event.payload).await;
            event.check(handler, &outcome).map_err(|problem| {
                Error::failed(format!("{} ({door:?}): {problem}", handler.name)).with_help(REPORT)
            })?;
            if round >= WARM_UP {
                taken[index].push(outcome.duration);
            }
        }
    }
    let medians: Vec<Duration> = taken.into_iter().map(median).collect();
    let ratio = match medians[..] {
        [.., rpc, direct] if !direct.is_zero() => rpc.as_secs_f64() / direct.as_secs_f64(),
        _ => f64::NAN,
    };
    let named = contestants.iter().zip(&medians).map(|(contestant, median)| Median {
        handler: contestant.handler.name.clone(),
        door: contestant.door,
        milliseconds: milliseconds(*median),
    });
    Ok(Times {
        event: event.name,
        event_bytes: event.payload.len(),
        repetitions: rounds,
        medians: named.collect(),
        ratio: (ratio * 1e3).round() / 1e3,
    })
}

fn median(mut taken: Vec<Duration>) -> Duration {
    taken.sort_unstable();
    taken.get(taken.len() / 2).copied().unwrap_or_default()
}
