//! Between the Runtime API's values and go1.x's messages; nothing here does I/O.

use bytes::Bytes;
use runtime_api::{ByteString, Context, Event, FunctionError, Identity, Invocation, RequestId};

use super::messages::{
    InvokeError, InvokeRequest, InvokeResponse, ReceivedInvokeRequest, StackFrame, Timestamp,
};

/// What a go1.x handler is told of an invocation. A tenant id has no place in it.
pub(super) fn request(context: &Context, payload_length: u64) -> InvokeRequest<'_> {
    InvokeRequest {
        payload_length,
        request_id: context.request_id.as_str(),
        x_amzn_trace_id: &context.trace_id,
        deadline: Timestamp {
            seconds: (context.deadline_ms / 1_000) as i64,
            nanos: (context.deadline_ms % 1_000) as i64 * 1_000_000,
        },
        invoked_function_arn: &context.invoked_function_arn,
        cognito_identity_id: &context.identity.id,
        cognito_identity_pool_id: &context.identity.pool_id,
        client_context: context.client_context.as_bytes(),
    }
}

/// What a go1.x handler answered: its payload, or its failure.
pub(super) fn outcome(response: InvokeResponse) -> Result<Bytes, FunctionError> {
    let Some(error) = response.error else { return Ok(response.payload) };
    let InvokeError { message, error_type, stack_trace, should_exit } = error;
    let frame = |StackFrame { path, line, label }| runtime_api::StackFrame { path, line, label };
    let stack_trace = stack_trace.into_iter().map(frame).collect();
    Err(FunctionError { message: cut(message), error_type: cut(error_type), stack_trace, should_exit })
}

/// So much of a failure's message, and of its type, goes to the log and to the platform.
const TEXT_LIMIT: usize = 256 * 1024;

pub(super) fn cut(mut text: String) -> String {
    let length = text.len();
    if length > TEXT_LIMIT {
        let end = (0..=TEXT_LIMIT).rfind(|end| text.is_char_boundary(*end)).unwrap_or_default();
        text.truncate(end);
        text += &format!("… (cut: {length} bytes)");
    }
    text
}

/// The other way: an invocation that came over net/rpc. An id that could not stand in a path is left out.
pub(super) fn invocation(request: ReceivedInvokeRequest) -> Invocation {
    let Timestamp { seconds, nanos } = request.deadline;
    let milliseconds = i128::from(seconds) * 1_000 + i128::from(nanos / 1_000_000);
    Invocation {
        context: Context {
            request_id: RequestId::parse(request.request_id).unwrap_or_default(),
            deadline_ms: milliseconds.clamp(0, i128::from(u64::MAX)) as u64,
            invoked_function_arn: request.invoked_function_arn.into(),
            trace_id: request.x_amzn_trace_id.into(),
            client_context: request.client_context.into(),
            identity: Identity { id: request.cognito_identity_id, pool_id: request.cognito_identity_pool_id },
            tenant_id: ByteString::new(),
        },
        event: Event::from(request.payload),
    }
}

/// The other way: what a handler answered, for net/rpc.
pub(super) fn response(outcome: Result<Bytes, FunctionError>) -> InvokeResponse {
    match outcome {
        Ok(payload) => InvokeResponse { payload, error: None },
        Err(FunctionError { message, error_type, stack_trace, should_exit }) => {
            let frame = |runtime_api::StackFrame { path, line, label }| StackFrame { path, line, label };
            let stack_trace = stack_trace.into_iter().map(frame).collect();
            let error = InvokeError { message, error_type, stack_trace, should_exit };
            InvokeResponse { payload: Bytes::new(), error: Some(error) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_survive_both_ways() {
        for deadline_ms in [0, 1, 999, 1_000, 1_700_000_000_250] {
            let context = Context { deadline_ms, ..Context::default() };
            let sent = request(&context, 0);
            assert_eq!(sent.deadline.nanos, (deadline_ms % 1000 * 1_000_000) as i64);
            let received = ReceivedInvokeRequest { deadline: sent.deadline, ..Default::default() };
            assert_eq!(invocation(received).context.deadline_ms, deadline_ms);
        }
        let long_ago = Timestamp { seconds: i64::MIN, nanos: i64::MIN };
        let received = ReceivedInvokeRequest { deadline: long_ago, ..Default::default() };
        assert_eq!(invocation(received).context.deadline_ms, 0);
    }

    #[test]
    fn a_long_text_is_cut_between_two_characters() {
        let fits = "x".repeat(TEXT_LIMIT);
        assert_eq!(cut(fits.clone()), fits);
        let cut = cut("ü".repeat(TEXT_LIMIT).replacen('ü', "x", 1));
        assert_eq!(cut.len(), TEXT_LIMIT - 1 + "… (cut: 524287 bytes)".len());
        assert!(cut.ends_with("ü… (cut: 524287 bytes)"), "{}", &cut[TEXT_LIMIT - 10..]);
    }

    #[test]
    fn failures_survive_both_ways() {
        let failure = FunctionError {
            stack_trace: vec![runtime_api::StackFrame {
                path: "main.go".into(),
                line: -1,
                label: "main".into(),
            }],
            should_exit: true,
            ..FunctionError::new("errorString", "no")
        };
        assert_eq!(outcome(response(Err(failure.clone()))), Err(failure));
        assert_eq!(outcome(response(Ok(Bytes::from("x")))), Ok(Bytes::from("x")));
    }
}
