//! The report as one page that needs nothing besides itself.

use minijinja::{Environment, Value, context};

use super::super::results::Results;
use super::chart::WIDTH;
use super::chart::style::{DARK, LIGHT, variables};
use super::comparison::Comparison;
use super::line::line;
use super::section::{Figure, Section, sections, setting, warnings};
use super::table::{Kind, Table};
use super::unit::Unit;
use crate::error::Error;

/// Its name ends so that everything is escaped.
const PAGE: &str = "page.html";
/// Names of so many letters stand in one line.
const UNBROKEN: usize = 24;

pub(crate) fn page(results: &Results, comparison: Option<&Comparison>) -> Result<String, Error> {
    let mut templates = Environment::new();
    templates.add_template(PAGE, include_str!("page.html")).map_err(Error::failed)?;
    let page = templates.get_template(PAGE).map_err(Error::failed)?;
    let sections = sections(results, comparison);
    let notes: Vec<String> = results.notes.iter().map(|note| line(note)).collect();
    let names = results.contestants.iter().map(|contestant| line(&contestant.name));
    let values = context! {
        style => Value::from_safe_string(include_str!("page.css").to_owned()),
        light => Value::from_safe_string(variables(&LIGHT)),
        dark => Value::from_safe_string(variables(&DARK)),
        started => line(&results.started),
        took => Unit::Seconds.show(results.seconds),
        contestants => names.collect::<Vec<_>>(),
        warnings => warnings(results),
        notes,
        setting => setting(results).iter().map(table).collect::<Vec<_>>(),
        sections => sections.iter().map(section).collect::<Vec<_>>(),
    };
    page.render(values).map_err(Error::failed)
}

fn section(section: &Section) -> Value {
    let Section { id, title, words, tables, figures, is_detail } = section;
    let figures =
        figures.iter().enumerate().map(|(at, figure)| self::figure(&format!("{id}-{}", at + 1), figure));
    context! {
        id => *id,
        title => title.as_str(),
        words => words.clone(),
        tables => tables.iter().map(table).collect::<Vec<_>>(),
        figures => figures.collect::<Vec<_>>(),
        is_open => !is_detail,
    }
}

fn figure(id: &str, Figure { title, description, drawing, legend }: &Figure) -> Value {
    let key = |key: &super::section::Key| {
        context! {
            name => key.name.as_str(),
            sample => Value::from_safe_string(key.sample.clone()),
        }
    };
    context! {
        id => id,
        title => title.as_str(),
        description => description.as_str(),
        width => WIDTH,
        height => drawing.height.ceil(),
        body => Value::from_safe_string(drawing.body.clone()),
        legend => legend.iter().map(key).collect::<Vec<_>>(),
    }
}

fn table(table: &Table) -> Value {
    let columns = table
        .columns
        .iter()
        .map(|column| context! { title => column.title.as_str(), class => class(column.kind, "") });
    let rows = table.rows.iter().map(|row| {
        let cells = row.iter().zip(&table.columns);
        cells
            .map(|(text, column)| context! { text => text.as_str(), class => class(column.kind, text) })
            .collect::<Vec<_>>()
    });
    context! {
        title => table.title.as_str(),
        is_folded => table.is_folded,
        columns => columns.collect::<Vec<_>>(),
        rows => rows.collect::<Vec<_>>(),
    }
}

fn class(kind: Kind, text: &str) -> &'static str {
    match (kind, text) {
        (Kind::Number, _) => "number",
        (Kind::Verdict, "reached" | "faster") => "verdict good",
        (Kind::Verdict, "not reached" | "slower") => "verdict bad",
        (Kind::Name, name) if name.chars().count() <= UNBROKEN => "short",
        (Kind::Name | Kind::Words, _) => "words",
        (Kind::Verdict, _) => "verdict",
    }
}
