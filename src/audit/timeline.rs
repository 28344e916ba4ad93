//! A picture of the writes to one resource around its busiest moment: a bar for each, and where it met another.
//!
//! The logs are read once more for it, so that no write has to be kept that is of no use to it. What is kept is at most
//! twice [`KEPT`] writes, the nearest to that moment; the [`BARS`] nearest are drawn, and compared with all that are kept.

use std::path::Path;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::span::{Meeting, Span};

/// The most writes that are drawn.
const BARS: usize = 48;

/// The most writes that those are compared with.
const KEPT: usize = 4096;

/// How far from the busiest moment a write may be that is drawn, in microseconds.
const REACH: i64 = 60_000_000;

const WIDTH: u32 = 1200;
const ROW: u32 = 18;
const MARGINS: u32 = 150;

const FREE: RGBColor = RGBColor(120, 144, 176);
const POSSIBLE: RGBColor = RGBColor(240, 168, 48);
const CERTAIN: RGBColor = RGBColor(204, 41, 54);
const INK: RGBColor = RGBColor(51, 51, 51);
const FAINT: RGBColor = RGBColor(225, 225, 225);

/// What is drawn.
#[derive(Debug)]
pub(super) struct Timeline {
    key: String,
    busiest: i64,
    /// When it is drawn, the nearest first.
    kept: Vec<(Span, String)>,
}

/// A part of a bar, in microseconds, and how it is shown.
type Part = (i64, i64, RGBColor);

impl Timeline {
    pub(super) fn new(key: &str, busiest: i64) -> Self {
        Self {
            key: key.to_owned(),
            busiest,
            kept: Vec::new(),
        }
    }

    /// The resource that it is of.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// Whether a write at this time may be one to draw.
    pub(super) fn reaches(&self, span: &Span) -> bool {
        self.distance(span) < REACH
    }

    pub(super) fn add(&mut self, span: Span, method: &str) {
        self.kept.push((span, method.to_owned()));
        if self.kept.len() == 2 * KEPT {
            self.keep_the_nearest();
        }
    }

    /// Writes the picture.
    pub(super) fn draw(
        mut self,
        path: &Path,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        self.keep_the_nearest();
        let bars = self.kept.len().min(BARS);
        // In the order of their begins, among those that are drawn.
        let mut drawn: Vec<usize> = (0..bars).collect();
        drawn.sort_by_key(|bar| (self.kept[*bar].0.start, self.kept[*bar].0.end));
        let svg = self.svg(&drawn)?;
        Ok(std::fs::write(path, svg)?)
    }

    fn distance(&self, span: &Span) -> i64 {
        (span.start - self.busiest)
            .max(self.busiest - span.over())
            .max(0)
    }

    fn keep_the_nearest(&mut self) {
        let mut kept = std::mem::take(&mut self.kept);
        kept.sort_by_key(|(span, _)| (self.distance(span), (span.start - self.busiest).abs()));
        kept.truncate(KEPT);
        self.kept = kept;
    }

    fn svg(&self, drawn: &[usize]) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
        let rows = u32::try_from(drawn.len())?.max(4);
        let mut svg = String::new();
        {
            let height = rows * ROW + MARGINS;
            let root = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
            root.fill(&WHITE)?;
            let bars = || drawn.iter().map(|bar| &self.kept[*bar].0);
            let first = bars().map(|span| span.start).min().unwrap_or(0);
            let last = bars().map(Span::over).max().unwrap_or(0);
            let seconds = |micros: i64| (micros - first) as f64 / 1e6;
            let length = seconds(last).max(0.001);
            let room = length * 0.03;
            let mut chart = ChartBuilder::on(&root)
                .caption(self.title(), ("sans-serif", 20, &INK))
                .margin(16)
                .margin_bottom(52)
                .x_label_area_size(44)
                .build_cartesian_2d(-3.0 * room..length + room, f64::from(rows)..0.0)?;
            chart
                .configure_mesh()
                .disable_y_mesh()
                .disable_y_axis()
                .light_line_style(TRANSPARENT)
                .bold_line_style(FAINT)
                .axis_style(INK)
                .x_labels(10)
                .x_label_formatter(&|seconds| format!("{seconds:.3} s"))
                .x_desc("seconds after the first write began")
                .label_style(("sans-serif", 13, &INK))
                .draw()?;
            for (row, bar) in drawn.iter().enumerate() {
                let top = row as f64 + 0.15;
                for (from, until, colour) in self.parts(*bar) {
                    // Even an instant is to be seen.
                    let until = seconds(until).max(seconds(from) + length / 1000.0);
                    let corners = [(seconds(from), top), (until, top + 0.7)];
                    chart.draw_series([Rectangle::new(corners, colour.filled())])?;
                }
                let (span, method) = &self.kept[*bar];
                let place = (seconds(span.start) - room * 0.2, top + 0.35);
                let style = ("sans-serif", 12, &INK).into_text_style(&root);
                let style = style.pos(Pos::new(HPos::Right, VPos::Center));
                chart.draw_series([Text::new(method.clone(), place, style)])?;
            }
            let bottom = i32::try_from(height)? - 28;
            legend(&root, bottom)?;
            root.present()?;
        }
        Ok(svg)
    }

    fn title(&self) -> String {
        let key = super::text::shown(&self.key);
        let key = match key.char_indices().nth(60) {
            Some((at, _)) => format!("{}…", &key[..at]),
            None => key,
        };
        let at = super::text::moment(self.busiest);
        format!("Writes to {key} around {at}")
    }

    /// The whole of a bar, and upon it what may and what must have been beside another write.
    fn parts(&self, bar: usize) -> Vec<Part> {
        let (span, _) = &self.kept[bar];
        let (mut possible, mut certain) = (Vec::new(), Vec::new());
        for (at, (other, _)) in self.kept.iter().enumerate() {
            let meeting = span.meets(other);
            if at == bar || meeting == Meeting::None {
                continue;
            }
            possible.push((span.start.max(other.start), span.over().min(other.over())));
            let (from, until) = (span.begun().max(other.begun()), span.end.min(other.end));
            if meeting == Meeting::Certain && from < until {
                certain.push((from, until));
            }
        }
        let coloured = |parts, colour| {
            let parts: Vec<(i64, i64)> = merged(parts);
            parts
                .into_iter()
                .map(move |(from, until)| (from, until, colour))
        };
        let whole = (span.start, span.over(), FREE);
        std::iter::once(whole)
            .chain(coloured(possible, POSSIBLE))
            .chain(coloured(certain, CERTAIN))
            .collect()
    }
}

/// Parts that touch each other, as one.
fn merged(mut parts: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    parts.sort_unstable();
    let mut merged: Vec<(i64, i64)> = Vec::new();
    for (from, until) in parts {
        match merged.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(until),
            Some(_) | None => merged.push((from, until)),
        }
    }
    merged
}

fn legend(
    root: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    bottom: i32,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let style = ("sans-serif", 13, &INK).into_text_style(root);
    let style = style.pos(Pos::new(HPos::Left, VPos::Center));
    for (left, colour, meaning) in [
        (40, FREE, "at work alone"),
        (220, POSSIBLE, "perhaps beside another write"),
        (480, CERTAIN, "beside another write for certain"),
    ] {
        root.draw(&Rectangle::new(
            [(left, bottom - 6), (left + 20, bottom + 6)],
            colour.filled(),
        ))?;
        root.draw(&Text::new(meaning, (left + 28, bottom), style.clone()))?;
    }
    Ok(())
}
