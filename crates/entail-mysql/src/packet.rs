//! Packets: as many statements as can be sent at once, in one text.

use std::borrow::Cow;

use entail_engine::batch::{
    Batch, Bind, Call, CallKind, Expect, Fetch, Operation, ParamRef, Request,
};
use entail_engine::error::DriverError;

use crate::bind::{self, Slots};
use crate::guard;
use crate::literal::{self, Backslash};
use crate::setup::Membership;
use crate::template::Template;

/// A place in a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub request: usize,
    pub execution: usize,
}

impl Place {
    /// Goes on to the next request.
    pub(crate) fn advance(&mut self) {
        *self = Self { request: self.request + 1, execution: 0 };
    }
}

/// Statements that travel together.
#[derive(Debug, Default)]
pub(crate) struct Packet<'b> {
    pub text: String,
    /// Each gives one answer, in this order.
    pub statements: Vec<Statement<'b>>,
}

/// A statement of a packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Statement<'b> {
    pub place: Place,
    pub task: Task<'b>,
}

/// What a statement is there for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Task<'b> {
    /// A request that is no call.
    Control(&'b Request),
    /// One execution of a call.
    Call(&'b Call),
    /// What was made for the row of an INSERT that the statement before it was.
    Made(&'b Call),
    /// The driver's own question for the distance between generated numbers.
    Increment,
}

/// The question of [`Task::Increment`].
const INCREMENT: &str = "SELECT @@auto_increment_increment";

/// Fills packets.
pub(crate) struct Packing<'b, 's> {
    pub batch: &'b Batch,
    pub slots: &'s Slots,
    pub backslash: Backslash,
    /// The most bytes that the server takes.
    pub max_packet: usize,
    pub membership: Membership,
    /// Whether a transaction is open before the packet.
    pub in_transaction: bool,
}

/// Whether the counts of what a packet writes are as they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counts {
    /// They are, or nobody minds.
    Settled,
    /// Only the answer will tell.
    Open,
}

/// Whether a statement is in the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Added {
    Yes,
    /// The packet must go first.
    No,
}

/// Whether a call must travel on its own: queries and raw SQL are prepared.
pub(crate) fn goes_alone(call: &Call) -> bool {
    match call.kind {
        CallKind::Query { .. } => true,
        CallKind::Execute { .. } => call.target.is_none(),
        CallKind::Insert { .. } => false,
    }
}

impl<'b> Packing<'b, '_> {
    /// Fills a packet with what begins at `place`, and moves `place` behind it.
    ///
    /// What cannot be sent fails once all before it has run.
    pub(crate) fn fill(&self, place: &mut Place) -> Result<Packet<'b>, DriverError> {
        let mut packet = Packet::default();
        match self.fill_in(&mut packet, place) {
            Err(error) if packet.statements.is_empty() => Err(error),
            _ => Ok(self.closed(packet)),
        }
    }

    /// Stops where a packet must end, before what is not in it.
    fn fill_in(&self, packet: &mut Packet<'b>, place: &mut Place) -> Result<(), DriverError> {
        let mut in_transaction = self.in_transaction;
        let mut counts = Counts::Settled;
        while let Some(request) = self.batch.requests.get(place.request) {
            match request {
                Request::Call(call) if goes_alone(call) => break,
                Request::Call(call) => {
                    let template = template(call)?;
                    let counted = is_counted(call);
                    while place.execution < call.executions() {
                        if counts == Counts::Open && !in_transaction {
                            return Ok(());
                        }
                        let start = packet.text.len();
                        match self.add(packet, call, &template, *place) {
                            Ok(Added::Yes) => {}
                            not => {
                                packet.text.truncate(start);
                                return not.map(|_| ());
                            }
                        }
                        if counted {
                            counts = Counts::Open;
                        }
                        place.execution += 1;
                    }
                }
                control => {
                    let lasting = matches!(control, Request::Commit | Request::Release(_));
                    if counts == Counts::Open && (lasting || !in_transaction) {
                        return Ok(());
                    }
                    match control {
                        Request::Begin if in_transaction => return Err(already_open()),
                        Request::Begin => in_transaction = true,
                        Request::Commit | Request::Rollback => in_transaction = false,
                        _ => {}
                    }
                    for text in words(control, self.membership) {
                        packet.separate();
                        packet.text.push_str(&text);
                        let task = Task::Control(control);
                        packet.statements.push(Statement { place: *place, task });
                    }
                }
            }
            place.advance();
        }
        Ok(())
    }

    /// Appends one execution of a call, if the packet can have it.
    fn add(
        &self,
        packet: &mut Packet<'b>,
        call: &'b Call,
        template: &Template<'_>,
        place: Place,
    ) -> Result<Added, DriverError> {
        let params = call.params.as_slice().part(place.execution * call.arity, call.arity);
        if let Some(index) = params.iter().position(|param| !self.slots.knows(param)) {
            if !packet.statements.is_empty() {
                return Ok(Added::No);
            }
            let reason = "no statement before this one fills its slot".to_owned();
            return Err(bind::refused(index, reason));
        }
        let start = packet.text.len();
        self.write(packet, template, params.iter().enumerate())?;
        let read_back = match &call.kind {
            CallKind::Insert { fetch: Fetch::ByKey { select, keys }, .. } => Some((select, keys)),
            _ => None,
        };
        if let Some((select, keys)) = read_back {
            let key = keys.iter().filter_map(|&place| Some((place, params.get(place)?)));
            self.write(packet, &Template::new(select), key)?;
        }
        if start > 0 && packet.text.len() > self.max_packet / 4 * 3 {
            return Ok(Added::No);
        }
        let size = packet.text.len() - start;
        if size + ROOM > self.max_packet {
            return Err(too_large(size, self.max_packet, &call.sql));
        }
        packet.statements.push(Statement { place, task: Task::Call(call) });
        if read_back.is_some() {
            packet.statements.push(Statement { place, task: Task::Made(call) });
        }
        Ok(Added::Yes)
    }

    /// Appends a statement with its parameters, each with its place among those of the call.
    fn write<'p>(
        &self,
        packet: &mut Packet<'b>,
        template: &Template<'_>,
        mut params: impl Iterator<Item = (usize, ParamRef<'p>)>,
    ) -> Result<(), DriverError> {
        packet.separate();
        for piece in template.pieces() {
            packet.text.push_str(piece);
            if let Some((index, param)) = params.next() {
                literal::write_value(&mut packet.text, self.slots.value(param), self.backslash)
                    .map_err(|reason| bind::refused(index, reason))?;
            }
        }
        Ok(())
    }

    /// A packet to which nothing more is added but the question that its answers make necessary.
    fn closed(&self, mut packet: Packet<'b>) -> Packet<'b> {
        let last = packet.statements.iter().rev().find(|statement| is_numbered(statement.task));
        if let Some(&Statement { place, .. }) = last {
            packet.separate();
            packet.text.push_str(INCREMENT);
            packet.statements.push(Statement { place, task: Task::Increment });
        }
        packet
    }
}

impl Packet<'_> {
    fn separate(&mut self) {
        if !self.text.is_empty() {
            self.text.push_str("; ");
        }
    }
}

/// What a packet holds besides a statement: its command, and the driver's own question.
const ROOM: usize = 64;

/// Whether several rows get numbers of which the server gives the first only.
fn is_numbered(task: Task<'_>) -> bool {
    matches!(
        task,
        Task::Call(Call { kind: CallKind::Insert { rows, fetch: Fetch::FirstNumber, .. }, .. })
            if *rows > 1
    )
}

/// Whether the rows that a call writes are counted, and can be others than expected. An INSERT
/// writes those that it lists, or fails; but a row may have got another key than it was given.
fn is_counted(call: &Call) -> bool {
    if matches!(call.kind, CallKind::Insert { fetch: Fetch::ByKey { .. }, .. }) {
        return true;
    }
    let expects = matches!(call.kind, CallKind::Execute { expect: Expect::Exactly(_) });
    let inserts = call.target.as_ref().is_some_and(|it| it.operation == Operation::Insert);
    expects && !inserts
}

/// Refuses a call that is written for another database.
pub(crate) fn check_form(call: &Call) -> Result<(), DriverError> {
    let what = match (&call.bind, &call.kind) {
        (Bind::Columns(_), _) => "arrays",
        (_, CallKind::Insert { fetch: Fetch::Consecutive { .. }, .. }) => "consecutive keys",
        _ => return Ok(()),
    };
    Err(mistake(call, format!("the statement needs {what}, which MariaDB and MySQL have not")))
}

/// The text of a call, taken apart.
pub(crate) fn template(call: &Call) -> Result<Template<'_>, DriverError> {
    check_form(call)?;
    let template = Template::new(&call.sql);
    if template.arity() == call.arity {
        return Ok(template);
    }
    let reason = format!(
        "the statement has {} placeholder(s), and {} parameter(s) were given",
        template.arity(),
        call.arity
    );
    Err(mistake(call, reason))
}

#[cold]
fn mistake(call: &Call, reason: String) -> DriverError {
    DriverError::Statement { reason, sql: call.sql.to_string(), code: None }
}

/// The statements of a request that is no call.
pub(crate) fn words(control: &Request, membership: Membership) -> Vec<Cow<'static, str>> {
    let guarded = membership == Membership::Cluster;
    match control {
        Request::Begin if guarded => {
            vec![guard::OFF.into(), "START TRANSACTION".into(), guard::SET.into()]
        }
        Request::Commit if guarded => vec![guard::CHECK.into(), "COMMIT".into(), guard::ON.into()],
        Request::Rollback if guarded => vec!["ROLLBACK".into(), guard::ON.into()],
        Request::Begin => vec!["START TRANSACTION".into()],
        Request::Commit => vec!["COMMIT".into()],
        Request::Rollback => vec!["ROLLBACK".into()],
        Request::Savepoint(number) => vec![format!("SAVEPOINT entail_{number}").into()],
        Request::Release(number) => vec![format!("RELEASE SAVEPOINT entail_{number}").into()],
        Request::RollbackTo(number) => vec![
            format!("ROLLBACK TO SAVEPOINT entail_{number}").into(),
            format!("RELEASE SAVEPOINT entail_{number}").into(),
        ],
        Request::Call(_) => Vec::new(),
    }
}

/// The server would commit the open transaction.
#[cold]
fn already_open() -> DriverError {
    DriverError::Statement {
        reason: "a transaction is open already".to_owned(),
        sql: "START TRANSACTION".to_owned(),
        code: None,
    }
}

/// The server would close the connection.
#[cold]
pub(crate) fn too_large(size: usize, most: usize, sql: &str) -> DriverError {
    DriverError::Statement {
        reason: format!(
            "the statement takes {size} bytes with its values, and the server takes {most}; raise \
             its `max_allowed_packet`"
        ),
        sql: sql.to_owned(),
        code: Some("1153".to_owned()),
    }
}
