//! Wrong input ends with status 2 and one message that names file and place, for every command that takes a spec.

mod common;

use common::{Finished, Folder};

const RUN: &[&str] = &["run", "spec.toml", "--out", "results"];
const DERIVE: &[&str] = &["derive", "spec.toml", "--json"];
const BALANCE: &[&str] = &["balance", "spec.toml", "--at", "initial", "-o", "balanced.safetensors"];
const SIMULATE: &[&str] = &["simulate", "spec.toml", "--json"];
const VERIFY: &[&str] = &["verify", "spec.toml", "--json"];
const EVERY: &[&[&str]] = &[RUN, DERIVE, BALANCE, SIMULATE, VERIFY];
const TRAINING: &[&[&str]] = &[RUN, SIMULATE, VERIFY];

/// A right spec; each test breaks one line of it.
const RIGHT: &str = "\
[data]
X = \"normal(8, 3)\"
[param]
u = \"normal(3)\"
v = \"normal(3)\"
[model]
predictor = \"u * v\"
loss = \"mean((X @ predictor - 1)**2)\"
[train]
steps = 4
[log]
w = \"predictor\"
[verify]
law = \"horizontal\"
observable = \"predictor[0]\"
";

#[track_caller]
fn broken(line: &str, by: &str) -> String {
    assert_eq!(RIGHT.matches(line).count(), 1, "{line}");
    RIGHT.replacen(line, by, 1)
}

fn without_law() -> &'static str {
    RIGHT.split("[verify]").next().expect("a split has a first part")
}

/// The message of a refusal, after checking its form.
#[track_caller]
fn refused(finished: Finished) -> String {
    let finished = finished.ends_with(2);
    assert_eq!(finished.stdout, "");
    let message = finished.stderr;
    assert!(!message.trim().is_empty());
    assert!(!message.contains("RUST_BACKTRACE"), "{message}");
    // One message: one mark of an error, and not a page of consequences.
    let marks = message.lines().filter(|line| line.trim_start().starts_with('×') || line.starts_with("error")).count();
    assert_eq!(marks, 1, "{message}");
    message
}

/// Every command refuses the spec; the message holds all of `expected`.
#[track_caller]
fn refuse(commands: &[&[&str]], spec: impl AsRef<[u8]>, place: &str, expected: &[&str]) {
    for command in commands {
        let folder = Folder::new();
        folder.write("spec.toml", &spec);
        let message = refused(folder.run(command));
        // Long messages are wrapped, with a bar in front of each line.
        let joined = message.replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ");
        for expected in [place].iter().chain(expected) {
            assert!(joined.contains(expected), "{command:?}: no {expected:?} in\n{message}");
        }
    }
}

#[test]
fn the_right_spec_is_right() {
    for command in [RUN, DERIVE, BALANCE, SIMULATE] {
        let folder = Folder::new();
        // The law needs noise, which `run` refuses; the rest is right.
        folder.write("spec.toml", if command == RUN { without_law() } else { RIGHT });
        folder.run(command).ends_with(0);
    }
}

#[test]
fn unknown_names_and_functions_are_underlined_with_a_near_miss() {
    refuse(EVERY, broken("u * v", "u * w2"), "spec.toml:7:18", &["w2"]);
    refuse(EVERY, broken("mean((X @", "mena((X @"), "spec.toml:8:9", &["mena", "did you mean `mean`?"]);
    refuse(
        EVERY,
        broken("X @ predictor", "X @ predictr"),
        "spec.toml:8:19",
        &["predictr", "did you mean `predictor`?"],
    );
}

#[test]
fn shapes_that_do_not_fit_are_shown_where_they_meet() {
    let long = "mean((X @ predictor - 1)**2) + 0.1 * sum(tanh(u + X[:4, :2] @ (u * 2)))";
    refuse(EVERY, broken("mean((X @ predictor - 1)**2)", long), "spec.toml:8:59", &["4, 2", "(3"]);
}

#[test]
fn cyclic_names_are_called_so() {
    let cycle = "predictor = \"u * v\"\na = \"b + 1\"\nb = \"a + 1\"";
    refuse(EVERY, broken("predictor = \"u * v\"", cycle), "spec.toml:8:6", &["b"]);
    refuse(EVERY, broken("u * v", "predictor * v"), "spec.toml:7:14", &["predictor"]);
    refuse(EVERY, broken("u = \"normal(3)\"", "u = \"2 * v\""), "spec.toml:4:10", &["v"]);
}

#[test]
fn numbers_out_of_range_are_refused() {
    refuse(EVERY, broken("steps = 4", "steps = -4"), "spec.toml:10:9", &["-4", "steps"]);
    refuse(EVERY, broken("steps = 4", "steps = \"4\""), "spec.toml:10:10", &["steps"]);
    refuse(EVERY, broken("steps = 4", "step = 4"), "spec.toml:10:1", &["step", "did you mean `steps`?"]);
    refuse(EVERY, broken("steps = 4", "step_size = nan"), "spec.toml:10:13", &["step_size"]);
    refuse(EVERY, broken("[log]", "[log]\nevery = 0"), "spec.toml:12:9", &["every"]);
    refuse(EVERY, broken("[log]", "[ensemble]\nseeds = 0\n[log]"), "spec.toml:12:9", &["seeds"]);
    refuse(EVERY, broken("[log]", "[logs]"), "spec.toml:11:2", &["logs", "did you mean `log`?"]);
}

/// Each flag is refused in one message that says what to give instead, before anything is allocated.
#[test]
fn absurd_numbers_of_seeds_steps_and_threads_are_refused() {
    let folder = Folder::new();
    folder.write("spec.toml", without_law());
    let seeds = ["0", "-3", "1000000000000", "9223372036854775807", "18446744073709551616", "many"];
    let steps = ["-1", "9223372036854775807", "99999999999999999999", "1e3"];
    let threads = ["0", "1025", "65536", "99999999999999999999"];
    for (flag, numbers, expected) in [
        ("--seeds", &seeds[..], "give a whole number from 1 to 100000000;"),
        ("--steps", &steps, "give a whole number from 0 to 1000000000000000;"),
        ("--threads", &threads, "give a whole number from 1 to 1024, or leave --threads out for all cores"),
    ] {
        for number in numbers {
            for command in ["run", "simulate", "derive", "verify"] {
                let message = refused(folder.run(&[command, "spec.toml", &format!("{flag}={number}")]));
                assert!(message.contains(expected) && message.contains(number), "{message}");
            }
        }
    }
    let none = refused(folder.run(&["reproduce", "shallow-relu", "--steps", "0"]));
    assert!(none.contains("from 1 to"), "{none}");
    // The same numbers in the spec are underlined there; what is merely too much says how much there is.
    refuse(EVERY, broken("[log]", "[ensemble]\nseeds = 1000000000000\n[log]"), "spec.toml:12:9", &["to 100000000"]);
    refuse(EVERY, broken("steps = 4", "steps = 9000000000000000000"), "spec.toml:10:9", &["to 1000000000000000"]);
    for command in ["run", "simulate"] {
        for flags in [["--seeds", "100000000"], ["--steps", "1000000000000000"]] {
            let wide = ["--set", "data.X=\"normal(800, 3)\"", "--set", "log.every=1"];
            let message = refused(folder.run(&[&[command, "spec.toml"], &flags[..], &wide].concat()));
            assert!(message.contains("MiB of memory") && message.contains("use fewer seeds"), "{message}");
        }
    }
    assert!(!folder.path("runs").exists());
}

#[test]
fn a_loss_without_parameters_is_refused() {
    let commands = &[RUN, SIMULATE];
    let expected = ["depends on no parameter", "nothing to train", "(u, v)"];
    refuse(commands, broken("X @ predictor", "X @ [1, 2, 3]"), "spec.toml:8:9", &expected);
    refuse(commands, broken("mean((X @ predictor - 1)**2)", "sum(sign(u))"), "spec.toml:8:9", &expected);
    // One parameter of two is enough, and so is noise.
    let folder = Folder::new();
    folder.write("half.toml", without_law().replace("X @ predictor", "X @ u"));
    let noise = "optimizer = \"langevin\"\nnoise = \"isotropic\"\ntemperature = 0.1\nsteps = 4";
    folder.write("noise.toml", without_law().replace("X @ predictor", "X @ [1, 2, 3]").replace("steps = 4", noise));
    folder.run(&["simulate", "half.toml"]).ends_with(0);
    folder.run(&["simulate", "noise.toml"]).ends_with(0);
}

/// A run that would take for ever, so that the message can only come before it.
#[test]
fn a_law_that_cannot_be_tested_is_refused_before_the_run() {
    let long = "steps = 4000000000000";
    for (spec, expected) in [
        (RIGHT.replace("steps = 4", long), "temperature > 0"),
        (common::LAW.replace("steps = 3000", long).replace("sqrt(1.2)", "normal()"), "start at different points"),
        (common::LAW.replace("steps = 3000", long).replace("burn_in = 1000", "burn_in = 5000000000000"), "0 samples"),
    ] {
        let folder = Folder::new();
        folder.write("spec.toml", spec);
        let seldom = ["--set", "log.every=100000000000", "--set", "verify.thin=100000000000"];
        let message = refused(folder.run(&[RUN, &seldom[..]].concat()));
        assert!(message.contains(expected) && message.contains("leave [verify] out"), "{message}");
        assert!(!folder.path("results").exists());
    }
}

#[test]
fn a_loss_is_a_scalar() {
    refuse(TRAINING, broken("mean((X @ predictor - 1)**2)", "(X @ predictor - 1)**2"), "spec.toml:8:9", &["loss", "8"]);
}

#[test]
fn files_of_numbers_have_to_be_there_and_whole() {
    let spec = broken("normal(8, 3)", "load('table.csv')");
    for command in EVERY {
        for (table, place, what) in [
            (None, "spec.toml:2:", "table.csv"),
            (Some("1,2,3\n4,NaN,6\n"), "table.csv", "NaN"),
            (Some("1,2,3\n4,inf,6\n"), "table.csv", "inf"),
            (Some("1,2,3\n4,5\n"), "table.csv", "2"),
            (Some("1,2,3\n4,x,6\n"), "table.csv", "x"),
            (Some(""), "table.csv", "no numbers"),
        ] {
            let folder = Folder::new();
            folder.write("spec.toml", &spec);
            if let Some(table) = table {
                folder.write("table.csv", table);
            }
            let message = refused(folder.run(command));
            assert!(message.contains("spec.toml:2:"), "{command:?} {table:?}:\n{message}");
            assert!(message.contains(place) && message.contains(what), "{command:?} {table:?}:\n{message}");
            // A wrong cell is found in the table, not only in the spec.
            let of_row = ["line 2", "row 2", "table.csv:2", "row 1"].iter().any(|row| message.contains(row));
            assert!(of_row || table.is_none_or(|table| !table.contains('\n')), "{command:?} {table:?}:\n{message}");
        }
    }
}

#[test]
fn what_does_not_fit_into_memory_is_refused_before_it_is_tried() {
    let huge = broken("u = \"normal(3)\"", "u = \"normal(3) + sum(zeros(1000000, 1000000))\"");
    refuse(EVERY, huge, "spec.toml:4:", &["1000000"]);
    let huge = broken("v = \"normal(3)\"", "v = \"normal(3000000, 1000000)[0, :3]\"");
    refuse(EVERY, huge, "spec.toml:5:", &["1000000"]);
    let huge = broken("[model]", "[model]\nbig = \"outer(arange(1000000), arange(1000000))\"");
    refuse(EVERY, huge, "spec.toml:7:", &["1000000"]);
    let overflow = broken("[model]", "[model]\nbig = \"zeros(4294967296, 4294967296, 4294967296)\"");
    refuse(EVERY, overflow, "spec.toml:7:", &["4294967296"]);
    let log = broken("steps = 4", "steps = 4000000000").replace("[log]", "[log]\nevery = 1");
    // `verify` says first that no law is known of such a run.
    refuse(&[RUN, SIMULATE], log, "MiB", &["memory", "free"]);
    let seeds = broken("[log]", "[ensemble]\nseeds = 90000000\n[log]");
    refuse(&[RUN, SIMULATE], seeds, "MiB", &["memory", "free"]);
}

/// Sizes that are fine one by one and too much together, or in sixteen lanes, or as a Jacobian.
#[test]
fn what_adds_up_to_too_much_memory_is_refused_too() {
    let drawn = |count: usize| (0..count).map(|at| format!("D{at} = \"normal(8000, 8000)\"\n")).collect::<String>();
    let data = broken("[param]", &format!("{}[param]", drawn(4000)));
    refuse(&[DERIVE, BALANCE, SIMULATE], &data, "MiB", &["memory", "free"]);
    refuse(&[SIMULATE], data + "[ensemble]\nshared_data = true\n", "MiB", &["memory", "free"]);
    // Drawn anew at every step, and all at once.
    let sum = (0..150).map(|at| format!(" + mean(D{at})")).collect::<String>();
    let batch = RIGHT.replace("[model]", &format!("[batch]\n{}[model]", drawn(150)));
    let batch = batch.replace("u * v", &format!("u * v{sum}"));
    refuse(&[DERIVE, BALANCE, SIMULATE], batch, "MiB", &["memory", "free"]);
    let wide = RIGHT.replace("normal(3)", "normal(8000000)").replace("normal(8, 3)", "normal(1, 8000000)");
    refuse(&[DERIVE, BALANCE], wide, "Jacobian", &["8000000", "smaller sizes"]);
}

#[test]
fn deep_nesting_is_refused_not_a_stack_overflow() {
    let deep = format!("{}u * v{}", "(".repeat(5000), ")".repeat(5000));
    refuse(EVERY, broken("u * v", &deep), "spec.toml:7:", &["nest"]);
    refuse(EVERY, broken("u * v", &format!("{}u", "-".repeat(5000))), "spec.toml:7:", &["nest"]);
    refuse(EVERY, broken("u * v", &format!("{}1{}", "[".repeat(5000), "]".repeat(5000))), "spec.toml:7:", &["nest"]);
    let deep_toml = format!("x = {}{}\n{RIGHT}", "[".repeat(5000), "]".repeat(5000));
    refuse(EVERY, deep_toml, "spec.toml:1:", &[]);
}

/// A chain of operators is a deep tree too, though nothing in it is nested: it works, or is refused.
#[test]
fn a_long_sum_does_not_overflow_the_stack() {
    let long = format!("u * v{}", " + 0 * u".repeat(5000));
    for command in [RUN, DERIVE, SIMULATE] {
        let folder = Folder::new();
        folder.write("spec.toml", broken("u * v", &long));
        let finished = folder.run(command);
        assert!(matches!(finished.status, Some(0..=2)), "{command:?}: {:?}", finished.status);
        assert!(!finished.stderr.contains("panicked"), "{}", finished.stderr);
    }
}

#[test]
fn files_that_are_no_specs_are_refused() {
    let mut bytes = RIGHT.as_bytes().to_vec();
    let at = RIGHT.find("u * v").unwrap();
    bytes[at] = 0xff;
    refuse(EVERY, bytes, "spec.toml:7:14", &["UTF-8", "0xff"]);
    refuse(EVERY, "", "spec.toml", &["[model]"]);
    refuse(EVERY, "[param\nu = 1", "spec.toml:1:", &["TOML"]);
    refuse(EVERY, [0u8; 64], "spec.toml:1:", &[]);
    refuse(EVERY, "[model]\npredictor = \"u\"", "spec.toml", &["[param]"]);
    for command in EVERY {
        let folder = Folder::new();
        let missing = refused(folder.run(command));
        assert!(missing.contains("spec.toml") && missing.contains("shallow-relu"), "{missing}");
        std::fs::create_dir(folder.path("spec.toml")).unwrap();
        let directory = refused(folder.run(command));
        assert!(directory.contains("spec.toml"), "{directory}");
    }
}

#[test]
fn overrides_are_checked_like_the_spec() {
    for command in EVERY {
        for (wrong, expected) in [
            ("train.step_sise=0.1", "did you mean `step_size`?"),
            ("train.steps=-1", "-1"),
            ("trian.steps=1", "did you mean `train`?"),
            ("train.steps", "="),
            ("model.predictor=\"u * w2\"", "w2"),
        ] {
            let folder = Folder::new();
            folder.write("spec.toml", RIGHT);
            let message = refused(folder.run(&[command, &["--set", wrong][..]].concat()));
            assert!(message.contains(expected), "{command:?} {wrong}:\n{message}");
        }
        let folder = Folder::new();
        folder.write("spec.toml", RIGHT);
        let message = refused(folder.run(&[command, &["--variant", "other"][..]].concat()));
        assert!(message.contains("other") && message.contains("spec.toml"), "{message}");
    }
}

/// Permissions do not stop every user, but nobody can make a folder below a file.
#[test]
fn folders_that_cannot_be_written_are_refused_before_the_run() {
    let folder = Folder::new();
    folder.write("spec.toml", without_law().replace("steps = 4", "steps = 4000000000000"));
    folder.write("file", "");
    for out in ["file/results", "file"] {
        for command in ["run", "simulate"] {
            let seldom = ["--set", "log.every=100000000000"];
            let message = refused(folder.run(&[&[command, "spec.toml", "--out", out], &seldom[..]].concat()));
            assert!(message.contains(out), "{message}");
        }
    }
    folder.write("spec.toml", RIGHT);
    let message = refused(folder.run(&["balance", "spec.toml", "--at", "initial", "-o", "file/balanced.safetensors"]));
    assert!(message.contains("file/balanced.safetensors") || message.contains("file"), "{message}");
}

#[test]
fn a_run_folder_is_kept_without_force() {
    let folder = Folder::new();
    folder.write("spec.toml", without_law());
    std::fs::create_dir(folder.path("results")).unwrap();
    folder.write("results/thesis.txt", "three years of work");
    for command in ["run", "simulate"] {
        let message = refused(folder.run(&[command, "spec.toml", "--out", "results"]));
        assert!(message.contains("results") && message.contains("--force"), "{message}");
        assert_eq!(std::fs::read_dir(folder.path("results")).unwrap().count(), 1);
    }
    folder.run(&["simulate", "spec.toml", "--out", "results", "--force"]).ends_with(0);
    assert!(folder.path("results/log.safetensors").exists());
    assert!(folder.path("results/thesis.txt").exists());
}

#[test]
fn parameters_from_a_file_have_to_fit() {
    let folder = Folder::new();
    folder.write("spec.toml", RIGHT);
    folder.write("text.safetensors", "not tensors");
    let mut normals = common::Normals::new(1);
    let mut tensors = std::collections::BTreeMap::from([("u".to_owned(), normals.tensor(&[3]))]);
    common::write_tensors(&folder.path("missing.safetensors"), &tensors);
    tensors.insert("v".into(), normals.tensor(&[4]));
    common::write_tensors(&folder.path("shape.safetensors"), &tensors);
    tensors.insert("v".into(), common::Tensor { shape: vec![3], values: vec![1.0, f64::NAN, 2.0] });
    common::write_tensors(&folder.path("nan.safetensors"), &tensors);
    for (file, expected) in [
        ("absent.safetensors", "absent.safetensors"),
        ("text.safetensors", "text.safetensors"),
        ("missing.safetensors", "`v`"),
        ("shape.safetensors", "[3]"),
        ("nan.safetensors", "not finite"),
    ] {
        let derive = ["derive", "spec.toml", "--json", "--at", file];
        let balance = ["balance", "spec.toml", "--at", file, "-o", "out.safetensors"];
        for command in [&derive[..], &balance] {
            let message = refused(folder.run(command));
            assert!(message.contains(file) && message.contains(expected), "{message}");
            // What is read with --at was never called a run folder.
            assert!(!message.contains("run folder"), "{message}");
        }
    }
    assert!(!folder.path("out.safetensors").exists());
}

#[test]
fn a_folder_that_is_no_run_folder_is_refused() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("empty")).unwrap();
    folder.write("file", "");
    for name in ["empty", "absent", "file"] {
        let message = refused(folder.run(&["report", name]));
        assert!(message.contains(name), "{message}");
    }
    assert!(refused(folder.run(&["verify", "empty"])).contains("empty"));
}
