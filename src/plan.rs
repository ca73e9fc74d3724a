//! How a handler is served while the Runtime API is polled: how many invocations at a time, whether on a legacy socket
//! besides, and what its failures look like in the log.

use std::net::SocketAddr;
use std::num::NonZeroUsize;

use runtime_api::contract::MAX_CONCURRENCY_VARIABLE;

use crate::{LogFormat, RuntimeError, rpc};

/// Read from the environment by whoever may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// `AWS_LAMBDA_MAX_CONCURRENCY`: invocations that may be in flight; 1 unless set.
    pub slots: NonZeroUsize,
    /// `GO1X_RPC_LISTEN`: where the handler is also served as `Function`, for old net/rpc tools.
    pub rpc_listen: Option<SocketAddr>,
    /// `GO1X_LOG_FORMAT`: how failures are written to the log.
    pub log: LogFormat,
}

impl Default for Plan {
    /// One invocation at a time, by the Runtime API alone.
    fn default() -> Plan {
        Plan { slots: NonZeroUsize::MIN, rpc_listen: None, log: LogFormat::Go1x }
    }
}

/// As many invocations in flight as AWS's own server keeps idle calls of `next`.
const SLOTS_LIMIT: usize = 10_000;

impl Plan {
    /// Reads the variables; `value` gives one's text, if it is set to any.
    pub(crate) fn read(
        value: impl Fn(&'static str) -> Result<Option<String>, RuntimeError>,
    ) -> Result<Plan, RuntimeError> {
        let slots = match value(MAX_CONCURRENCY_VARIABLE)? {
            None => NonZeroUsize::MIN,
            Some(text) => match text.parse::<NonZeroUsize>() {
                Ok(slots) if slots.get() <= SLOTS_LIMIT => slots,
                _ => {
                    return Err(RuntimeError::not(
                        MAX_CONCURRENCY_VARIABLE,
                        &text,
                        &format!("a number from 1 to {SLOTS_LIMIT}"),
                    ));
                }
            },
        };
        let rpc_listen = match value(RPC_LISTEN)? {
            None => None,
            Some(_) if rpc::VARIABLE.is_none() => {
                // aws-lambda-go's words for the variable that it knows (`lambda/rpc_function.go` before v1.34.0).
                let problem = "was present but the function was compiled without RPC support".into();
                return Err(RuntimeError::Setting { variable: RPC_LISTEN, problem });
            }
            Some(text) => match text.parse::<SocketAddr>() {
                // Whoever reaches it can invoke the function; and a port that the kernel chose, no tool would know.
                Ok(address) if address.ip().is_loopback() && address.port() != 0 => Some(address),
                _ => {
                    return Err(RuntimeError::not(
                        RPC_LISTEN,
                        &text,
                        "an address of this machine alone, with a port, as 127.0.0.1:5000",
                    ));
                }
            },
        };
        Ok(Plan { slots, rpc_listen, log: LogFormat::read(value)? })
    }
}

/// Where the handler is also served over net/rpc.
pub(crate) const RPC_LISTEN: &str = "GO1X_RPC_LISTEN";

#[cfg(test)]
mod tests {
    use super::*;

    fn read(slots: &str, listen: &str) -> Result<Plan, String> {
        let texts = [(MAX_CONCURRENCY_VARIABLE, slots), (RPC_LISTEN, listen)];
        let value = |name| {
            let text = texts.iter().find(|(known, _)| *known == name).map(|(_, text)| (*text).to_owned());
            Ok(text.filter(|text| !text.is_empty()))
        };
        Plan::read(value).map_err(|error| error.to_string())
    }

    #[test]
    fn slots_are_counted_and_bounded() {
        assert_eq!(read("", "").map(|plan| plan.slots.get()), Ok(1));
        assert_eq!(read("32", "").map(|plan| plan.slots.get()), Ok(32));
        for wrong in ["0", "-1", "many", "10001", "99999999999999999999"] {
            let text = format!("AWS_LAMBDA_MAX_CONCURRENCY is {wrong:?}; it can be a number from 1 to 10000");
            assert_eq!(read(wrong, ""), Err(text));
        }
    }

    #[test]
    fn the_legacy_socket_is_for_this_machine_alone() {
        if rpc::VARIABLE.is_none() {
            let text = "GO1X_RPC_LISTEN was present but the function was compiled without RPC support";
            return assert_eq!(read("", "127.0.0.1:5000"), Err(text.to_owned()));
        }
        for right in ["127.0.0.1:5000", "[::1]:5000", "127.1.2.3:1"] {
            assert_eq!(read("", right).map(|plan| plan.rpc_listen), Ok(right.parse().ok()));
        }
        for wrong in ["0.0.0.0:5000", "5000", "localhost:5000", "10.0.0.1:5000", "127.0.0.1", "127.1.2.3:0"] {
            assert!(read("", wrong).is_err_and(|text| text.starts_with("GO1X_RPC_LISTEN is ")), "{wrong}");
        }
    }
}
