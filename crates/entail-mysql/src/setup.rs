//! Setup: what is made of each new connection, in one round trip.

use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, Opts, OptsBuilder, Row, SslOpts, Value};

use crate::url::{Encryption, Isolation, Options, Returning};

/// What a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Server {
    pub brand: Brand,
    /// Whether an INSERT can give back what the database made.
    pub returning: Returning,
    /// Whether other servers may end its transactions.
    pub membership: Membership,
    /// The most bytes that it takes in one packet.
    pub max_packet: usize,
    /// What tells it from another one that answers at the same address.
    pub identity: [String; 3],
}

/// Whose server it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Brand {
    MariaDb,
    MySql,
}

/// Whether a server stands alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Membership {
    Alone,
    /// It is a node of a Galera cluster.
    Cluster,
}

/// What a client that reads answers of any size says of itself.
const ANY_SIZE: usize = 1 << 30;

/// How a connection is opened: encrypted or plain.
pub(crate) fn login(options: &Options, encrypted: Encrypted) -> Opts {
    let mut login = OptsBuilder::default()
        .ip_or_hostname(options.host.clone())
        .tcp_port(options.port)
        .user(Some(options.user.clone()))
        .pass(options.password.clone())
        .db_name(Some(options.database.clone()))
        // The connection keeps them itself.
        .stmt_cache_size(0)
        .client_found_rows(true)
        // With these the client need not ask the server before the first statement.
        .prefer_socket(false)
        .max_allowed_packet(Some(ANY_SIZE))
        .wait_timeout(Some(0))
        .ssl_opts(match encrypted {
            Encrypted::Yes => Some(encryption(options)),
            Encrypted::No => None,
        });
    if let Some(name) = &options.application_name {
        login = login.connect_attribute("program_name", name.clone());
    }
    login.into()
}

/// Whether a connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encrypted {
    Yes,
    No,
}

fn encryption(options: &Options) -> SslOpts {
    let anyone = options.encryption != Encryption::VerifyIdentity;
    let ssl = SslOpts::default().with_danger_accept_invalid_certs(anyone);
    match &options.ssl_ca {
        Some(file) => {
            ssl.with_root_certs(vec![file.clone().into()]).with_disable_built_in_roots(true)
        }
        None => ssl,
    }
}

/// Sets the session, and asks what the server is.
pub(crate) async fn session(conn: &mut Conn, options: &Options) -> Result<Server, Error> {
    let mut answer = conn.query_iter(text(options)).await?;
    let mut rows: Vec<Row> = Vec::new();
    // The first statements have no rows, the one before the last has one, and the last one has one
    // on servers that know what it asks for.
    while !answer.is_empty() {
        rows.extend(answer.collect::<Row>().await?);
    }
    answer.drop_result().await?;
    let [version, max_packet, identity @ ..] = texts::<5>(rows.first());
    let max_packet = max_packet.parse().unwrap_or(DEFAULT_MAX_PACKET);
    let (brand, returning) = of_version(&version);
    let returning = if options.returning == Returning::Off { Returning::Off } else { returning };
    let [_, wsrep] = texts::<2>(rows.get(1));
    let membership =
        if wsrep.eq_ignore_ascii_case("on") { Membership::Cluster } else { Membership::Alone };
    Ok(Server { brand, returning, membership, max_packet, identity })
}

/// The first values of a row, as texts.
pub(crate) fn texts<const WIDTH: usize>(row: Option<&Row>) -> [String; WIDTH] {
    std::array::from_fn(|index| match row.and_then(|row| row.as_ref(index)) {
        Some(Value::Bytes(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
        Some(Value::Int(number)) => number.to_string(),
        Some(Value::UInt(number)) => number.to_string(),
        _ => String::new(),
    })
}

/// The lowest that a server has by default.
const DEFAULT_MAX_PACKET: usize = 4 << 20;

/// What tells servers apart.
pub(crate) const IDENTITY: &str = "@@hostname, @@port, @@server_id";

fn text(options: &Options) -> String {
    let seconds = |time: Duration| time.as_secs_f64();
    let mut text = "SET NAMES utf8mb4 COLLATE utf8mb4_bin, time_zone = '+00:00', \
                    sql_mode = 'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,\
                    NO_ENGINE_SUBSTITUTION', autocommit = 1"
        .to_owned();
    if let Some(time) = options.lock_timeout {
        text.push_str(&format!(", innodb_lock_wait_timeout = {}", seconds(time).ceil() as u64));
    }
    if let Some(time) = options.statement_timeout {
        // Each server reads the comment that is meant for it.
        text.push_str(&format!(
            " /*M! , max_statement_time = {:.6} */ /*!50708 , max_execution_time = {} */",
            seconds(time),
            time.as_millis().max(1),
        ));
    }
    text.push_str("; SET SESSION TRANSACTION ISOLATION LEVEL ");
    text.push_str(options.isolation.words());
    text.push_str("; SELECT @@version, @@max_allowed_packet, ");
    text.push_str(IDENTITY);
    text.push_str("; SHOW VARIABLES LIKE 'wsrep_on'");
    text
}

/// Reads a version such as `10.11.6-MariaDB-log` or `8.0.36`. RETURNING came with MariaDB 10.5.
fn of_version(version: &str) -> (Brand, Returning) {
    if !version.contains("MariaDB") {
        return (Brand::MySql, Returning::Off);
    }
    let version = version.strip_prefix("5.5.5-").unwrap_or(version);
    let mut numbers = version.split(['.', '-']).map(|number| number.parse::<u32>().unwrap_or(0));
    let number = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let returning = if number >= (10, 5) { Returning::On } else { Returning::Off };
    (Brand::MariaDb, returning)
}

/// The statements that begin a transaction which only reads, all of one moment. Only REPEATABLE
/// READ has such moments, and the isolation is set for this one transaction.
pub(crate) fn snapshot(isolation: Isolation, access: Access) -> String {
    let isolation = match isolation {
        Isolation::RepeatableRead => String::new(),
        _ => format!("SET TRANSACTION ISOLATION LEVEL {}; ", Isolation::RepeatableRead.words()),
    };
    let access = match access {
        Access::Read => ", READ ONLY",
        Access::Any => "",
    };
    format!("{isolation}START TRANSACTION WITH CONSISTENT SNAPSHOT{access}")
}

/// What a transaction may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Any,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_told_apart_by_their_versions() {
        let cases = [
            ("10.11.6-MariaDB-log", Brand::MariaDb, Returning::On),
            ("5.5.5-10.4.30-MariaDB", Brand::MariaDb, Returning::Off),
            ("11.4.2-MariaDB", Brand::MariaDb, Returning::On),
            ("8.0.36-0ubuntu0.22.04.1", Brand::MySql, Returning::Off),
            ("8.0.11-TiDB-v7.5.0", Brand::MySql, Returning::Off),
            ("", Brand::MySql, Returning::Off),
        ];
        for (version, brand, returning) in cases {
            assert_eq!(of_version(version), (brand, returning), "{version}");
        }
    }
}
