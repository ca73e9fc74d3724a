//! All events through one handler, one after the other.

use std::time::{Duration, Instant};

use super::events::Event;
use super::handlers::Handler;
use super::log::Log;
use super::report::{Crossed, Kind, Sent, Tour};
use super::sandbox::Sandbox;
use super::wire::{Call, Wire};
use crate::error::Error;

/// Sends the events and checks what comes back. What goes wrong ends it.
pub(crate) async fn take(handler: &Handler, log: &mut Log) -> Result<Tour, Error> {
    let wire = Wire::default();
    let since = Instant::now();
    let sandbox = Sandbox::bridged(handler, Some(&wire)).await?;
    let start_milliseconds = milliseconds(since.elapsed());
    let ping = crossed(&wire.take(), "Function.Ping");
    let mut visit = Visit { handler, sandbox, wire, log };
    let mut events: Vec<Sent> = Vec::new();
    for (name, event) in [
        ("echo", Event::echo()),
        // Definitions of types cross a connection once.
        ("echo again", Event::echo()),
        ("API Gateway", Event::api_gateway()),
        ("error", Event::error()),
        ("context", Event::context()),
        ("panic", Event::panic()),
        ("context", Event::context()),
        ("1 MB echo", Event::megabyte()),
    ] {
        let mut sent = visit.send(name, &event).await;
        // Its answer has its process id in it.
        if name == "context" && events.iter().any(|earlier| earlier.answer == sent.answer) {
            sent.problem.get_or_insert("the process that panicked still serves".into());
        }
        let is_wrong = sent.problem.is_some();
        events.push(sent);
        if is_wrong {
            break;
        }
    }
    visit.sandbox.stop().await;
    Ok(Tour {
        handler: handler.name.clone(),
        description: handler.description.clone(),
        start_milliseconds,
        ping,
        events,
    })
}

struct Visit<'a> {
    handler: &'a Handler,
    sandbox: Sandbox,
    wire: Wire,
    log: &'a mut Log,
}

impl Visit<'_> {
    async fn send(&mut self, name: &'static str, event: &Event) -> Sent {
        let since = Instant::now();
        let outcome = self.sandbox.invoke(&event.payload).await;
        let waited = since.elapsed().saturating_sub(outcome.duration);
        let rpc = crossed(&self.wire.take(), "Function.Invoke");
        let mut checked = event.check(self.handler, &outcome);
        if rpc.request_bytes == 0 || rpc.reply_bytes == 0 {
            checked = Err(format!("{name:?} was not seen on the RPC socket"));
        }
        let (answer, problem) = match checked {
            Ok(answer) => (answer, None),
            Err(problem) => (String::new(), Some(problem)),
        };
        Sent {
            event: name,
            event_bytes: event.payload.len(),
            outcome: if outcome.function_error.is_some() { Kind::Failure } else { Kind::Ok },
            answer,
            answer_bytes: outcome.payload.len(),
            problem,
            rpc,
            waited_milliseconds: milliseconds(waited),
            milliseconds: milliseconds(outcome.duration),
            log: self.log.lines(),
        }
    }
}

/// All calls of one method.
fn crossed(calls: &[Call], service_method: &str) -> Crossed {
    let calls = calls.iter().filter(|call| call.service_method == service_method);
    calls.fold(Crossed::default(), |sum, call| Crossed {
        request_messages: sum.request_messages + call.request_messages,
        request_bytes: sum.request_bytes + call.request_bytes,
        reply_messages: sum.reply_messages + call.reply_messages,
        reply_bytes: sum.reply_bytes + call.reply_bytes,
    })
}

/// As a number with what a clock can tell.
pub(super) fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
