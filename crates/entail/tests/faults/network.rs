//! A network on loopback between a test and a server, which can be cut at a byte.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// Where the network is cut, counted from the moment that this is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// So many bytes reach the server.
    Sent(u64),
    /// So many bytes of the server arrive.
    Received(u64),
}

/// No cut.
const WHOLE: u64 = u64::MAX;

/// A way to a server.
pub struct Network {
    port: u16,
    state: Arc<State>,
}

struct State {
    /// How many bytes still pass: to the server, and from it.
    left: [AtomicU64; 2],
    open: Mutex<Vec<TcpStream>>,
}

impl Network {
    /// A network to the server at this address.
    pub fn to(server: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let left = [AtomicU64::new(WHOLE), AtomicU64::new(WHOLE)];
        let state = Arc::new(State { left, open: Mutex::default() });
        let (server, shared) = (server.to_owned(), Arc::clone(&state));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if let Ok(server) = TcpStream::connect(&server) {
                    shared.join(client, server);
                }
            }
        });
        Self { port, state }
    }

    /// What to connect to instead.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Cuts all that is open, once so many bytes have passed.
    pub fn cut(&self, cut: Cut) {
        let (direction, bytes) = match cut {
            Cut::Sent(bytes) => (0, bytes),
            Cut::Received(bytes) => (1, bytes),
        };
        self.state.left[direction].store(bytes, Ordering::SeqCst);
    }

    /// New connections pass; those that are open are ended.
    pub fn mend(&self) {
        self.state.end();
        self.state.left.iter().for_each(|left| left.store(WHOLE, Ordering::SeqCst));
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.state.end();
    }
}

impl State {
    fn join(self: &Arc<Self>, client: TcpStream, server: TcpStream) {
        let copies = [&client, &server].map(|stream| stream.try_clone().expect("a second handle"));
        let mut open = self.open.lock().expect("nobody panics with it");
        open.extend([&client, &server].map(|stream| stream.try_clone().expect("a third one")));
        drop(open);
        let [client_too, server_too] = copies;
        for (direction, from, to) in [(0, client, server_too), (1, server, client_too)] {
            let _ = to.set_nodelay(true);
            let state = Arc::clone(self);
            thread::spawn(move || state.pass(direction, from, to));
        }
    }

    /// Passes bytes on until they may pass no more.
    fn pass(&self, direction: usize, mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = [0; 16 * 1024];
        while let Ok(read) = from.read(&mut buffer) {
            if read == 0 {
                break;
            }
            let left = &self.left[direction];
            let taken = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                if left == WHOLE { None } else { Some(left.saturating_sub(read as u64)) }
            });
            let passing = taken.map_or(read, |left| read.min(left as usize));
            if to.write_all(&buffer[..passing]).is_err() || passing < read {
                break;
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    }

    fn end(&self) {
        let open = std::mem::take(&mut *self.open.lock().expect("nobody panics with it"));
        for stream in open {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}
