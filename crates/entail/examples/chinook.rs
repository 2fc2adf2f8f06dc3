//! Chinook, a database that others made: eleven tables of a music shop, mapped as they are.
//!
//! ```text
//! cargo run --release --example chinook -- PATH
//! ```
//!
//! PATH is a Chinook database for SQLite. The example works on a copy of it and leaves the file
//! as it is. It reads an artist's albums, tracks and invoice lines through relationships; then it
//! deletes the artist with 21 albums, which the tables as they are refuse, and the cascades of the
//! mapping carry out. The mapping is in `chinook/mapping.rs`.

#[path = "chinook/mapping.rs"]
mod mapping;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use entail::prelude::*;
use entail::{ForeignKeyViolation, ValueRef, ViolationKind};

use mapping::{Album, Artist, Customer, Invoice, InvoiceLine, Track};

/// The artist that is deleted: Iron Maiden.
const ARTIST: i64 = 90;

/// What goes with that artist: so many rows of these tables.
const DOOMED: [(&str, i64); 5] =
    [("Artist", 1), ("Album", 21), ("Track", 213), ("InvoiceLine", 140), ("PlaylistTrack", 516)];

const USAGE: &str = "\
usage: cargo run --release --example chinook -- PATH

PATH is a Chinook database for SQLite, such as chinook.sqlite. The file is left as it is.";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(path), None) = (arguments.next(), arguments.next()) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    if !path.is_file() {
        eprintln!("{} is not a file\n\n{USAGE}", path.display());
        return ExitCode::from(2);
    }
    match run(&path).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(path: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let original = std::fs::read(path)?;
    let folder = tempfile::tempdir()?;
    let copy = folder.path().join("chinook.sqlite");
    std::fs::write(&copy, &original)?;

    let db = Database::connect(&url(&copy), mapping::chinook()?).await?;
    read(&db).await?;
    refused(&db).await?;
    delete(&db).await?;

    assert!(std::fs::read(path)? == original, "the given file must stay as it is");
    println!("\n{} is as it was.", path.display());
    Ok(())
}

/// A path as a URL; `%` and `?` mean something there.
fn url(path: &Path) -> String {
    format!("sqlite:{}", path.display().to_string().replace('%', "%25").replace('?', "%3F"))
}

/// Reads along the relationships: one SELECT for each of them, however many objects there are.
async fn read(db: &Database) -> Result<(), Error> {
    let mut session = db.session();
    let Some(maiden) = session.get_by_key::<Artist>(ARTIST).await? else {
        panic!("there is no artist {ARTIST}: this is another Chinook");
    };
    let tracks = Artist::ALBUMS.then(Album::TRACKS);
    let invoices = tracks.then(Track::INVOICE_LINES).then(InvoiceLine::INVOICE);
    session.load(maiden, tracks.then(Track::PLAYLISTS)).await?;
    session.load(maiden, invoices.then(Invoice::CUSTOMER).then(Customer::SUPPORT_REP)).await?;

    let albums = session.many(maiden, Artist::ALBUMS)?;
    println!("{} has {} albums, such as", text(&session[maiden].name), albums.len());
    println!("\n    {:<30}  tracks  sold  revenue", "album");
    let mut best: Option<(Handle<Track>, usize)> = None;
    for (number, &album) in albums.iter().enumerate() {
        let tracks = session.many(album, Album::TRACKS)?;
        let (mut sold, mut revenue) = (0, 0.0);
        for &track in &tracks {
            let lines = session.many(track, Track::INVOICE_LINES)?;
            for &line in &lines {
                sold += session[line].quantity;
                revenue += session[line].unit_price * session[line].quantity as f64;
            }
            if best.is_none_or(|(_, most)| lines.len() > most) {
                best = Some((track, lines.len()));
            }
        }
        if number < 8 {
            let title = &session[album].title;
            println!("    {title:<30}  {:>6}  {sold:>4}  {revenue:>7.2}", tracks.len());
        }
    }
    println!("    and {} more", albums.len().saturating_sub(8));

    let (track, sold) = best.expect("the artist has tracks");
    println!("\n{:?} was sold {sold} times:\n", session[track].name);
    for line in session.many(track, Track::INVOICE_LINES)? {
        let invoice = session.one(line, InvoiceLine::INVOICE)?.expect("the key cannot be NULL");
        let customer = session.one(invoice, Invoice::CUSTOMER)?.expect("the key cannot be NULL");
        let employee = session.one(customer, Customer::SUPPORT_REP)?;
        println!(
            "    {}  to {} of {}, whom {} looks after",
            session[invoice].date.split(' ').next().unwrap_or_default(),
            full_name(&session[customer]),
            text(&session[customer].country),
            employee.map_or("nobody", |one| &session[one].first_name),
        );
    }

    // All of it is in memory, so a delete would write row by row. It is only looked at here.
    session.delete(maiden)?;
    let plan = session.plan().await?;
    println!("\nWith all of it loaded, a delete would write row by row:\n");
    for step in &plan.steps {
        let table = &session.mapping().table(step.table).name;
        println!(
            "    {:<6} {table:<13} {:>3} row(s)",
            format!("{:?}", step.action),
            step.rows.len()
        );
    }
    for (table, doomed) in DOOMED {
        let mut rows = 0;
        for step in &plan.steps {
            if &*session.mapping().table(step.table).name == table {
                rows += step.rows.len() as i64;
            }
        }
        assert_eq!(rows, doomed, "rows of {table}");
    }
    Ok(())
}

/// The tables say NO ACTION, so they refuse a delete that takes nothing along.
async fn refused(db: &Database) -> Result<(), Error> {
    println!("\nThe tables as they are refuse to delete the artist:\n");
    println!("    DELETE FROM Artist WHERE ArtistId = {ARTIST}\n");
    let mut session = db.session();
    let deleted =
        session.execute("DELETE FROM Artist WHERE ArtistId = ?", [Value::Int(ARTIST)]).await;
    let error = deleted.expect_err("albums refer to the artist");
    let refusal = error.integrity().expect("a constraint refused it");
    let ViolationKind::ForeignKey(ForeignKeyViolation::StillReferenced {
        child,
        child_columns,
        key,
        rows,
    }) = &refusal.kind
    else {
        panic!("not still referenced, but {:?}", refusal.kind);
    };
    println!("    {error}");
    println!("    blocking table: {child} ({})", child_columns.join(", "));
    println!("    its rows:       {rows}");
    assert_eq!((child.as_str(), *rows), ("Album", 21));
    assert_eq!((child_columns[0].as_str(), &key[0]), ("ArtistId", &Value::Int(ARTIST)));
    Ok(())
}

/// The cascades of the mapping carry it out: one statement a table, for nothing is loaded.
async fn delete(db: &Database) -> Result<(), Error> {
    let mut session = db.session();
    let before = counts(&mut session).await?;
    let Some(maiden) = session.get_by_key::<Artist>(ARTIST).await? else {
        panic!("there is no artist {ARTIST}: this is another Chinook");
    };
    session.delete(maiden)?;
    let plan = session.plan().await?;
    println!("\nA new session has loaded nothing but the artist. Its plan for the delete:\n");
    for line in plan.to_string().lines() {
        println!(
            "    {}",
            line.replace(" among ", "\n            among ").replace(" -- ", "\n         -- ")
        );
    }
    session.commit().await?;
    assert_eq!(session.last_plan().map(|done| done.as_ref()), Some(&plan));

    let mut session = db.session();
    let after = counts(&mut session).await?;
    println!("\n    {:<14}  before  after  gone", "table");
    for (place, (table, doomed)) in DOOMED.into_iter().enumerate() {
        let gone = before[place] - after[place];
        println!("    {table:<14}  {:>6}  {:>5}  {gone:>4}", before[place], after[place]);
        assert_eq!(gone, doomed, "rows of {table}");
    }
    assert!(session.get_by_key::<Artist>(ARTIST).await?.is_none());
    let dangling = session.execute("PRAGMA foreign_key_check", []).await?;
    assert!(dangling.rows.is_empty(), "no key may dangle");
    Ok(())
}

/// How many rows the tables of [`DOOMED`] have.
async fn counts(session: &mut Session) -> Result<Vec<i64>, Error> {
    let mut counts = Vec::new();
    for (table, _) in DOOMED {
        let found = session.execute(&format!("SELECT count(*) FROM {table}"), []).await?;
        let Some(ValueRef::Int(count)) = found.rows.value(0, 0) else {
            panic!("a count is one number");
        };
        counts.push(count);
    }
    Ok(counts)
}

fn text(value: &Option<String>) -> &str {
    value.as_deref().unwrap_or("?")
}

fn full_name(customer: &Customer) -> String {
    format!("{} {}", customer.first_name, customer.last_name)
}
