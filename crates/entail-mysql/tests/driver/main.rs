//! The promises of the MariaDB and MySQL driver, one module a subject.
//!
//! They need a server. `ENTAIL_MYSQL_URL` says where it is; without it,
//! `mysql://root@127.0.0.1:3306/test` is tried. Where no server answers, the tests are skipped,
//! unless `ENTAIL_REQUIRE` has the word `mysql`.

mod dropped;
mod foreign_keys;
mod keys;
mod locks;
mod opening;
mod packets;
mod pools;
mod queries;
mod requests;
mod scripts;
mod server;
mod transactions;
mod values;
mod violations;
