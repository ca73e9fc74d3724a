//! Diagnostics as JSON, one object a line, like the line of a failure: `timestamp`, `level`, `target`, `message`, and the
//! event's own fields.

use std::fmt::{self, Write as _};
use std::time::SystemTime;

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

pub(crate) struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = Line(String::from("{"));
        line.text("timestamp", &go1x::timestamp(SystemTime::now()));
        line.text("level", event.metadata().level().as_str());
        line.text("target", event.metadata().target());
        event.record(&mut line);
        writeln!(writer, "{}}}", line.0)
    }
}

/// An object, but for its closing brace.
struct Line(String);

impl Line {
    fn text(&mut self, name: &str, value: &str) {
        self.json(name, &serde_json::to_string(value).unwrap_or_default());
    }

    fn json(&mut self, name: &str, value: &dyn fmt::Display) {
        let comma = if self.0.len() > 1 { "," } else { "" };
        // Names of fields are Rust's, which need no escape.
        _ = write!(self.0, "{comma}\"{name}\":{value}");
    }
}

impl Visit for Line {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.json(field.name(), &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.json(field.name(), &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.json(field.name(), &value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field.name(), &format!("{value:?}"));
    }
}
