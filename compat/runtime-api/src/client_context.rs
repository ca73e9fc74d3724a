//! What an AWS mobile SDK says of the app and the device that invoke a function.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

/// The client context, with the keys of aws-lambda-go (`lambdacontext/context.go`). What is absent, or `null`,
/// is empty; what is unknown is passed over.
///
/// ```
/// use runtime_api::ClientContext;
///
/// let json = r#"{"client":{"installation_id":"i"},"env":{"locale":"de_CH"},"services":{}}"#;
/// let context: ClientContext = serde_json::from_str(json)?;
/// assert_eq!(context.client.installation_id, "i");
/// assert_eq!(context.env["locale"], "de_CH");
/// assert!(context.custom.is_empty());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientContext {
    /// The app.
    #[serde(deserialize_with = "null_is_empty")]
    pub client: ClientApplication,
    /// The device: platform, model, locale and so on.
    #[serde(deserialize_with = "null_is_empty")]
    pub env: BTreeMap<String, String>,
    /// What the app added.
    #[serde(deserialize_with = "null_is_empty")]
    pub custom: BTreeMap<String, String>,
}

/// An app that invokes a function.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientApplication {
    /// Names the installation of the app on one device.
    #[serde(deserialize_with = "null_is_empty")]
    pub installation_id: String,
    /// The app's title.
    #[serde(deserialize_with = "null_is_empty")]
    pub app_title: String,
    /// The app's version, as a number.
    #[serde(deserialize_with = "null_is_empty")]
    pub app_version_code: String,
    /// The app's package.
    #[serde(deserialize_with = "null_is_empty")]
    pub app_package_name: String,
}

fn null_is_empty<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Deserialize<'de> + Default,
    D: Deserializer<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Context;

    fn client(json: &str) -> Result<Option<ClientContext>, serde_json::Error> {
        Context { client_context: json.to_owned().into(), ..Context::default() }.client()
    }

    #[test]
    fn every_key_is_read() {
        let context = client(
            r#"{"client":{"installation_id":"i","app_title":"t","app_version_code":"3","app_package_name":"p"},
                "env":{"model":"m"},"custom":{"k":"v","":""}}"#,
        );
        let map = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let expected = ClientContext {
            client: ClientApplication {
                installation_id: "i".into(),
                app_title: "t".into(),
                app_version_code: "3".into(),
                app_package_name: "p".into(),
            },
            env: map(&[("model", "m")]),
            custom: map(&[("k", "v"), ("", "")]),
        };
        assert_eq!(context.unwrap(), Some(expected));
    }

    #[test]
    fn absent_null_and_wrong() {
        for none in ["", "null"] {
            assert_eq!(client(none).unwrap(), None, "{none}");
        }
        for empty in ["{}", r#"{"client":null,"env":null,"custom":null}"#, r#"{"client":{"app_title":null}}"#]
        {
            assert_eq!(client(empty).unwrap(), Some(ClientContext::default()), "{empty}");
        }
        for wrong in ["{", "7", r#"{"env":{"k":1}}"#, r#"{"client":"c"}"#] {
            assert!(client(wrong).is_err(), "{wrong}");
        }
    }
}
