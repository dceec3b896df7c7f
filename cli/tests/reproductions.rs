//! `reproduce`: files that readers of the authors' own files can open, what a stopped reproduction leaves to do, and refusals.

mod common;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common::{Folder, files};
use safetensors::tensor::{Dtype, SafeTensors};

/// Steps that give every tensor of every file at least two rows.
const STEPS: &str = "600";

/// A tensor's name, type and shape.
type Field = (&'static str, Dtype, Vec<usize>);

#[track_caller]
fn holds(folder: &Path, prefix: &str, tensors: &[Field], metadata: &[(&str, &str)]) {
    let names: Vec<String> = files(folder).into_keys().filter(|name| name.starts_with(prefix)).collect();
    let [name] = names.as_slice() else { panic!("{prefix}: {names:?}") };
    let bytes = std::fs::read(folder.join(name)).expect("the file is there");
    let file = SafeTensors::deserialize(&bytes).expect("a safetensors file");
    let found: BTreeMap<String, (Dtype, Vec<usize>)> =
        file.tensors().into_iter().map(|(name, view)| (name, (view.dtype(), view.shape().to_vec()))).collect();
    let expected: BTreeMap<String, (Dtype, Vec<usize>)> =
        tensors.iter().map(|(name, dtype, shape)| ((*name).to_owned(), (*dtype, shape.clone()))).collect();
    assert_eq!(found, expected, "{prefix}");
    let (_, head) = SafeTensors::read_metadata(&bytes).expect("a head");
    let found: BTreeMap<String, String> = head.metadata().clone().expect("metadata").into_iter().collect();
    let expected: BTreeMap<String, String> =
        metadata.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    assert_eq!(found, expected, "{prefix}");
}

#[test]
fn files_in_the_reference_format_have_every_field() {
    use Dtype::{F32, F64, I64};
    let folder = Folder::new();
    let command = ["reproduce", "all", "--seeds", "2", "--steps", STEPS, "--reference-format", "reference"];
    folder.run(&command).ends_with(0);
    let reference = folder.path("reference");
    assert_eq!(files(&reference).len(), 5);
    // Steps 10, 20, … 600; the first logged point is dropped.
    let tensors = [("steps", I64, vec![60]), ("losses", F32, vec![60]), ("norm_ratios", F32, vec![60, 16])];
    let metadata = [
        ("seed", "0"),
        ("in_features", "3"),
        ("out_features", "1"),
        ("hidden_features", "16"),
        ("output_noise_std", "0.1"),
        ("teacher_init_std", "1.5"),
        ("student_init_std", "0.05"),
        ("num_steps", STEPS),
        ("num_steps_for_acc", "500000"),
        ("batch_size", "8"),
        ("learning_rate", "5e-05"),
        ("discard_first_points", "1"),
        ("log_every", "10"),
        ("device", "cpu"),
    ];
    holds(&reference, "fig_01_shallowrelu_", &tensors, &metadata);
    let tensors = [
        ("steps", I64, vec![2]),
        ("losses", F32, vec![2]),
        ("emp_ib", F32, vec![20, 2]),
        ("pq_norm_ratios", F32, vec![20, 2]),
    ];
    let metadata = [
        ("seed", "0"),
        ("n_size", "20"),
        ("m_size", "20"),
        ("model_rank", "20"),
        ("observed_fraction", "0.2"),
        ("batching_ratio", "0.5"),
        ("true_sigma", "[15.0, 5.0]"),
        ("true_ib_0", "30.0"),
        ("true_ib_1", "10.0"),
        ("num_steps", STEPS),
        ("num_steps_for_acc", STEPS),
        ("learning_rate", "0.001"),
        ("log_every", "1000"),
        ("device", "cpu"),
    ];
    holds(&reference, "fig_02_matcomp_", &tensors, &metadata);
    // Steps 500 and 600; the first five logged points are dropped.
    let tensors = [
        ("steps", I64, vec![2]),
        ("losses", F32, vec![2]),
        ("norm_ratios", F32, vec![2, 8]),
        ("frob_ratios", F64, vec![2]),
        ("nuc_ratios", F64, vec![2]),
    ];
    let metadata = [
        ("seed", "0"),
        ("sequence_length", "8"),
        ("emb_dim", "16"),
        ("head_dim", "8"),
        ("output_noise_std", "0.02"),
        ("teacher_init_std", "0.75"),
        ("student_init_std", "0.1"),
        ("num_steps", STEPS),
        ("num_steps_for_acc", "300000"),
        ("batch_size", "16"),
        ("learning_rate", "0.001"),
        ("discard_first_points", "5"),
        ("log_every", "100"),
        ("device", "cpu"),
    ];
    holds(&reference, "fig_03_attention_", &tensors, &metadata);
    let mut tensors: Vec<Field> = [
        "naive_train_losses_ur",
        "naive_test_losses_ur",
        "naive_train_losses_rr",
        "naive_test_losses_rr",
        "hadamard_train_losses_ur",
        "hadamard_test_losses_ur",
    ]
    .map(|name| (name, F32, vec![600]))
    .to_vec();
    tensors.extend(["w_true", "w_naive_ur", "w_naive_rr", "w_hadamard_ur"].map(|name| (name, F32, vec![64])));
    let plotted = ["t_grid", "y_plot_true", "y_plot_naive", "y_plot_pq", "y_plot_naive_rr"];
    tensors.extend(plotted.map(|name| (name, F32, vec![1000])));
    tensors.extend([("t_train", F32, vec![32, 1]), ("y_train", F32, vec![32]), ("x_plot_true", F32, vec![1000, 64])]);
    let metadata = [
        ("seed", "0"),
        ("n_spectral_modes", "64"),
        ("n_spectral_modes_nonzero", "3"),
        ("spectral_magnitude_range", "(1.0, 2.0)"),
        ("train_samples", "32"),
        ("test_samples", "10000"),
        ("output_noise_std", "0.1"),
        ("weight_init_scale", "0.01"),
        ("ellone_regularization_strength", "0.1"),
        ("num_steps", STEPS),
        ("num_steps_for_acc", "150000"),
        ("learning_rate", "0.001"),
        ("log_every", "1"),
        ("device", "cpu"),
    ];
    holds(&reference, "fig_04_spectralsparse_", &tensors, &metadata);
    let tensors = [
        ("true_signal", F32, vec![200]),
        ("w_simple", F32, vec![200]),
        ("w_cumsum", F32, vec![200]),
        ("ameas", F32, vec![60, 200]),
        ("ymeas", F32, vec![60]),
        ("simple_train_losses", F32, vec![600]),
        ("cumsum_train_losses", F32, vec![600]),
    ];
    let metadata = [
        ("seed", "0"),
        ("signal_length", "200"),
        ("signal_segments", "[(50, 1.0), (70, -1.5), (40, 0.5), (40, 2.0)]"),
        ("observed_measurements", "60"),
        ("output_noise_std", "0.1"),
        ("weight_init_scale_simple", "0.0001"),
        ("weight_init_scale_cumsum", "0.3"),
        ("num_steps", STEPS),
        ("num_steps_for_acc", "1500000"),
        ("learning_rate_simple", "0.01"),
        ("learning_rate_cumsum", "0.001"),
        ("log_every", "1"),
        ("device", "cpu"),
    ];
    holds(&reference, "fig_05_tv_", &tensors, &metadata);
    values_are_those_of_the_first_seed(&folder);
    a_spec_runs_on_their_data(&folder);
}

/// The file against the run that it is of.
fn values_are_those_of_the_first_seed(folder: &Folder) {
    let file =
        |name: &str| common::read_tensors(&folder.path("reference").join(format!("{name}gaugebias.safetensors")));
    let log = |name: &str| common::read_tensors(&folder.path("runs/reproduce").join(name).join("log.safetensors"));
    let (written, logged) = (file("fig_02_matcomp_"), log("matrix-completion"));
    assert_eq!(written["steps"].values, [0.0, 600.0]);
    // [records, seeds, 20] → [20, records] of the first seed, doubled.
    for record in 0..2 {
        for index in 0..20 {
            let sigma = logged["singular_values"].values[record * 40 + index];
            assert_eq!(written["emp_ib"].values[index * 2 + record], 2.0 * sigma);
            let ratio = logged["ratio"].values[record * 40 + index];
            assert_eq!(written["pq_norm_ratios"].values[index * 2 + record], ratio);
        }
    }
    let (written, logged) = (file("fig_05_tv_"), log("total-variation"));
    let last = &logged["w"].values[logged["w"].values.len() - 400..];
    assert_eq!(written["w_cumsum"].values, last[..200]);
    // The loss of every step meets that of the ensemble where both have one.
    let (first, own) = (written["cumsum_train_losses"].values[0], logged["loss"].values[0]);
    assert!((first / own - 1.0).abs() < 1e-5, "{first} and {own}");
    let residual = |w: &[f64]| -> f64 {
        let rows = written["ameas"].values.chunks(200).zip(&written["ymeas"].values);
        let one = |(row, y): (&[f64], &f64)| (row.iter().zip(w).map(|(a, w)| a * w).sum::<f64>() - y).powi(2);
        rows.map(one).sum::<f64>() / 60.0
    };
    let (own, after) = (logged["loss"].values[2], residual(&written["w_cumsum"].values));
    assert!((own / after - 1.0).abs() < 1e-3, "{own} and {after}");
}

/// The authors' data take the place of our own.
fn a_spec_runs_on_their_data(folder: &Folder) {
    let spec = std::fs::read_to_string(common::experiments("follow-up/spectral-from-file.toml")).expect("it is there");
    let loaded = "../data/fig_04_spectralsparse_sample.safetensors";
    assert_eq!(spec.matches(loaded).count(), 3);
    folder.write("theirs.toml", spec.replace(loaded, "reference/fig_04_spectralsparse_gaugebias.safetensors"));
    let command = ["simulate", "theirs.toml", "--steps", STEPS, "--seeds", "1", "--out", "theirs"];
    folder.run(&command).ends_with(0);
    let written = common::read_tensors(&folder.path("reference/fig_04_spectralsparse_gaugebias.safetensors"));
    let logged = common::read_tensors(&folder.path("theirs/log.safetensors"));
    // Equal data and equal draws of the start: the same training, up to the rounding of data to single precision.
    let (ours, theirs) = (&written["hadamard_train_losses_ur"].values, &logged["train_loss"].values);
    assert!((theirs[0] / ours[0] - 1.0).abs() < 1e-4, "{} and {}", theirs[0], ours[0]);
    let last = &logged["w"].values[logged["w"].values.len() - 64..];
    let difference = last.iter().zip(&written["w_hadamard_ur"].values).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    let largest = last.iter().fold(0.0f64, |m, x| m.max(x.abs()));
    assert!(difference < 1e-3 * largest, "{difference} of {largest}");
}

fn start(folder: &Folder, arguments: &[&str]) -> Child {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("gaugebias"));
    command.current_dir(folder.path("")).args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("the program starts")
}

/// The tensors of all runs.
fn tensors(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let results = |name: &str| name.ends_with("log.safetensors") || name.ends_with("final.safetensors");
    files(folder).into_iter().filter(|(name, _)| results(name)).collect()
}

#[test]
fn a_killed_reproduction_goes_on_with_what_is_missing() {
    let folder = Folder::new();
    let arguments = |out| ["reproduce", "all", "--seeds", "3", "--steps", "4000", "--out", out];
    folder.run(&arguments("whole")).ends_with(0);
    let mut killed = 0;
    for pause in [30, 400, 900, 1_700] {
        let mut child = start(&folder, &arguments("killed"));
        std::thread::sleep(Duration::from_millis(pause));
        child.kill().expect("a child can be killed");
        killed += usize::from(!child.wait().expect("it ends").success());
    }
    assert!(killed > 0, "every run ended before it was killed");
    folder.run(&arguments("killed")).ends_with(0);
    let (whole, pieces) = (tensors(&folder.path("whole")), tensors(&folder.path("killed")));
    assert!(whole.keys().eq(pieces.keys()) && whole.len() == 18, "{:?}", pieces.keys());
    assert!(whole.iter().all(|(name, bytes)| *bytes == pieces[name]));
    // Nothing is missing: nothing is simulated, and the report is drawn from what is there.
    let again = folder.run(&arguments("killed")).ends_with(0);
    assert!(!again.stderr.contains("seeds ×"), "{}", again.stderr);
    assert!(tensors(&folder.path("killed")) == whole);
    // One experiment's results are lost: that one is run again, alone.
    std::fs::remove_dir_all(folder.path("killed/shallow-relu")).expect("it is there");
    let again = folder.run(&arguments("killed")).ends_with(0);
    assert_eq!(again.stderr.matches("seeds ×").count(), 1, "{}", again.stderr);
    assert!(again.stderr.contains("Shallow ReLU"), "{}", again.stderr);
    assert!(tensors(&folder.path("killed")) == whole);

    let other = folder.run(&["reproduce", "all", "--seeds", "4", "--steps", "4000", "--out", "killed"]).ends_with(2);
    assert!(other.stderr.contains("seeds is 3, expected 4"), "{}", other.stderr);
    let forced = ["reproduce", "shallow-relu", "--seeds", "4", "--steps", "40", "--out", "killed", "--force"];
    folder.run(&forced).ends_with(0);
}

#[test]
fn one_experiment_has_its_numbers_charges_and_verdicts() {
    let folder = Folder::new();
    let command = ["reproduce", "shallow-relu", "--seeds", "4", "--stage", "plot", "--json", "--threads", "2"];
    let object = folder.run(&command).ends_with(0).object();
    let numbers = object["numbers"].as_array().expect("a list");
    assert_eq!(numbers.len(), 2);
    for number in numbers {
        assert_eq!((&number["stage"], &number["steps"], &number["seeds"]), (&"plot".into(), &40_000.into(), &4.into()));
        let [low, median, high] = ["low", "median", "high"].map(|field| number[field].as_f64().expect("a number"));
        assert!(low <= median && median <= high);
        let inside = (low..=high).contains(&number["published"].as_f64().expect("a number"));
        assert_eq!(number["inside"], inside, "{number}");
        assert_eq!(number["verdict"].as_str().expect("words").starts_with("inside"), inside, "{number}");
    }
    let finding = object["findings"][0].as_str().expect("a sentence");
    assert!(finding.contains("by growth") && finding.contains("step identity"), "{finding}");
    let written = files(&folder.path("runs/reproduce"));
    for figure in ["1-ratio", "1-ratio-charge-kept", "1-ratio-charge-change", "2-loss"] {
        assert!(written.contains_key(&format!("figures/shallow-relu-{figure}.svg")), "{figure}: {:?}", written.keys());
    }
    let page = String::from_utf8(written["report.html"].clone()).expect("UTF-8");
    assert!(page.contains("Published numbers and ours") && page.contains("0.939"), "{page:.500}");
    assert!(!page.contains("src=\"http") && !page.contains("href=\"http"));
    // It is an ordinary run folder too.
    folder.run(&["report", "runs/reproduce/shallow-relu"]).ends_with(0);
}

#[test]
fn what_cannot_be_reproduced_is_refused() {
    let folder = Folder::new();
    folder.write("spec.toml", common::BATCHES);
    let finished = folder.run(&["reproduce", "spec.toml"]).ends_with(2);
    assert!(finished.stderr.contains("[published]") && finished.stderr.contains("shallow-relu"), "{}", finished.stderr);
    let finished = folder.run(&["reproduce", "shalow-relu"]).ends_with(2);
    assert!(finished.stderr.contains("shallow-relu"), "{}", finished.stderr);
    std::fs::create_dir(folder.path("thesis")).expect("a folder");
    folder.write("thesis/report.html", "three years of work");
    let command = ["reproduce", "gauge-picture", "--out", "thesis"];
    assert!(folder.run(&command).ends_with(2).stderr.contains("not a reproduction"));
    // A folder of an experiment's name is not taken for a spec.
    std::fs::create_dir(folder.path("gauge-picture")).expect("a folder");
    folder.run(&["simulate", "gauge-picture", "--seeds", "2", "--steps", "3"]).ends_with(0);
    // Where files cannot be written is found out before the runs.
    let command = ["reproduce", "gauge-picture", "--out", "never", "--reference-format", "thesis/report.html/files"];
    assert!(folder.run(&command).ends_with(2).stderr.contains("report.html/files"));
    assert!(!folder.path("never").exists());
    let wrong = "[param]\nw = 1.0\n[model]\nloss = \"w**2\"\n[published]\n";
    for (line, expected) in [
        ("stage = \"accuracy\"", "accuracy_steps"),
        ("steps = 3", "`steps` is not a key of [published]"),
        ("double = [\"x\"]", "not one of its tensors"),
        ("[[published.number]]\nwhat = \"w\"\nvalue = 1.0", "an `ours`"),
        ("[published.metadata]\na = [1]", "a number or a text"),
    ] {
        folder.write("wrong.toml", format!("{wrong}{line}"));
        let finished = folder.run(&["reproduce", "wrong.toml"]).ends_with(2);
        let told = finished.stderr.replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told.contains(expected), "{line}: {}", finished.stderr);
    }
    // Expressions are checked before anything is run.
    let number = |ours: &str| {
        format!("[log]\nws = \"[w, w]\"\n[[published.number]]\nwhat = \"w\"\nvalue = 1.0\nours = \"{ours}\"")
    };
    for (ours, expected) in [("lots", "`lots`"), ("ws", "shape (2")] {
        folder.write("unknown.toml", format!("{}{}", wrong.replace("[published]\n", ""), number(ours)));
        let finished = folder.run(&["reproduce", "unknown.toml", "--out", "never"]).ends_with(2);
        assert!(finished.stderr.contains(expected), "{}", finished.stderr);
        assert!(!folder.path("never").exists());
    }
}
