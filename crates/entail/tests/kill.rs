//! A process that is killed in the middle of its commits, again and again on one file: what it has
//! acknowledged is there whole, and nothing is there in part.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use entail::ValueRef;
use entail::blocking::{Database, Session};
use entail::prelude::*;

#[derive(Entity)]
#[entity(table = "bills")]
struct Bill {
    #[key]
    number: i64,
    lines_expected: i64,
    #[has_many(Line::BILL, cascade = "all, delete-orphan")]
    lines: HasMany<Line>,
}

#[derive(Entity)]
#[entity(table = "lines")]
struct Line {
    #[key]
    id: Auto<i64>,
    text: String,
    #[belongs_to(column = "bill_number", back_populates = Bill::LINES)]
    bill: BelongsTo<Bill>,
}

/// Says to the child which file it writes to.
const FILE: &str = "ENTAIL_KILL_FILE";

/// How often the child is killed.
const KILLS: u64 = 50;

fn open(file: &str) -> Database {
    let mapping = mapping![Bill, Line].expect("the mapping is right");
    let db = Database::connect(&format!("sqlite:{file}"), mapping).expect("the file can be opened");
    db.create_all().expect("the tables are new, or there");
    db
}

fn number(session: &mut Session, sql: &str) -> i64 {
    let found = session.execute(sql, []).expect("the query is right");
    match found.rows.value(0, 0) {
        Some(ValueRef::Int(number)) => number,
        None | Some(ValueRef::Null) => 0,
        other => panic!("no number: {other:?}"),
    }
}

/// The child: writes bill after bill, says each number once it is committed, and does not end. Every
/// third bill takes the lines of the one before, so that a commit changes what others have written.
fn write_until_killed(file: &str) {
    let db = open(file);
    let mut session = db.session();
    let first = number(&mut session, "select max(number) from bills") + 1;
    let mut out = std::io::stdout();
    for next in first.. {
        let lines = 1 + next % 40;
        let texts = (0..lines).map(|line| Line {
            id: auto(),
            text: format!("line {line} of bill {next}"),
            bill: unset(),
        });
        let bill = Bill { number: next, lines_expected: lines, lines: texts.collect() };
        let bill = session.add(bill);
        if next % 3 == 0 && next > 1 {
            let former = session.get_by_key::<Bill>(next - 1).expect("it can be read");
            let former = former.expect("it was committed");
            session.load(former, Bill::LINES).expect("they can be read");
            for line in session.many(former, Bill::LINES).expect("they are loaded") {
                session.push(bill, Bill::LINES, line);
            }
            session[bill].lines_expected += session[former].lines_expected;
            session[former].lines_expected = 0;
        }
        session.commit().expect("it can be written");
        session.clear();
        writeln!(out, "committed {next}").expect("somebody listens");
        out.flush().expect("somebody listens");
    }
}

/// Starts this test once more, as the child.
fn start(file: &Path) -> Child {
    let test = "what_was_acknowledged_is_there_whole_however_often_the_process_is_killed";
    Command::new(env::current_exe().expect("a test has a file"))
        .args(["--exact", test, "--nocapture"])
        .env(FILE, file)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a test can be started")
}

/// From when on the time counts after which the child is killed.
#[derive(Clone, Copy, PartialEq)]
enum From {
    /// It was started.
    Start,
    /// It has acknowledged a commit, however long that takes on a busy machine.
    Commit,
}

/// The last number that the child has acknowledged before it was killed.
fn run_and_kill(file: &Path, from: From, after: Duration) -> i64 {
    let mut child = start(file);
    let out = child.stdout.take().expect("it is piped");
    let (first, committed) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        let numbers = BufReader::new(out).lines().map_while(Result::ok).filter_map(|line| {
            line.strip_prefix("committed ").and_then(|number| number.parse::<i64>().ok())
        });
        // Nobody listens any more after the first.
        let noted = numbers.inspect(|_| {
            let _ = first.send(());
        });
        noted.last().unwrap_or(0)
    });
    if from == From::Commit {
        let waited = committed.recv_timeout(Duration::from_secs(60));
        waited.expect("the child commits within a minute");
    }
    std::thread::sleep(after);
    child.kill().expect("it runs"); // SIGKILL
    child.wait().expect("it was killed");
    reader.join().expect("it only reads")
}

#[test]
fn what_was_acknowledged_is_there_whole_however_often_the_process_is_killed() {
    if let Ok(file) = env::var(FILE) {
        return write_until_killed(&file);
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("bills.db");
    let mut acknowledged = 0;
    let mut grew = 0;
    for kill in 0..KILLS {
        // From the very start to well into the commits, at times that do not repeat.
        let from = if kill % 4 == 3 { From::Start } else { From::Commit };
        let last = run_and_kill(&file, from, Duration::from_micros(kill * 7_919 % 90_000));
        grew += u64::from(last > acknowledged);
        acknowledged = acknowledged.max(last);

        let db = open(&file.display().to_string());
        let mut session = db.session();
        let there = number(&mut session, "select count(*) from bills where number > 0");
        let highest = number(&mut session, "select max(number) from bills");
        assert_eq!(there, highest, "kill {kill}: a bill is missing");
        assert!(
            (acknowledged..=acknowledged + 1).contains(&highest),
            "kill {kill}: {acknowledged} bills were acknowledged, {highest} are there"
        );
        let partial = "select count(*) from bills b where lines_expected <> \
                       (select count(*) from lines l where l.bill_number = b.number)";
        assert_eq!(number(&mut session, partial), 0, "kill {kill}: a bill is there in part");
        assert_eq!(number(&mut session, "select count(*) from pragma_foreign_key_check"), 0);
        let check = session.execute("pragma integrity_check", []).expect("it can be asked");
        assert_eq!(check.rows.value(0, 0), Some(ValueRef::Text("ok")), "kill {kill}");
    }
    assert!(grew > KILLS / 2, "only {grew} of {KILLS} processes came to a commit");
}
