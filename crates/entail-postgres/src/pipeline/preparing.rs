//! Preparing: what the server must be asked before statements can be sent.

use std::collections::HashMap;
use std::sync::Arc;

use entail_engine::batch::{Call, Request};
use entail_engine::error::DriverError;
use tokio_postgres::Statement;

use crate::failure::Fault;
use crate::statements::{Habits, Learned, Question, Ready, filled};

use super::sending::poll_once;
use super::{Failed, Pipeline};

impl Pipeline<'_, '_> {
    /// Prepares all statements of the batch that are not yet, in one trip together with the BEGIN
    /// that was sent before.
    pub(super) async fn prepare_ahead(&mut self) -> Result<(), Failed> {
        let batch = self.batch;
        let calls: Vec<(usize, &Call)> = batch
            .requests
            .iter()
            .enumerate()
            .filter_map(|(index, request)| match request {
                Request::Call(call) => Some((index, call)),
                _ => None,
            })
            .collect();
        self.prepare(&calls).await
    }

    /// Prepares the statement of one request, if it is not. What is flying must have landed then.
    pub(super) async fn prepare_one(&mut self, index: usize, call: &Call) -> Result<Ready, Failed> {
        if let Some(ready) = self.statements.ready(call) {
            self.ready[index] = Some(ready.clone());
            return Ok(ready);
        }
        self.land_all().await?;
        self.prepare(&[(index, call)]).await?;
        self.ready[index].clone().ok_or_else(|| Failed::at(index, unprepared(call)))
    }

    async fn prepare(&mut self, calls: &[(usize, &Call)]) -> Result<(), Failed> {
        let mut known = Known::default();
        let mut asked: Vec<(usize, Question)> = Vec::new();
        for &(index, call) in calls {
            for question in self.questions(call, &mut known) {
                if !asked.iter().any(|(_, other)| *other == question) {
                    asked.push((index, question));
                }
            }
        }
        if let Err(failed) = self.ask(asked, &mut known).await {
            // An earlier request may be the reason.
            self.land_all().await?;
            return Err(failed);
        }
        for &(index, call) in calls {
            let table = filled(call).and_then(|table| known.tables.get(table));
            self.ready[index] = Some(Ready {
                statement: known.statements.get(&call.sql).cloned(),
                habits: table.copied().unwrap_or_default(),
            });
        }
        Ok(())
    }

    /// What must be asked about a call. What is known already is put with the answers, because
    /// the answers of others may push it out of the cache.
    fn questions(&mut self, call: &Call, known: &mut Known) -> Vec<Question> {
        let mut questions = Vec::new();
        if self.statements.are_kept() && !known.statements.contains_key(&call.sql) {
            match self.statements.statement(&call.sql) {
                Some(statement) => {
                    known.statements.insert(Arc::clone(&call.sql), statement);
                }
                None => questions.push(Question::Statement(Arc::clone(&call.sql))),
            }
        }
        if let Some(table) = filled(call)
            && !known.tables.contains_key(table)
        {
            match self.statements.habits(table) {
                Some(habits) => {
                    known.tables.insert(Arc::clone(table), habits);
                }
                None => questions.push(Question::Table(Arc::clone(table))),
            }
        }
        questions
    }

    async fn ask(
        &mut self,
        asked: Vec<(usize, Question)>,
        known: &mut Known,
    ) -> Result<(), Failed> {
        let client = self.client;
        let mut waiting = Vec::with_capacity(asked.len());
        for (index, question) in asked {
            let mut answer = Box::pin(question.ask(client));
            let first = poll_once(&mut answer).await;
            waiting.push((index, answer, first));
        }
        for (index, answer, first) in waiting {
            let learned = match first {
                Some(learned) => learned,
                None => answer.await,
            };
            let learned = learned.map_err(|error| Failed::at(index, Fault::Postgres(error)))?;
            match &learned {
                Learned::Statement(sql, statement) => {
                    known.statements.insert(Arc::clone(sql), statement.clone());
                }
                Learned::Table(table, habits) => {
                    known.tables.insert(Arc::clone(table), *habits);
                }
            }
            self.statements.learn(learned);
        }
        Ok(())
    }
}

/// The answers to the questions of one batch.
#[derive(Default)]
struct Known {
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
