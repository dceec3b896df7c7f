//! Files appear whole or not at all.

use crate::{Figure, Page, ReportError};
use gaugebias_dynamics::files::replace_file;
use std::fs;
use std::io::Write;
use std::path::Path;

/// Write `report.html`, `figures/NAME.svg` and `figures/NAME.png` into `directory`, which is made if it is missing.
///
/// Everything is drawn before anything is written. Each file is written beside its place, synced and renamed, so a reader (or a full disk, or a
/// kill) never meets half a file; the page comes last.
///
/// # Errors
/// What [`Page::html`] and [`Figure::png`](crate::Figure::png) report, and [`ReportError::Write`].
pub fn write(directory: &Path, page: &Page) -> Result<(), ReportError> {
    let html = page.html()?;
    let files = drawn(&page.all_figures().collect::<Vec<_>>())?;
    let figures = directory.join("figures");
    let folder = if files.is_empty() { directory } else { &figures };
    fs::create_dir_all(folder).map_err(|source| ReportError::Write { path: folder.to_owned(), source })?;
    for (name, bytes) in &files {
        replace(&figures, name, bytes)?;
    }
    replace(directory, "report.html", html.as_bytes())
}

/// Names and bytes of all files of the figures, drawn on all cores: pixels take most of the time of a report.
fn drawn(figures: &[&Figure]) -> Result<Vec<(String, Vec<u8>)>, ReportError> {
    type Drawn = Result<[(String, Vec<u8>); 2], ReportError>;
    let draw = |figure: &Figure| -> Drawn {
        let svg = (format!("{}.svg", figure.name), figure.svg()?.into_bytes());
        Ok([svg, (format!("{}.png", figure.name), figure.png()?)])
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(figures.len().max(1));
    let mut found: Vec<(usize, Drawn)> = std::thread::scope(|scope| {
        let of_worker = |worker: usize| {
            scope.spawn(move || {
                let own = (worker..figures.len()).step_by(workers);
                own.map(|index| (index, draw(figures[index]))).collect::<Vec<_>>()
            })
        };
        let handles: Vec<_> = (0..workers).map(of_worker).collect();
        handles.into_iter().flat_map(|handle| handle.join().expect("drawing does not panic")).collect()
    });
    found.sort_by_key(|(index, _)| *index);
    let files = found.into_iter().map(|(_, drawn)| drawn).collect::<Result<Vec<_>, _>>()?;
    Ok(files.into_iter().flatten().collect())
}

/// Writes a file into a folder, whole or not at all.
///
/// # Errors
/// [`ReportError::Write`].
pub fn replace_text(directory: &Path, name: &str, text: &str) -> Result<(), ReportError> {
    replace(directory, name, text.as_bytes())
}

pub(crate) fn replace(directory: &Path, name: &str, bytes: &[u8]) -> Result<(), ReportError> {
    let path = directory.join(name);
    replace_file(directory, name, |file| file.write_all(bytes)).map_err(|source| ReportError::Write { path, source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Axis, Content, Curve, Scatter};

    fn page(name: &str) -> Page {
        let groups = vec![Curve { label: "a".into(), points: vec![(0.0, 1.0), (1.0, 2.0)] }];
        let figure = Figure {
            name: name.into(),
            title: "t".into(),
            caption: "c".into(),
            x: Axis::new("x"),
            y: Axis::new("y"),
            content: Content::Scatter(Scatter { groups, diagonal: None }),
        };
        Page { title: "p".into(), figures: vec![figure], ..Page::default() }
    }

    #[test]
    fn a_report_is_written_and_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("new/run");
        for _ in 0..2 {
            write(&target, &page("scatter")).unwrap();
        }
        let mut names: Vec<String> = ["", "figures"]
            .iter()
            .flat_map(|sub| fs::read_dir(target.join(sub)).unwrap())
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["figures", "report.html", "scatter.png", "scatter.svg"], "and no temporary file is left");
        assert!(fs::read(target.join("figures/scatter.png")).unwrap().starts_with(b"\x89PNG"));
    }

    #[test]
    fn names_that_leave_the_folder_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["../x", "", ".hidden", "a/b", "a b", "ä"] {
            let error = write(directory.path(), &page(name)).unwrap_err();
            assert!(matches!(error, ReportError::FigureName { .. }), "{name}: {error}");
        }
        let mut twice = page("a");
        twice.figures.push(Figure { name: "A".into(), ..twice.figures[0].clone() });
        assert!(twice.html().unwrap_err().to_string().contains("two figures share it"));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_place_that_cannot_be_written_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, "x").unwrap();
        let error = write(&file, &page("a")).unwrap_err();
        assert!(error.to_string().contains("figures"), "{error}");
    }
}
