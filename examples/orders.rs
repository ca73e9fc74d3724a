//! A function as it would be written for AWS's `lambda_runtime`, but for the crate's name in the line of imports: JSON
//! in, JSON out, errors by `?`.
//!
//! Run it as `bootstrap` on `provided.al2023`; or behind go1x's `bootstrap`, or on an old go1x runtime, which both set
//! `_LAMBDA_SERVER_PORT` and drive it over net/rpc.

use go1x::{Error, LambdaEvent, run, service_fn};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Order {
    tea: String,
    cups: String,
}

#[derive(Serialize)]
struct Bill {
    order: String,
    cents: u32,
}

async fn sell(event: LambdaEvent<Order>) -> Result<Bill, Error> {
    let (order, context) = event.into_parts();
    let cups: u32 = order.cups.parse()?;
    if cups == 0 {
        panic!("nobody orders no {}", order.tea);
    }
    let cents = cups.checked_mul(250).ok_or("that is more tea than there is")?;
    Ok(Bill { order: context.request_id.to_string(), cents })
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(sell)).await
}
