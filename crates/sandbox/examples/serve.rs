//! The sandbox as a library: a million conversations on a socket, for measuring or for trying a client.
//!
//! `cargo run --release -p longshore-sandbox --example serve -- [PORT] [CONVERSATIONS]`

use std::sync::Arc;
use std::time::Duration;

use model::time::Sleep;
use model::{Clock, Millis, SeededEntropy};
use sandbox::{BindOptions, Listening, Options, Sandbox, Source, run};

/// The machine's clock.
struct MachineClock;

#[expect(clippy::disallowed_methods, reason = "an example stands at the edge, where real time enters")]
impl Clock for MachineClock {
    fn now(&self) -> Millis {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn sleep(&self, ms: u64) -> Sleep {
        Box::pin(tokio::time::sleep(Duration::from_millis(ms)))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let port = arguments.next().map_or(Ok(0), |text| text.parse())?;
    let conversations = arguments.next().map_or(Ok(1_000_000), |text| text.parse())?;
    let options = Options { source: Source::Generated { conversations }, ..Options::default() };
    let bind = BindOptions { port, ..BindOptions::default() };
    let ready = |sandbox: &Sandbox, listening: &Listening| {
        println!("{} with token {}", listening.url, sandbox.private_token());
    };
    // A seed, so that the token is the same at every start: good for measuring, wrong for anything else.
    let entropy = Arc::new(SeededEntropy::new(7));
    run(options, bind, Arc::new(MachineClock), entropy, ready, std::future::pending()).await?;
    Ok(())
}
