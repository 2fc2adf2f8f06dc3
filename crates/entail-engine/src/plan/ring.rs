//! Rings: rows that wait for each other are found by a walk in depth, back along what each row waits
//! for, and each ring is opened where it is met.

use crate::change::CauseNode;
use crate::error::FlushError;

use super::cut::Cuts;
use super::row::{Edge, Rows};

/// Opens all rings among the rows that wait, by the number of rows that each of them waits for.
///
/// # Errors
///
/// E0302 for a ring that cannot be opened.
pub(super) fn open_rings(
    rows: &mut Rows<'_>,
    waiting: &[usize],
    causes: &[CauseNode],
) -> Result<(), FlushError> {
    let mut before: Vec<Vec<Edge>> = vec![Vec::new(); waiting.len()];
    for &edge in rows.edges.iter().filter(|edge| waiting[edge.from] > 0 && waiting[edge.to] > 0) {
        before[edge.to].push(edge);
    }
    let mut starts: Vec<usize> = (0..waiting.len()).filter(|&place| waiting[place] > 0).collect();
    starts.sort_by_key(|&place| rows.priorities[place]);
    let mut cuts = Cuts::default();
    let mut walk = Walk { path: Vec::new(), met: vec![Met::Never; waiting.len()] };
    for start in starts {
        if walk.met[start] == Met::Never {
            walk.enter(start);
        }
        while let Some(step) = walk.path.last_mut() {
            let Some(&edge) = before[step.place].get(step.looked_at) else {
                walk.leave(Met::Done);
                continue;
            };
            step.looked_at += 1;
            if cuts.has(edge) {
                continue;
            }
            match walk.met[edge.from] {
                Met::Done => {}
                Met::Never => walk.enter(edge.from),
                Met::OnPath => {
                    let ring = walk.ring(edge.from, &before);
                    let cut = cuts.open(rows, &ring, causes)?;
                    walk.back_to(cut.to);
                }
            }
        }
    }
    cuts.apply(rows);
    Ok(())
}

/// A row on the path, which waits for the next one along the edge that was looked at last.
struct Step {
    place: usize,
    looked_at: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Met {
    Never,
    OnPath,
    /// No ring leads through it any more.
    Done,
}

struct Walk {
    path: Vec<Step>,
    met: Vec<Met>,
}

impl Walk {
    fn enter(&mut self, place: usize) {
        self.met[place] = Met::OnPath;
        self.path.push(Step { place, looked_at: 0 });
    }

    fn leave(&mut self, as_met: Met) {
        if let Some(step) = self.path.pop() {
            self.met[step.place] = as_met;
        }
    }

    /// The edges from the row at a place of the path to its end, and back.
    fn ring(&self, place: usize, before: &[Vec<Edge>]) -> Vec<Edge> {
        let first = self.path.iter().rposition(|step| step.place == place).unwrap_or(0);
        self.path[first..].iter().map(|step| before[step.place][step.looked_at - 1]).collect()
    }

    /// Goes on at a row of the path. Those behind it may be met again, along other edges.
    fn back_to(&mut self, place: usize) {
        while self.path.last().is_some_and(|step| step.place != place) {
            self.leave(Met::Never);
        }
    }
}
