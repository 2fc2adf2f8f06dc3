//! Preparing: what the server must be asked before statements can be sent.

use std::collections::HashMap;
use std::sync::Arc;

use entail_engine::batch::{Call, Request};
use entail_engine::error::DriverError;
use tokio_postgres::Statement;

use crate::failure::Fault;
use crate::statements::{Habits, Known, Learned, Question, Ready, filled};

use super::sending::poll_once;
use super::{Failed, Pipeline};

/// A call about which something must be asked.
struct Unready<'a> {
    index: usize,
    call: &'a Call,
    /// Kept here, because the answers about others may push it out of the cache.
    known: Known,
}

impl Pipeline<'_, '_> {
    /// Prepares all statements of the batch that are not yet, in one trip together with the BEGIN
    /// that was sent before.
    pub(super) async fn prepare_ahead(&mut self) -> Result<(), Failed> {
        let batch = self.batch;
        let mut unready = Vec::new();
        for (index, request) in batch.requests.iter().enumerate() {
            let Request::Call(call) = request else { continue };
            match self.statements.ready(call) {
                Ok(ready) => self.ready[index] = Some(ready),
                Err(known) => unready.push(Unready { index, call, known }),
            }
        }
        match unready.is_empty() {
            true => Ok(()),
            // It is large and seldom, and every call would carry it.
            false => Box::pin(self.prepare(unready)).await,
        }
    }

    /// Prepares the statement of one request, if it is not. What is flying must have landed then.
    pub(super) async fn prepare_one(&mut self, index: usize, call: &Call) -> Result<Ready, Failed> {
        match self.statements.ready(call) {
            Ok(ready) => self.ready[index] = Some(ready),
            Err(known) => {
                let unready = vec![Unready { index, call, known }];
                Box::pin(async {
                    self.land_all().await?;
                    self.prepare(unready).await
                })
                .await?;
            }
        }
        self.ready[index].clone().ok_or_else(|| Failed::at(index, unprepared(call)))
    }

    async fn prepare(&mut self, unready: Vec<Unready<'_>>) -> Result<(), Failed> {
        let mut asked: Vec<(usize, Question)> = Vec::new();
        for one in &unready {
            for question in self.questions(one) {
                if !asked.iter().any(|(_, other)| *other == question) {
                    asked.push((one.index, question));
                }
            }
        }
        let answers = match self.ask(asked).await {
            Ok(answers) => answers,
            Err(failed) => {
                // An earlier request may be the reason.
                self.land_all().await?;
                return Err(failed);
            }
        };
        for Unready { index, call, known } in unready {
            let statement = known.statement.or_else(|| answers.statements.get(&call.sql).cloned());
            let told = || filled(call).and_then(|table| answers.tables.get(table)).copied();
            let habits = known.habits.or_else(told).unwrap_or_default();
            self.ready[index] = Some(Ready { statement, habits });
        }
        Ok(())
    }

    /// What must be asked about a call.
    fn questions(&self, unready: &Unready<'_>) -> Vec<Question> {
        let Unready { call, known, .. } = unready;
        let mut questions = Vec::new();
        if self.statements.are_kept() && known.statement.is_none() {
            questions.push(Question::Statement(Arc::clone(&call.sql)));
        }
        if let (None, Some(table)) = (known.habits, filled(call)) {
            questions.push(Question::Table(Arc::clone(table)));
        }
        questions
    }

    async fn ask(&mut self, asked: Vec<(usize, Question)>) -> Result<Answers, Failed> {
        let client = self.client;
        let mut waiting = Vec::with_capacity(asked.len());
        for (index, question) in asked {
            let mut answer = Box::pin(question.ask(client));
            let first = poll_once(&mut answer).await;
            waiting.push((index, answer, first));
        }
        let mut answers = Answers::default();
        for (index, answer, first) in waiting {
            let learned = match first {
                Some(learned) => learned,
                None => answer.await,
            };
            let learned = learned.map_err(|error| Failed::at(index, Fault::Postgres(error)))?;
            match &learned {
                Learned::Statement(sql, statement) => {
                    answers.statements.insert(Arc::clone(sql), statement.clone());
                }
                Learned::Table(table, habits) => {
                    answers.tables.insert(Arc::clone(table), *habits);
                }
            }
            self.statements.learn(learned);
        }
        Ok(answers)
    }
}

/// The answers to the questions of one batch.
#[derive(Default)]
struct Answers {
    statements: HashMap<Arc<str>, Statement>,
    tables: HashMap<Arc<str>, Habits>,
}

fn unprepared(call: &Call) -> Fault {
    Fault::Driver(DriverError::Statement {
        reason: "the statement could not be prepared".to_owned(),
        sql: call.sql.to_string(),
        code: None,
    })
}
