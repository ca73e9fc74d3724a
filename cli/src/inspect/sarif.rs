//! The findings as SARIF 2.1.0, which code scanning reads ("Static Analysis Results Interchange Format", OASIS).

use serde_json::{Value, json};

use super::finding::{Finding, Level, RULES};
use super::report::{Input, Report};

/// One log with one run.
pub(crate) fn log(report: &Report) -> Value {
    let rules: Vec<Value> =
        RULES.iter().map(|(id, text)| json!({"id": id, "shortDescription": {"text": text}})).collect();
    let results =
        report.inputs.iter().flat_map(|input| input.findings.iter().map(|found| result(input, found)));
    let refused: Vec<Value> = report
        .refused()
        .map(|(path, why)| json!({"level": "error", "message": {"text": format!("{path}: {why}")}}))
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "go1x",
                "version": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": rules,
            }},
            "invocations": [{
                "executionSuccessful": refused.is_empty(),
                "toolExecutionNotifications": refused,
            }],
            "results": results.collect::<Vec<_>>(),
        }],
    })
}

fn result(input: &Input, finding: &Finding) -> Value {
    let level = match finding.level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note => "note",
    };
    let text = match &finding.help {
        Some(help) => format!("{}. {help}", finding.message),
        None => finding.message.clone(),
    };
    let mut location = json!({"physicalLocation": {"artifactLocation": {"uri": uri(&input.path)}}});
    if let Some(member) = &finding.member {
        location["logicalLocations"] = json!([{"fullyQualifiedName": member, "kind": "resource"}]);
    }
    json!({
        "ruleId": finding.rule,
        "ruleIndex": RULES.iter().position(|(id, _)| *id == finding.rule),
        "level": level,
        "message": {"text": text},
        "locations": [location],
    })
}

/// A path as a reference of RFC 3986: all but what may stand in one is escaped.
fn uri(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    path.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
