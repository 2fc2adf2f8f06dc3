//! Trips: a batch on its way over a connection, packet by packet.

mod answer;

use entail_engine::batch::{Batch, Call, CallKind, Expect, Outcome, Request, Rows, Sink};
use entail_engine::error::{BatchFailure, DriverError};

use crate::bind::Slots;
use crate::failure::Fault;
use crate::guard;
use crate::link::Link;
use crate::packet::{self, Packing, Place};
use crate::query::{self, Target};
use crate::setup::{self, Access, Membership};
use crate::url::Options;
use crate::violation::{self, Refused};
use answer::Answers;

/// Runs the requests of a batch in their order.
pub(crate) async fn run(
    link: &mut Link,
    options: &Options,
    batch: &Batch,
    sink: &mut Sink<'_>,
) -> Result<Outcome, BatchFailure> {
    let mut trip = Trip {
        link,
        batch,
        slots: Slots::new(batch.slots),
        rows: Vec::new(),
        written: vec![0; batch.requests.len()],
        own: Own::Nothing,
    };
    match trip.go(options, sink).await {
        Ok(()) => {
            Ok(Outcome { rows: trip.rows, slots: trip.slots.into_values(), written: trip.written })
        }
        Err(failed) => Err(Box::pin(trip.failure(failed)).await),
    }
}

/// Runs statements one by one. If one fails, the session is set up anew.
pub(crate) async fn script(
    link: &mut Link,
    options: &Options,
    statements: &[String],
) -> Result<(), BatchFailure> {
    for (index, sql) in statements.iter().enumerate() {
        let Err(fault) = link.run(sql).await else { continue };
        let fault = link.after(fault).await;
        let error = violation::of_fault(link, fault, &Refused::script(sql)).await;
        if !link.is_broken() && link.renew(options).await.is_err() {
            link.give_up();
        }
        return Err(BatchFailure {
            request: Some(index),
            execution: 0,
            error,
            in_transaction: link.in_transaction(),
        });
    }
    Ok(())
}

/// A batch on its way.
struct Trip<'t> {
    link: &'t mut Link,
    batch: &'t Batch,
    slots: Slots,
    /// The last rows of each query.
    rows: Vec<Rows>,
    written: Vec<u64>,
    own: Own,
}

/// What a batch has begun and not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Own {
    Nothing,
    Transaction,
}

/// A failure and its place, if it has one.
#[derive(Debug)]
struct Failed {
    place: Option<Place>,
    fault: Fault,
}

impl Failed {
    fn at(place: Place, fault: impl Into<Fault>) -> Self {
        Self { place: Some(place), fault: fault.into() }
    }

    fn around(fault: Fault) -> Self {
        Self { place: None, fault }
    }
}

impl Trip<'_> {
    async fn go(&mut self, options: &Options, sink: &mut Sink<'_>) -> Result<(), Failed> {
        let snapshot = !self.link.in_transaction() && reads_often(self.batch);
        if snapshot {
            let text = setup::snapshot(options.isolation, access(self.batch));
            self.link.run(&text).await.map_err(Failed::around)?;
            self.own = Own::Transaction;
        }
        let batch = self.batch;
        let mut place = Place::default();
        let mut end = batch.requests.len();
        // A transaction on a cluster is guarded; elsewhere the server commits one statement itself.
        let is_guarded = self.link.server.membership == Membership::Cluster;
        let is_free = !self.link.in_transaction() && self.link.autocommit();
        if batch.is_lone_write() && is_free && !is_guarded {
            (place.request, end) = (1, 2);
            if let Request::Call(call) = &batch.requests[1]
                && self.link.repeats(&call.sql)
            {
                return self.alone(call, &mut place, sink).await;
            }
        }
        while place.request < end {
            let request = &batch.requests[place.request];
            match request {
                Request::Call(call) if packet::goes_alone(call) => {
                    self.alone(call, &mut place, sink).await?;
                    place.advance();
                }
                _ => self.packet(&mut place).await?,
            }
        }
        if snapshot && self.link.in_transaction() {
            self.link.run("COMMIT").await.map_err(Failed::around)?;
        }
        Ok(())
    }

    /// Runs a query or raw SQL.
    async fn alone(
        &mut self,
        call: &Call,
        place: &mut Place,
        sink: &mut Sink<'_>,
    ) -> Result<(), Failed> {
        tracing::trace!(sql = &*call.sql, params = ?call.params.as_slice(), "run");
        packet::check_form(call).map_err(|error| Failed::at(*place, error))?;
        match &call.kind {
            CallKind::Query { types } => {
                let target = Target { query: self.rows.len(), types };
                let rows = query::query(self.link, call, target, &self.slots, sink)
                    .await
                    .map_err(|fault| Failed::at(*place, fault))?;
                tracing::debug!(sql = &*call.sql, "query");
                self.rows.push(rows);
            }
            CallKind::Execute { expect } => {
                while place.execution < call.executions() {
                    let written = query::execute(self.link, call, place.execution, &self.slots)
                        .await
                        .and_then(|written| counted(call, *expect, written).map_err(Fault::from))
                        .map_err(|fault| Failed::at(*place, fault))?;
                    self.written[place.request] += written;
                    place.execution += 1;
                }
                let written = self.written[place.request];
                tracing::debug!(sql = &*call.sql, executions = place.execution, written, "execute");
            }
            CallKind::Insert { .. } => {}
        }
        Ok(())
    }

    /// Sends as much as possible at once, and takes the answers.
    async fn packet(&mut self, place: &mut Place) -> Result<(), Failed> {
        let packing = Packing {
            batch: self.batch,
            slots: &self.slots,
            backslash: self.link.backslash(),
            max_packet: self.link.server.max_packet,
            membership: self.link.server.membership,
            in_transaction: self.link.in_transaction(),
        };
        let packet = packing.fill(place).map_err(|error| Failed::at(*place, error))?;
        let (statements, bytes) = (packet.statements.len(), packet.text.len());
        tracing::debug!(statements, bytes, "packet");
        tracing::trace!(text = packet.text, "packet");
        let answers = Answers {
            statements: &packet.statements,
            slots: &mut self.slots,
            written: &mut self.written,
            own: &mut self.own,
        };
        answers.take(self.link, &packet.text).await
    }

    /// Leaves the connection as the batch found it, and describes the failure.
    #[cold]
    async fn failure(mut self, failed: Failed) -> BatchFailure {
        let Failed { place, fault } = failed;
        let fault = self.link.after(fault).await;
        let membership = self.link.server.membership;
        let guarded = membership == Membership::Cluster
            && self.own == Own::Transaction
            && !self.link.is_broken();
        let lost = guard::is_gone(&fault) || (guarded && guard::was_lost(self.link).await);
        let refused = refused(self.batch, place, std::mem::take(&mut self.slots), membership);
        let error = match lost {
            true => guard::lost(),
            false => violation::of_fault(self.link, fault, &refused).await,
        };
        let own = self.own == Own::Transaction || lost;
        let left = self.link.in_transaction() && own;
        if left || (!self.link.autocommit() && !self.link.in_transaction()) {
            // The first failure is the one to report; a second one breaks the connection.
            let _ = self.link.roll_back().await;
        }
        let execution = place.map_or(0, |place| place.execution);
        let request = place.map(|place| place.request);
        tracing::debug!(?request, execution, "failed");
        // The error may tell values.
        tracing::trace!(%error, "failed");
        BatchFailure { request, execution, error, in_transaction: self.link.in_transaction() }
    }
}

/// The statement at a place.
fn refused(
    batch: &Batch,
    place: Option<Place>,
    slots: Slots,
    membership: Membership,
) -> Refused<'_> {
    match place.and_then(|place| Some((place, batch.requests.get(place.request)?))) {
        Some((place, Request::Call(call))) => Refused::call(call, place.execution, slots),
        Some((_, control)) => Refused::control(packet::words(control, membership).join("; ")),
        None => Refused::control(String::new()),
    }
}

/// Whether a batch consists of several queries, which must see one snapshot.
fn reads_often(batch: &Batch) -> bool {
    let is_query = |request: &Request| matches!(request, Request::Call(call) if matches!(call.kind, CallKind::Query { .. }));
    batch.requests.len() > 1 && batch.requests.iter().all(is_query)
}

/// What queries may do: those of the engine read, raw ones may be anything.
fn access(batch: &Batch) -> Access {
    let is_typed = |request: &Request| matches!(request, Request::Call(Call { kind: CallKind::Query { types }, .. }) if !types.is_empty());
    if batch.requests.iter().all(is_typed) { Access::Read } else { Access::Any }
}

/// Checks the number of rows that an execution wrote.
fn counted(call: &Call, expect: Expect, written: u64) -> Result<u64, DriverError> {
    match expect {
        Expect::Exactly(expected) if expected != written => Err(row_count(call, expected, written)),
        _ => Ok(written),
    }
}

#[cold]
fn row_count(call: &Call, expected: u64, written: u64) -> DriverError {
    let table = call.target.as_ref().map_or("?", |target| &target.table);
    DriverError::RowCount { table: table.to_owned(), expected, written }
}
