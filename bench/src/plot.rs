//! Plots: time over the size of the graph, drawn as SVG.

use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;

use crate::Failure;
use crate::contender::Contender;
use crate::database::Database;
use crate::peers::Peers;
use crate::place;
use crate::race::Race;
use crate::work::{Job, Work};

/// Users of the graphs: 13 to 100,100 rows.
const USERS: &[i64] = &[1, 8, 77, 770, 7_700];
/// Rows of a user.
const ROWS: i64 = 1 + crate::data::ORDERS * (1 + crate::data::ITEMS);
const WORKS: [(Work, &str); 2] = [(Work::W1, "insert"), (Work::W2, "load")];

/// The times of a contender: rows and milliseconds.
type Curve = (Contender, Vec<(f64, f64)>);

/// Measures and draws: a row a database, a column for inserting and one for loading.
pub fn draw(file: &Path, databases: &[Database], runs: u32) -> Result<(), Failure> {
    let size = (1_000, 360 * databases.len() as u32);
    let area = SVGBackend::new(file, size).into_drawing_area();
    area.fill(&WHITE)?;
    let cells = area.split_evenly((databases.len(), WORKS.len()));
    for (&database, cells) in databases.iter().zip(cells.chunks(WORKS.len())) {
        for ((work, what), cell) in WORKS.into_iter().zip(cells) {
            let curves = measure(database, work, runs)?;
            let title = format!("{}: {what} a graph", database.title());
            chart(cell, &title, &curves)?;
        }
    }
    area.present()?;
    Ok(())
}

fn measure(database: Database, work: Work, runs: u32) -> Result<Vec<Curve>, Failure> {
    let contenders: Vec<Contender> =
        [Contender::HandWritten, Contender::EntailBlocking, Contender::Entail]
            .into_iter()
            .filter(|one| one.is_on(database))
            .collect();
    let mut curves: Vec<Curve> = contenders.iter().map(|one| (*one, Vec::new())).collect();
    let mut ground = place::ground(database)?;
    for &users in USERS {
        let peers = Peers::default();
        let mut race = Race {
            database,
            ground: ground.as_mut(),
            contenders: &contenders,
            peers: &peers,
            threads: database.threads(),
            runs,
        };
        let standing = race.run(Job { work, users })?;
        for (contender, points) in &mut curves {
            if let Some(ms) = standing.ms(*contender) {
                let rows = users * ROWS;
                let (database, work) = (database.name(), work.name());
                println!("{database} {work} {rows} rows, {}: {ms:.3} ms", contender.name());
                points.push((rows as f64, ms));
            }
        }
    }
    Ok(curves)
}

fn chart(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    title: &str,
    curves: &[Curve],
) -> Result<(), Failure> {
    let times = || curves.iter().flat_map(|(_, points)| points.iter().map(|point| point.1));
    let (low, high) = (times().fold(f64::MAX, f64::min), times().fold(0.0, f64::max));
    let rows = (10.0..150_000.0).log_scale();
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .caption(title, ("sans-serif", 18))
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d(rows, (low * 0.7..high * 1.5).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("rows")
        .y_desc("ms")
        .x_label_formatter(&|rows| format!("{rows:.0}"))
        .y_label_formatter(&|ms| if *ms < 1.0 { format!("{ms:.1}") } else { format!("{ms:.0}") })
        .light_line_style(WHITE)
        .draw()?;
    for (contender, points) in curves {
        let color = if *contender == Contender::HandWritten { BLACK } else { RED };
        chart
            .draw_series(LineSeries::new(points.iter().copied(), color.stroke_width(2)))?
            .label(contender.name())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], color.stroke_width(2)));
        chart.draw_series(points.iter().map(|point| Circle::new(*point, 3, color.filled())))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE)
        .border_style(BLACK)
        .draw()?;
    Ok(())
}
