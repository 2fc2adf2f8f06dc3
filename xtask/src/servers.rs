//! What needs a server of its own: connections with TLS, and servers that stop and start in the
//! middle of flushes.
//!
//! ```text
//!   a server of its own --> the load runs on it (crates/entail/tests/restarts.rs)
//!                             |-- killed --|-- back --|-- stopped --|-- back --|-- killed ...
//!                           the load compares the server with what was acknowledged
//! ```

use std::thread::sleep;
use std::time::Duration;

use crate::cargo::Invocation;
use crate::databases::Kind;
use crate::databases::private::{Private, Stop};

/// How long the load runs between two stops.
const BETWEEN: Duration = Duration::from_millis(1500);
/// How long a server is away.
const AWAY: Duration = Duration::from_millis(300);
const STOPS: [Stop; 4] = [Stop::Killed, Stop::InOrder, Stop::Killed, Stop::InOrder];

/// Runs all of it on a server of each kind that is installed; the note says which.
pub fn check() -> Result<String, String> {
    let mut notes = Vec::new();
    for kind in Kind::ALL {
        let note = match Private::start(kind) {
            Ok(server) => {
                connect(&server, kind)?;
                hurt(server, kind)?;
                format!("{kind}: TLS, {} stops", STOPS.len())
            }
            Err(reason) => format!("{kind} SKIPPED: {reason}"),
        };
        println!("== {note}");
        notes.push(note);
    }
    Ok(notes.join(", "))
}

/// Connects with TLS, in all ways that the URLs know.
fn connect(server: &Private, kind: Kind) -> Result<(), String> {
    let line = "test -q -p entail --all-features --test tls -- --nocapture";
    let call = Invocation::new(line).env("ENTAIL_TLS_URL", kind.url(server.port()));
    call.run()
}

/// Stops the server again and again while a load runs on it.
fn hurt(mut server: Private, kind: Kind) -> Result<(), String> {
    const TEST: &str = "test -q -p entail --all-features --test restarts";
    Invocation::new(&format!("{TEST} --no-run")).run()?;
    let time = (BETWEEN + AWAY) * (STOPS.len() as u32 + 1);
    let load = Invocation::new(&format!("{TEST} -- --nocapture"))
        .env("ENTAIL_RESTARTS_URL", kind.url(server.port()))
        .env("ENTAIL_RESTARTS_SECONDS", (time.as_secs() + 2).to_string());
    let mut load = load.start()?;
    let result = STOPS.into_iter().try_for_each(|stop| {
        sleep(BETWEEN);
        server.stop(stop);
        sleep(AWAY);
        server.start_again()
    });
    let status = load.wait().map_err(|error| error.to_string())?;
    result?;
    if status.success() { Ok(()) } else { Err(format!("the load on {kind} ended with {status}")) }
}
