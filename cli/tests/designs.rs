//! `design`: every target is printed, proven and derived by the other commands; what cannot be had is refused with status 2.

mod common;

use common::Folder;

const TARGETS: [&[&str]; 13] = [
    &["sparsity", "--size", "6"],
    &["sparsity", "--size", "64", "--depth", "3"],
    &["sign", "--size", "6", "--negative"],
    &["group", "--groups", "3,3,2"],
    &["low-rank", "--size", "4"],
    &["total-variation", "--size", "8"],
    &["trend", "--size", "8", "--order", "2"],
    &["dct", "--size", "6"],
    &["fourier", "--size", "7"],
    &["haar", "--size", "8"],
    &["graph", "--edges", "edges.csv"],
    &["custom", "--penalty", "abs(w)", "--domain=-4,4", "--size", "3"],
    &["blocks", "--blocks", "sparsity:2,depth=3; group:3+2; low-rank:2x2; free:2; graph,edges=edges.csv; trend:4"],
];

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("edges.csv", "from,to\n0,1\n1,2\n1,3\n4,5\n");
    folder.write("cycle.csv", "0,1\n1,2\n2,0\n");
    folder.write("empty.csv", "");
    folder.write("table.csv", "-4,2\n0,0\n4,2\n");
    folder.write("wrong.csv", "0,1\n1;2\n");
    folder
}

#[test]
fn every_target_is_proven_and_its_spec_is_a_spec() {
    let folder = folder();
    for target in TARGETS {
        for regime in ["noise", "minibatch", "flow"] {
            // |w| is a penalty of two regimes; as a mirror potential it has no curvature.
            let penalty = if regime == "flow" && target[0] == "custom" { "w**2" } else { "abs(w)" };
            let own: Vec<&str> = target.iter().map(|word| if *word == "abs(w)" { penalty } else { word }).collect();
            let asked = [&["design", "--target"], own.as_slice(), &["--regime", regime]].concat();
            let told = folder.run(&[asked.as_slice(), &["--json"]].concat()).ends_with(0).object();
            assert_eq!(told["proof"]["holds"], true, "{asked:?}: {told}");
            assert_eq!(told["exact"], true, "{asked:?}");
            assert_eq!(told["shown"], told["biases"][regime]);
            let spec = folder.run(&[asked.as_slice(), &["--emit", "spec"]].concat()).ends_with(0).stdout;
            assert_eq!(spec.trim_end(), told["spec"].as_str().unwrap().trim_end());
            folder.write("design.toml", &spec);
            folder.run(&["simulate", "design.toml", "--steps", "3", "--seeds", "1"]).ends_with(0);
        }
    }
}

/// Without injected noise a group starts where the data can give it any direction.
#[test]
fn groups_start_without_a_direction() {
    let folder = folder();
    for (regime, start) in [("flow", "zeros(2, 3)"), ("minibatch", "zeros(2, 3)"), ("noise", "full([2, 3], ")] {
        let asked = ["design", "--target", "group", "--groups", "3,3", "--link", "product", "--regime", regime];
        let spec = folder.run(&[asked.as_slice(), &["--emit", "spec"]].concat()).ends_with(0).stdout;
        assert!(spec.contains(&format!("x = \"{start}")), "{spec}");
        folder.write("design.toml", &spec);
        folder.run(&["simulate", "design.toml", "--steps", "3", "--seeds", "1"]).ends_with(0);
    }
}

#[test]
fn code_is_printed_for_every_framework() {
    let folder = folder();
    for target in TARGETS {
        for (framework, needle) in
            [("torch", "register_parametrization"), ("jax", "import equinox"), ("flax", "from flax import linen")]
        {
            let asked = [&["design", "--target"], target, &["--emit", framework]].concat();
            let code = folder.run(&asked).ends_with(0).stdout;
            for wanted in [needle, "def _weight(", "def _parameters(", "def _charges(", "effective_weight"] {
                assert!(code.contains(wanted), "{asked:?}: no `{wanted}`");
            }
            assert!(!code.contains("xp."), "{asked:?}");
        }
    }
}

/// Nothing of the size of w squared is built for a design without an operator.
#[test]
fn large_designs_are_proven_at_a_small_copy() {
    let told = folder().run(&["design", "--target", "sparsity", "--size", "65536", "--json"]).ends_with(0).object();
    assert_eq!(told["example"]["predictor"].as_array().unwrap().len(), 65_536);
}

#[test]
fn what_cannot_be_had_is_the_inputs_fault() {
    let folder = folder();
    for (arguments, needle) in [
        (&["sparsity", "--size", "3", "--strength", "1"][..], "every finite D"),
        (&["sparsity"], "--size"),
        (&["custom", "--penalty", "log(abs(w))", "--domain=-1,1", "--size", "2"], "not integrable"),
        (&["custom", "--penalty", "abs(v)", "--domain=-1,1", "--size", "2"], "`v` is not known"),
        (&["custom", "--penalty", "abs(w)", "--domain=-1", "--size", "2"], "expected two"),
        (&["custom", "--penalty", "abs(w)", "--domain=-1,1", "--size", "2", "--regime", "flow"], "convex"),
        (&["graph", "--edges", "cycle.csv"], "singular"),
        (&["graph", "--edges", "wrong.csv"], "wrong.csv, line 2"),
        (&["graph", "--edges", "none.csv"], "cannot be read"),
        (&["haar", "--size", "12"], "power of two"),
        (&["blocks"], "--blocks"),
        (&["sparsity", "--size", "2", "--blocks", "free:2"], "--target blocks"),
        (
            &["blocks", "--blocks", "sparsity:2; graph,edges=cycle.csv"],
            "block 2 `graph,edges=cycle.csv`: the operator is singular",
        ),
        (&["blocks", "--blocks", "sparsity:2; graph,edges=none.csv"], "none.csv cannot be read"),
        (&["sparsity", "--groups", "3,3"], "two penalties of the same coordinates"),
        (&["nothing"], "possible values"),
        (&["sparsity", "--size", "6", "--columns", "2"], "of low-rank"),
        (&["total-variation", "--size", "6", "--order", "3"], "of trend"),
        (&["sign", "--size", "6", "--link", "product"], "--link"),
        (&["haar", "--size", "8", "--tolerance", "1e-6"], "--penalty"),
        (&["sparsity", "--size", "6", "--seeds", "8"], "--out"),
        (&["sparsity", "--size", "6", "--lambda", "0.1", "--batch", "3"], "--data"),
        (&["sparsity", "--size", "6", "--lambda", "0.1", "--step-size", "0.1"], "--data"),
        (&["low-rank", "--size", "1"], "no rank that could be low"),
        (&["graph", "--edges", "empty.csv"], "empty.csv, line 1: no edges are there"),
        (&["custom", "--penalty", "sum(w)", "--domain=-1,1", "--size", "2"], "depends on the others"),
        (&["sparsity", "--size", "6", "--emit", "torch", "--lambda", "0.1"], "cannot be used with"),
        (&["blocks", "--blocks", "sparsity:3", "--depth", "4"], "--depth"),
        (&["sparsity", "--size", "6", "--lambda", "inf"], "finite"),
        (&["sparsity", "--size", "6", "--scale", "0", "--regime", "flow"], "--scale"),
        (&["sparsity", "--size", "6", "--scale", "nan"], "--scale"),
        (&["sparsity", "--size", "6", "--strength", "0.9999999"], "range of f64"),
        (&["sparsity", "--size", "6", "--depth", "64", "--emit", "torch"], "2 to 20 factors"),
        (&["custom", "--penalty-table", "table.csv", "--domain=-6,6", "--size", "2"], "there the table ends"),
    ] {
        let said = folder.run(&[&["design", "--target"], arguments].concat()).ends_with(2);
        assert!(said.stderr.contains(needle), "{arguments:?}: {}", said.stderr);
        assert_eq!(said.stdout, "");
    }
    folder.run(&["design", "--target", "graph", "--edges", "cycle.csv", "--spanning-forest"]).ends_with(0);
}

/// 256 seeds: the estimate's error is about 0.04 nats in each of 24 bins, and the band holds all of them with 95 %.
#[test]
fn a_folder_holds_spec_code_and_a_simulated_law() {
    let folder = folder();
    for (target, name) in [
        (&["sparsity", "--size", "4"][..], "sparse"),
        (&["group", "--groups", "2"], "group"),
        (&["custom", "--penalty", "0.3 * log(abs(w)) + w**2 / 8", "--domain=-4,4", "--size", "2"], "custom"),
    ] {
        let asked = [&["design", "--target"], target, &["--out", name, "--seeds", "256", "--steps", "10000", "--json"]]
            .concat();
        let told = folder.run(&asked).ends_with(0).object();
        let law = &told["simulation"];
        assert_eq!(law["verdict"], "agrees", "{law}");
        assert!(law["ks"].as_f64().unwrap() < 0.02, "{law}");
        assert!(law["within_band"].as_f64().unwrap() >= 0.95, "{law}");
        assert!(law["within_pointwise"].as_f64().unwrap() > 0.78, "{law}");
        assert!(law["rms"].as_f64().unwrap() < 0.05 * law["range"].as_f64().unwrap(), "{law}");
        for file in [
            "design.toml",
            "law.toml",
            "design_torch.py",
            "design_jax.py",
            "design_flax.py",
            "report.html",
            "figures/penalty.svg",
        ] {
            assert!(folder.path(name).join(file).exists(), "{name}/{file}");
        }
        folder.run(&["derive", &format!("{name}/design.toml"), "--json"]).ends_with(0);
        let again = folder.run(&asked).ends_with(2);
        assert!(again.stderr.contains("--force"), "{}", again.stderr);
    }
    // Of a composition every block that has a penalty is simulated.
    let asked = [
        "design",
        "--target",
        "blocks",
        "--blocks",
        "sparsity:2; free:1; low-rank:2x2",
        "--out",
        "blocks",
        "--seeds",
        "64",
        "--steps",
        "4000",
        "--json",
    ];
    let told = folder.run(&asked).ends_with(0).object();
    assert!(told["simulation"].is_null());
    for (block, simulated) in told["blocks"].as_array().unwrap().iter().zip([true, false, true]) {
        assert_eq!(block["simulation"]["within_band"].is_number(), simulated, "{block}");
    }
    for file in ["law_1.toml", "law_3.toml", "figures/penalty-1.svg", "figures/penalty-3.svg"] {
        assert!(folder.path("blocks").join(file).exists(), "{file}");
    }
    // What is approximate is seen to be.
    let asked = [
        "design", "--target", "group", "--groups", "3", "--link", "product", "--out", "product", "--seeds", "64",
        "--json",
    ];
    let told = folder.run(&asked).ends_with(0).object();
    assert!(!told["exact"].as_bool().unwrap());
    assert!(told["simulation"]["rms"].as_f64().unwrap() > 0.1, "{}", told["simulation"]);
}
