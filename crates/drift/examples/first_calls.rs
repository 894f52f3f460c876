//! The first calls: who are we, which conversations are there, and what was said in the latest of them.
//!
//! ```sh
//! DRIFT_API=http://127.0.0.1:4010 DRIFT_TOKEN=... cargo run --example first_calls -p longshore-drift
//! ```
//!
//! Without `DRIFT_API` it asks Drift itself.

use drift::{Auth, Client, Config, ListQuery, Seams, Secret};

/// How many conversations are shown.
const SHOWN: usize = 5;

#[tokio::main]
async fn main() {
    if let Err(error) = run().await {
        eprintln!("error: {error}");
        if let Some(hint) = error.downcast_ref::<drift::Error>().and_then(drift::Error::hint) {
            eprintln!("hint: {hint}");
        }
        std::process::exit(1);
    }
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let token = std::env::var("DRIFT_TOKEN").map_err(|_| "set DRIFT_TOKEN to a token of your app")?;
    let config = match std::env::var("DRIFT_API") {
        Ok(base) => Config::at(&base)?,
        Err(_) => Config::default(),
    };
    let client = Client::new(config, Seams::system()?, Auth::Private(Secret::new(token)))?;

    let info = client.token_info().await?;
    println!("the token may: {}", info.scope.as_deref().unwrap_or("(not told)"));

    let mut pages = client.list_conversations(&ListQuery::default());
    let Some(first) = pages.next_page().await? else { return Ok(()) };
    for row in first.items.iter().take(SHOWN) {
        let mut messages = client.messages(row.id);
        let mut count = 0;
        let mut last = None;
        while let Some(page) = messages.next_page().await? {
            count += page.items.len();
            last = page.items.into_iter().next_back().or(last);
        }
        println!("conversation {}: {count} messages", row.id);
        if let Some(body) = last.and_then(|message| message.body) {
            println!("    last: {}", body.expose());
        }
    }
    match first.next {
        Some(token) => println!("the list goes on at page token {token}"),
        None => println!("that was the whole list"),
    }
    println!(
        "used {} calls of {:?} a minute",
        client.pace().snapshot().used_last_minute,
        client.config().per_minute
    );
    Ok(())
}
