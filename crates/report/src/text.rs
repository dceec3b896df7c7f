//! Widths of text, from the bundled font: what a label needs is known before anything is placed.

use skrifa::instance::{LocationRef, Size};
use skrifa::{FontRef, MetadataProvider};
use std::sync::OnceLock;

/// DejaVu Sans, the font of PNGs and of the metrics. Viewers without it fall back to fonts that are no wider.
pub const FONT: &[u8] = include_bytes!("../assets/DejaVuSans.ttf");

/// What SVGs ask for.
pub const FONT_FAMILY: &str = "DejaVu Sans, Verdana, sans-serif";

/// Width of `text` at `size`, in the unit of `size`.
pub fn width(text: &str, size: f64) -> f64 {
    static EMS: OnceLock<(FontRef<'static>, f64)> = OnceLock::new();
    let (font, em) = EMS.get_or_init(|| {
        let font = FontRef::new(FONT).expect("the bundled font is a valid TrueType file");
        let em = font.metrics(Size::unscaled(), LocationRef::default()).units_per_em;
        (font, f64::from(em))
    });
    let (characters, glyphs) = (font.charmap(), font.glyph_metrics(Size::unscaled(), LocationRef::default()));
    let advance = |c: char| characters.map(c).and_then(|glyph| glyphs.advance_width(glyph)).map_or(*em, f64::from);
    text.chars().map(advance).sum::<f64>() / em * size
}

/// `text`, or as much of its start as fits into `room`, with an ellipsis.
pub fn fitted(text: &str, size: f64, room: f64) -> String {
    if width(text, size) <= room {
        return text.to_owned();
    }
    let mut kept = String::new();
    for c in text.chars() {
        kept.push(c);
        if width(&kept, size) + width("…", size) > room {
            kept.pop();
            break;
        }
    }
    kept.trim_end().to_owned() + "…"
}

/// `text` broken at spaces into at most `most` lines of width `room`; the last one is cut if it must be.
pub fn wrapped(text: &str, size: f64, room: f64, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut().filter(|line| width(line, size) + width(" ", size) + width(word, size) <= room) {
            Some(line) => {
                line.push(' ');
                line.push_str(word);
            }
            None => lines.push(word.to_owned()),
        }
    }
    if lines.len() > most {
        let rest = lines.split_off(most - 1).join(" ");
        lines.push(rest);
    }
    lines.iter().map(|line| fitted(line, size, room)).collect()
}

/// `text` with the characters that XML reserves replaced, and those that it forbids left out.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' | '\r' => out.push(' '),
            c if c.is_control() => {}
            '\u{fffe}' | '\u{ffff}' => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_follow_the_font() {
        assert!((width("0", 2048.0) - 1303.0).abs() < 1.0, "{}", width("0", 2048.0));
        assert!((width("00", 10.0) - 2.0 * width("0", 10.0)).abs() < 1e-12);
        assert!(width("", 10.0) == 0.0 && width("W", 10.0) > width("i", 10.0));
    }

    #[test]
    fn long_text_is_cut_to_its_room() {
        let text = "norm ratio of the first and the second layer";
        let cut = fitted(text, 12.0, 100.0);
        assert!(cut.ends_with('…') && width(&cut, 12.0) <= 100.0 && cut.len() > 8, "{cut}");
        assert_eq!(fitted("short", 12.0, 100.0), "short");
        let lines = wrapped(text, 12.0, 100.0, 2);
        assert!(lines.len() == 2 && lines.iter().all(|line| width(line, 12.0) <= 100.0), "{lines:?}");
        assert_eq!(wrapped(text, 12.0, 1e4, 2), [text]);
        assert!(wrapped("", 12.0, 100.0, 2).is_empty());
    }

    #[test]
    fn reserved_characters_are_replaced() {
        assert_eq!(escaped("<a b=\"c\">&'\u{1}\n"), "&lt;a b=&quot;c&quot;&gt;&amp;&#39; ");
    }
}
