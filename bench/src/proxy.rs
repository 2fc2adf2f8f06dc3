//! Proxies: a slow network on loopback, which counts round trips.
//!
//! ```text
//! contender --> 127.0.0.1:proxy --0.5 ms--> server
//!               127.0.0.1:proxy <--0.5 ms-- server
//! ```

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use crate::Failure;
use crate::database::address_in;

/// How long a byte takes in one direction.
const DELAY: Duration = Duration::from_micros(500);

/// A proxy before one server. It listens until the program ends.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    trips: Arc<Trips>,
}

/// The round trips of all connections: how often a server's bytes came after a client's.
#[derive(Debug, Default)]
pub struct Trips {
    count: AtomicU64,
    asked: AtomicBool,
}

impl Trips {
    /// How many there were so far.
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::SeqCst)
    }

    fn ask(&self) {
        self.asked.store(true, Ordering::SeqCst);
    }

    fn answer(&self) {
        if self.asked.swap(false, Ordering::SeqCst) {
            self.count.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl Proxy {
    /// Starts a proxy before the server of a URL.
    pub fn start(url: &str) -> Result<Self, Failure> {
        let server = address_in(url).ok_or("the URL has no address")?.to_owned();
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let trips = Arc::new(Trips::default());
        let counted = trips.clone();
        thread::spawn(move || {
            for client in listener.incoming() {
                let connected = client.and_then(|client| connect(client, &server, &counted));
                if let Err(failure) = connected {
                    eprintln!("bench: a connection through the proxy: {failure}");
                }
            }
        });
        Ok(Self { address, trips })
    }

    /// The same URL, but through the proxy.
    pub fn url(&self, url: &str) -> Option<String> {
        Some(url.replacen(address_in(url)?, &self.address.to_string(), 1))
    }

    /// The count of round trips.
    pub fn trips(&self) -> Arc<Trips> {
        self.trips.clone()
    }
}

fn connect(client: TcpStream, server: &str, trips: &Arc<Trips>) -> io::Result<()> {
    let server = TcpStream::connect(server)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (asks, answers) = (trips.clone(), trips.clone());
    // Counted where the client is: when it sends, and when it receives.
    forward(client.try_clone()?, server.try_clone()?, move || asks.ask(), || {});
    forward(server, client, || {}, move || answers.answer());
    Ok(())
}

/// Forwards what one end sends to the other, in two threads, so that bytes are read while others
/// are on their way.
fn forward(
    mut from: TcpStream,
    to: TcpStream,
    read: impl Fn() + Send + 'static,
    wrote: impl Fn() + Send + 'static,
) {
    let (sender, receiver): (Sender<(Instant, Vec<u8>)>, _) = mpsc::channel();
    thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            read();
            if sender.send((Instant::now() + DELAY, buffer[..length].to_vec())).is_err() {
                break;
            }
        }
    });
    thread::spawn(move || deliver(receiver, to, wrote));
}

fn deliver(receiver: Receiver<(Instant, Vec<u8>)>, mut to: TcpStream, wrote: impl Fn()) {
    for (due, bytes) in receiver {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        // Counted before the client can ask again.
        wrote();
        if to.write_all(&bytes).is_err() {
            break;
        }
    }
    // The other end may be gone already.
    let _ = to.shutdown(Shutdown::Both);
}
