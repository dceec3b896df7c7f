//! Figures and the self-contained page.
//!
//! **Idea.** A report is plain data ([`Page`], [`Figure`]) until it is written. Whoever has results fills in numbers and sentences; only this crate knows
//! pixels, colours and HTML.
//!
//! **The way of the data.** [`Content`] (one of five kinds) → marks in data coordinates → a layout from the widths of the actual labels → SVG text →
//! inline in the page, a file, or pixels. [`Page`] → `report.html`, with formulas as MathML, through one template. [`write()`] puts all of it on disk.
//!
//! **Rejected.** *A plotting library*: those at hand draw a missing value as a plunge to the axis, fix the size in pixels (nothing scales on a phone), bake
//! colours in (no dark scheme), and put the legend where it takes a third of the width. *Drawing in the browser with a script*: a report is to be read for
//! years, printed and mailed; text and vectors last. *Images in the page*: an inline SVG follows the reader's colour scheme and stays sharp.

pub mod designed;
mod drawing;
mod error;
mod figure;
mod files;
mod html;
mod kinds;
mod layout;
mod mathml;
mod page;
pub mod published;
mod raster;
mod scale;
pub mod study;
mod style;
mod svg;
mod text;
mod thin;

pub use error::ReportError;
pub use figure::{Axis, Content, Figure};
pub use files::{replace_text, write};
pub use kinds::{Band, Curve, Density, Levels, Lines, Reference, Scatter, Series, Stem};
pub use page::{AlternativeRow, Branch, Derivation, Fact, Page, Section, Table, VerdictRow};
pub use scale::number;

/// The rules that [`Figure::inline_svg`] relies on, for a page of one's own: light, and dark where the reader's system is.
pub fn figure_style_sheet() -> String {
    format!("{}@media screen and (prefers-color-scheme:dark){{{}}}", style::sheet(false), style::sheet(true))
}
