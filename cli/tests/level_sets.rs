//! Figures of level sets: what they show, and what is refused.

mod common;

use common::Folder;

const RIGHT: &str = "\
[param]
u = 1.8
v = 0.2
[batch]
z = \"normal()\"
[model]
predictor = \"u * v\"
noisy = \"predictor + z\"
both = \"predictor * [1, 2]\"
loss = \"sum(0.5 * (predictor - 1)**2)\"
[train]
steps = 20
step_size = 0.05
[ensemble]
seeds = 3
[[figure]]
kind = \"levels\"
y = \"predictor\"
";

#[test]
fn level_sets_are_drawn_with_slice_start_and_end() {
    let folder = Folder::new();
    folder.write("spec.toml", RIGHT);
    folder.run(&["run", "spec.toml", "--out", "results"]).ends_with(0);
    let svg = std::fs::read_to_string(folder.path("results/figures/1-predictor.svg")).expect("the figure is there");
    for words in ["predictor = const", "½(u² − v²) = 0", ">start<", ">end<", ">u<", ">v<", ">0.3<"] {
        assert!(svg.contains(words), "no {words} in {svg}");
    }
    assert!(folder.path("results/figures/1-predictor.png").exists());
    // Drawn again from the folder, it is the same figure.
    folder.run(&["report", "results"]).ends_with(0);
    assert_eq!(std::fs::read_to_string(folder.path("results/figures/1-predictor.svg")).expect("it is there"), svg);
}

/// A variant with other parameters has no plane, and shows no level sets; the base still does.
#[test]
fn variants_without_a_plane_are_left_out() {
    let folder = Folder::new();
    let variant = "[[variant]]\nname = \"vanilla\"\nparam = { w = 0.3 }\nmodel = { predictor = \"w\" }\n";
    folder.write("spec.toml", format!("{RIGHT}{variant}"));
    folder.run(&["run", "spec.toml", "--out", "results"]).ends_with(0);
    let figures = std::fs::read_dir(folder.path("results/figures")).expect("figures are there");
    assert_eq!(figures.count(), 2, "one as SVG and PNG");
}

#[test]
fn what_has_no_level_sets_is_refused() {
    let cases = [
        (
            "y = \"predictor\"",
            "y = \"predicter\"",
            "`predicter`, which [model] does not name",
            "did you mean `predictor`?",
        ),
        ("y = \"predictor\"", "y = \"u\"", "`u`, which [model] does not name", "[model] names predictor"),
        ("y = \"predictor\"", "y = \"both\"", "`both` has shape (2,)", "predictor[0]"),
        ("y = \"predictor\"", "y = \"noisy\"", "`noisy` depends on draws of [batch]", "parameters and data"),
        ("u = 1.8", "u = \"[1.8, 1.0]\"", "u of shape (2,), v of shape ()", "two numbers"),
        ("u = 1.8", "u = 1.8\nt = 1.0", "over two scalar parameters", "two numbers"),
        (
            "y = \"predictor\"",
            "y = \"predictor\"\nx = \"u\"",
            "`x` does not belong to a levels figure",
            "kind, y, caption",
        ),
        ("y = \"predictor\"", "y = \"predictor\"\nlog_y = true", "`log_y` does not belong", "kind, y, caption"),
    ];
    for (right, wrong, message, help) in cases {
        let folder = Folder::new();
        assert_eq!(RIGHT.matches(right).count(), 1, "{right}");
        folder.write("spec.toml", RIGHT.replacen(right, wrong, 1));
        for command in [&["run", "spec.toml", "--out", "results"][..], &["derive", "spec.toml"]] {
            let finished = folder.run(command).ends_with(2);
            let told = finished.stderr.replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(told.contains(message) && told.contains(help), "{wrong}: {}", finished.stderr);
        }
    }
}
