use std::path::PathBuf;

use super::*;
use crate::graph::{Interpreter, Kind, Values};
use crate::model::{DataBinding, Model, SpecParametrization};
use crate::parametrization::{Parametrization, Point};
use crate::tensor::Tensor;

fn read(text: &str) -> Result<SpecFile, SpecError> {
    SpecFile::parse("test.toml", text.to_owned(), PathBuf::new(), &[])
}

fn build(text: &str) -> Result<Model, SpecError> {
    Model::build(&read(text)?.specs[0], DataBinding::Inputs)
}

/// The value of a constant expression.
fn value(expression: &str) -> Tensor {
    let text = format!("[param]\nu = 1.0\n[model]\nx = \"{expression}\"");
    let model = build(&text).unwrap_or_else(|error| panic!("{expression}: {error}"));
    Interpreter::new(&model.graph).evaluate(&[model.names["x"]], &Values::new(), &mut []).remove(0)
}

#[test]
fn expressions_have_numpys_values() {
    let cases: [(&str, &[usize], &[f64]); 30] = [
        ("1 + 2 * 3 ** 2", &[], &[19.0]),
        ("[1, 2, 3] / 2", &[3], &[0.5, 1.0, 1.5]),
        ("[[1, 2], [3, 4]] @ [1, 1]", &[2], &[3.0, 7.0]),
        ("[[1, 2], [3, 4]].T", &[2, 2], &[1.0, 3.0, 2.0, 4.0]),
        ("[1, 2] @ [3, 4]", &[], &[11.0]),
        ("arange(6)[1:5:2]", &[2], &[1.0, 3.0]),
        ("arange(6)[-2:]", &[2], &[4.0, 5.0]),
        ("arange(6)[-1]", &[], &[5.0]),
        ("reshape(arange(6), 2, -1)[:, 1]", &[2], &[1.0, 4.0]),
        ("arange(3)[:, None] - arange(2)", &[3, 2], &[0.0, -1.0, 1.0, 0.0, 2.0, 1.0]),
        ("arange(5)[[4, 0, -1]]", &[3], &[4.0, 0.0, 4.0]),
        ("sum([[1, 2], [3, 4]], axis=0)", &[2], &[4.0, 6.0]),
        ("mean([[1, 2], [3, 4]], -1)", &[2], &[1.5, 3.5]),
        ("max([[1, 9], [3, 4]])", &[], &[9.0]),
        ("min([[1, 9], [3, 4]], axis=1)", &[2], &[1.0, 3.0]),
        ("norm([3, 4])", &[], &[5.0]),
        ("cumsum([1, 2, 3])", &[3], &[1.0, 3.0, 6.0]),
        ("diff([1, 4, 9])", &[2], &[3.0, 5.0]),
        ("outer([1, 2], [3, 4])", &[2, 2], &[3.0, 4.0, 6.0, 8.0]),
        ("concat([[1], [2, 3]])", &[3], &[1.0, 2.0, 3.0]),
        ("diag([1, 2])", &[2, 2], &[1.0, 0.0, 0.0, 2.0]),
        ("diag([[1, 2], [3, 4]])", &[2], &[1.0, 4.0]),
        ("linspace(-1, 1, 3)", &[3], &[-1.0, 0.0, 1.0]),
        ("where([1, 0] > 0, [5, 6], -1)", &[2], &[5.0, -1.0]),
        ("softmax([0, 0])", &[2], &[0.5, 0.5]),
        ("logsumexp([1000, 1000]) - 1000", &[], &[std::f64::consts::LN_2]),
        ("relu([-1, 2]) + abs(-3) * sign(-2)", &[2], &[-3.0, -1.0]),
        ("transpose(reshape(arange(6), 1, 2, 3), 2, 0, 1)[1]", &[1, 2], &[1.0, 4.0]),
        ("maximum([1, 5], 3) - minimum(2, [1, 5])", &[2], &[2.0, 3.0]),
        ("-2 ** 2 + exp(0) * cos(0) * full((), 2.5)", &[], &[-1.5]),
    ];
    for (expression, shape, values) in cases {
        let found = value(expression);
        assert_eq!(found.shape.0, shape, "{expression}");
        for (found, expected) in found.values.iter().zip(values) {
            assert!((found - expected).abs() < 1e-12, "{expression}: {found}, expected {expected}");
        }
    }
}

/// Each wrong spec, the text that its error underlines, and words that the message contains.
#[test]
fn mistakes_are_underlined_and_explained() {
    let model = "[param]\nu = \"ones(3)\"\n[model]\n";
    let cases = [
        (format!("{model}predictor = \"u * w\""), "w", "not known"),
        (format!("{model}predictor = \"u * (1 + uu)\""), "uu", "not known"),
        (format!("{model}predictor = \"exp(u + ones(2, 2))\""), "u + ones(2, 2)", "do not broadcast"),
        (format!("{model}loss = \"sum(ones(2, 4) @ u) + 1\""), "ones(2, 4) @ u", "do not match"),
        (format!("{model}a = \"b\"\nb = \"a\""), "b", "before it is defined"),
        (format!("{model}a = \"a + 1\""), "a", "defined by itself"),
        (format!("{model}loss = \"u * u\""), "u * u", "the loss is one number"),
        (format!("{model}loss = \"summ(u)\""), "summ", "no function"),
        (format!("[data]\nd = \"load('nothing.csv')\"\n{model}loss = \"1\""), "'nothing.csv'", "cannot be read"),
        (format!("{model}x = \"sum(u, axes=0)\""), "0", "no argument named"),
        (format!("{model}x = \"sum(u, axis=3)\""), "3", "no axis 3"),
        (format!("{model}x = \"normal(3)\""), "normal(3)", "draws belong in"),
        (format!("{model}x = \"u[5]\""), "5", "outside an axis"),
        (format!("{model}x = \"u[u]\""), "u", "integers"),
        (format!("{model}x = \"zeros(1000000, 1000000)\""), "1000000", "more than 2^26"),
        (format!("{model}x = \"zeros(-1)\""), "-1", "at least 0"),
        (format!("{model}x = \"ones(3000, 3000) @ (u + 1\""), "", "ends where `)`"),
        (format!("{model}u = \"1\""), "u", "already taken"),
        (format!("{model}x = \"1\"\n[train]\nsteps = -5"), "-5", "from 0 to"),
        (format!("{model}x = \"1\"\n[train]\nstep_sise = 1"), "step_sise", "not a key"),
        (format!("{model}x = \"1\"\n[train]\noptimizer = \"sdg\""), "sdg", "one of sgd"),
        (format!("{model}x = \"1\"\n[train]\noptimizer = \"adam\"\nmomentum = 0.9"), "momentum", "belongs to"),
        (
            format!("{model}x = \"1\"\n[train]\noptimizer = \"adam\"\ncompensated = true"),
            "compensated",
            "belongs to optimizer = \"sgd\"",
        ),
        (format!("{model}x = \"1\"\n[trian]\nsteps = 1"), "trian", "not a section"),
        (format!("{model}x = \"1\"\n[train]\nnoise = \"horizontal\""), "noise", "langevin"),
        (format!("{model}x = true"), "true", "expression in quotes"),
        (format!("{model}x = \"1\"\n[verify]\nlaw = \"horizontal\"\nobservable = \"u\""), "u", "one number"),
        (format!("{model}x = \"{}u{}\"", "(".repeat(5000), ")".repeat(5000)), "(", "nested more than"),
        (format!("{model}x = \"1\"\n[[variant]]\nname = \"v\"\ntrian = {{ steps = 1 }}"), "trian", "cannot change"),
        (format!("{model}x = \"1\"\n[[variant]]\nname = \"..\""), "", "a variant has a name"),
        (format!("{model}x = \"1\"\n[[variant]]\nname = \"figures\""), "", "a variant has a name"),
        (format!("{model}x = \"1\"\n[[variant]]\nname = \"run.json\""), "", "a variant has a name"),
        (format!("{model}x = 1979-05-27"), "1979-05-27", "found a date"),
        (
            format!("[data]\nb = \"normal(2)\"\ni = \"1 + randint(0, 2, 3)\"\n{model}x = \"b[i]\""),
            "i",
            "from 1 to 2 reach outside",
        ),
        (
            format!("[data]\nb = \"normal(2)\"\n[batch]\ni = \"choice(9, 3) - 5\"\n{model}x = \"b[i]\""),
            "i",
            "from -5 to 3 reach outside",
        ),
        (
            format!("[data]\ni = \"randint(0, 16_777_217, 3)\"\n{model}x = \"1\""),
            "16_777_217",
            "single precision holds",
        ),
        (
            format!("{model}x = \"1\"\n[log]\na = \"zeros(0)\"\n[[figure]]\nkind = \"stem\"\ny = \"a\""),
            "",
            "no elements",
        ),
        (
            format!(
                "{model}x = \"1\"\n[log]\na = \"zeros(3)\"\nb = \"sum(u)\"\n[[figure]]\nkind = \"scatter\"\ny = \"a\"\nx = \"b\""
            ),
            "",
            "a scatter pairs elements",
        ),
        (
            format!("{model}x = \"1\"\n[log]\na = \"u\"\n[[figure]]\nkind = \"scatter\"\ny = \"a\""),
            "",
            "a scatter has an x",
        ),
        (
            format!("{model}x = \"1\"\n[log]\na = \"u\"\n[[figure]]\nkind = \"density\"\ny = \"a\"\nx = \"a\""),
            "x",
            "does not belong",
        ),
        (
            format!("{model}x = \"1\"\n[log]\na = \"u\"\n[[figure]]\nkind = \"stem\"\ny = \"a\"\nreference = 1"),
            "reference",
            "does not belong",
        ),
        (
            format!("{model}x = \"1\"\n[log]\na = \"u\"\n[[figure]]\nkind = \"balance\"\ny = \"a\""),
            "",
            "a balance figure has a charge",
        ),
        (
            format!("{model}x = \"1\"\n[log]\na = \"u\"\n[[figure]]\nkind = \"flow\"\ny = \"a\"\ncharge = \"a\""),
            "",
            "a flow figure has a design",
        ),
        (
            format!("{model}x = \"1\"\n[log]\na = \"u\"\n[[figure]]\nkind = \"stem\"\ny = \"a\"\ntruth = \"t\""),
            "",
            "which [data] does not name",
        ),
        (
            format!("{model}x = \"1\"\n[log]\na = \"u\"\n[[figure]]\nkind = \"stem\"\ny = \"a\"\nborders = \"t\""),
            "",
            "which [data] does not name",
        ),
        (format!("{model}x = \"1\"\n[total]\nt = \"u\""), "t", "names no `loss`"),
        (format!("{model}loss = \"sum(u)\"\n[total]\nt = \"grad_v\""), "grad_v", "not known here"),
        (format!("{model}loss = \"sum(u)\"\ngrad_u = \"u\"\n[total]\nt = \"u\""), "t", "`grad_u` is a word of [total]"),
        ("[model]\nx = \"1\"".into(), "", "no [param]"),
        ("[param]\nu = 1".into(), "", "no [model]"),
        ("[param\nu = 1".into(), "", "not TOML"),
    ];
    for (text, underlined, words) in cases {
        let shown = if text.len() > 300 { "(long)" } else { &text };
        let error = build(&text).err().unwrap_or_else(|| panic!("accepted: {shown}"));
        assert!(error.message().contains(words), "{shown}: {}", error.message());
        let labels: Vec<_> = miette::Diagnostic::labels(&error).into_iter().flatten().collect();
        let found = labels.first().map_or("", |label| &text[label.offset()..label.offset() + label.len()]);
        if !underlined.is_empty() {
            assert_eq!(found, underlined, "{shown}: {}", error.message());
        }
    }
}

#[test]
fn near_misses_are_offered() {
    let help = |text: &str| miette::Diagnostic::help(&build(text).expect_err("wrong")).expect("has help").to_string();
    assert!(help("[param]\nu = 1\n[model]\nx = \"sofmax([1])\"").contains("softmax"));
    assert!(help("[param]\nalpha = 1\n[model]\nx = \"alpa\"").contains("alpha"));
    assert!(help("[param]\nu = 1\n[model]\nx = \"1\"\n[train]\nstep_sise = 1").contains("step_size"));
    let error = build("[param]\nu = 1\n[model]\nx = \"q\"").expect_err("unknown name");
    let help = miette::Diagnostic::help(&error).map_or(String::new(), |help| help.to_string());
    assert!(!help.contains("did you mean"), "no other one-letter name is a slip of this one: {help}");
}

#[test]
fn files_that_are_not_text_or_numbers_are_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("a file in a temporary folder");
        path
    };
    let path = write("latin1.toml", b"title = \"caf\xe9\"");
    let error = SpecFile::read(&path, &[]).expect_err("not UTF-8");
    assert!(error.message().contains("byte 0xe9") && error.line_column() == Some((1, 13)), "{error:?}");
    assert!(
        SpecFile::read(&folder.path().join("absent.toml"), &[])
            .expect_err("absent")
            .message()
            .contains("cannot be read")
    );
    let load = |csv: &[u8]| {
        write("data.csv", csv);
        let path = write("spec.toml", b"[data]\nX = \"load('data.csv')\"\n[param]\nu = 1\n[model]\nx = \"X\"");
        SpecFile::read(&path, &[]).and_then(|file| Model::build(&file.specs[0], DataBinding::Inputs))
    };
    let cases: [(&[u8], &str); 5] = [
        (b"1,2\n3,nan\n", "line 2, column 2: a finite number"),
        (b"1,2\n3\n", "line 2: 2 columns were expected, found 1"),
        (b"a,b\n1,x\n", "line 2, column 2"),
        (b"", "holds no numbers"),
        (b"1,inf\n", "found `inf`"),
    ];
    for (csv, words) in cases {
        let error = load(csv).expect_err(words);
        assert!(error.message().contains(words), "{}", error.message());
    }
    let model = load(b"a, b\n1, 2\n3, 4e1\n").expect("a header and numbers");
    assert_eq!(model.graph.constant_value(model.names["x"]), Some(&Tensor::new([2, 2], vec![1.0, 2.0, 3.0, 40.0])));
}

/// A .npy file (version 1.0) with the given dtype, order, shape and bytes.
fn npy(descr: &str, fortran: &str, shape: &str, bytes: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}");
    let header = format!("{header:<117}\n");
    [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), bytes].concat()
}

#[test]
fn arrays_of_other_programs_are_loaded() {
    use safetensors::tensor::{Dtype, TensorView};
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).expect("a temporary file");
    let loaded = |call: &str| {
        let text = format!("[data]\nX = \"{call}\"\n[param]\nu = 1\n[model]\nx = \"X\"");
        SpecFile::parse("test.toml", text, folder.path().to_owned(), &[])
            .and_then(|file| Model::build(&file.specs[0], DataBinding::Inputs))
            .map(|model| {
                let node = model.names["x"];
                (model.graph.constant_value(node).expect("a file is constant").clone(), model.graph.kind(node))
            })
    };
    let bytes = |values: &[f32]| values.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
    let six = bytes(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.5]);
    write("c.npy", &npy("<f4", "False", "(2, 3)", &six));
    write("f.npy", &npy("<f4", "True", "(2, 3)", &six));
    write("big.npy", &npy(">i2", "False", "(2,)", &[1, 0, 255, 255]));
    write("bool.npy", &npy("|b1", "False", "(2,)", &[1, 0]));
    write("half.npy", &npy("<f2", "False", "()", &half::f16::from_f32(1.5).to_le_bytes()));
    let real = |shape: &[usize], values: &[f64]| (Tensor::new(shape.to_vec(), values.to_vec()), Kind::Real);
    assert_eq!(loaded("load('c.npy')").unwrap(), real(&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.5]));
    assert_eq!(loaded("load('f.npy')").unwrap(), real(&[2, 3], &[1.0, 3.0, 5.0, 2.0, 4.0, 6.5]));
    assert_eq!(loaded("load('big.npy')").unwrap(), (Tensor::new([2], vec![256.0, -1.0]), Kind::Integer));
    assert_eq!(loaded("load('bool.npy')").unwrap(), (Tensor::new([2], vec![1.0, 0.0]), Kind::Boolean));
    assert_eq!(loaded("load('half.npy')").unwrap(), real(&[], &[1.5]));

    let single = half::bf16::from_f32(-2.0).to_le_bytes();
    let whole = 7i64.to_le_bytes();
    let huge = i64::MAX.to_le_bytes();
    let tensors = [
        ("W", Dtype::F32, vec![2, 3], &six[..]),
        ("b", Dtype::BF16, vec![], &single[..]),
        ("i", Dtype::I64, vec![1], &whole[..]),
        ("huge", Dtype::I64, vec![1], &huge[..]),
    ];
    let views = tensors.map(|(name, dtype, shape, data)| (name, TensorView::new(dtype, shape, data).expect("fits")));
    write("t.safetensors", &safetensors::serialize(views, None).expect("serialises"));
    assert_eq!(loaded("load('t.safetensors', 'W')").unwrap(), real(&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.5]));
    assert_eq!(loaded("load('t.safetensors', name='b')").unwrap(), real(&[], &[-2.0]));
    assert_eq!(loaded("load('t.safetensors', 'i')").unwrap().1, Kind::Integer);

    write("nan.npy", &npy("<f4", "False", "(1, 2)", &bytes(&[1.0, f32::NAN])));
    write("short.npy", &npy("<f4", "False", "(3, 3)", &six));
    write("complex.npy", &npy("<c8", "False", "(1,)", &six[..8]));
    write("huge.npy", &npy("<f4", "False", "(99999999999, 99999999)", &six));
    write("deep.npy", &npy("<f4", "False", &"(".repeat(50), &six));
    write("no.npy", b"not an array");
    write("no.safetensors", b"not a file of tensors");
    for (call, words) in [
        ("load('nan.npy')", "index [0, 1]: a finite number"),
        ("load('short.npy')", "cannot be read"),
        ("load('complex.npy')", "c8"),
        ("load('huge.npy')", "more than"),
        ("load('deep.npy')", "nested"),
        ("load('no.npy')", "cannot be read"),
        ("load('absent.npy')", "cannot be read"),
        ("load('c.npy', 'W')", "cannot be picked"),
        ("load('no.safetensors')", "cannot be read"),
        ("load('t.safetensors')", "W, b, huge, i"),
        ("load('t.safetensors', 'w')", "did you mean `W`"),
        ("load('t.safetensors', 'huge')", "beyond 2^53"),
        ("load('data.txt')", "not a .csv, .npy or .safetensors"),
    ] {
        let error = loaded(call).expect_err(call);
        assert!(error.message().contains(words), "{call}: {}", error.message());
    }
}

#[test]
fn decompositions_belong_where_nothing_is_learned() {
    for call in ["qr(eye(2))", "svdvals(eye(2))", "eigvalsh(eye(2))", "det(eye(2))", "inv(eye(2))"] {
        for section in ["batch", "model"] {
            let text = format!("[param]\nu = 1\n[{section}]\nd = \"{call}\"\n[model]\nx = \"u\"");
            let text = if section == "model" { text.replace("\n[model]\nx", "\nx") } else { text };
            let error = build(&text).expect_err(call);
            assert!(error.message().contains("no derivative"), "{call} in [{section}]: {}", error.message());
        }
        let text =
            format!("[data]\na = \"{call}\"\n[param]\nu = \"{call}\"\n[model]\nx = \"u\"\n[log]\nd = \"{call}\"");
        build(&text).unwrap_or_else(|error| panic!("{call}: {error}"));
    }
}

const VARIANTS: &str = r#"
title = "base"
[data]
y = "normal(4)"
[param]
u = "ones(4)"
v = "ones(4)"
[model]
predictor = "u * v"
loss = "mean((predictor - y)**2)"
[train]
steps = 10
step_size = 0.5
[log]
every = 5
ratio = "u / v"
loss = "loss"
[[variant]]
name = "vanilla"
param = { w = "zeros(4)" }
model = { predictor = "w" }
train = { steps = 20 }
log = { ratio = false }
"#;

#[test]
fn variants_replace_parameters_and_merge_the_rest() {
    let file = read(VARIANTS).expect("a right spec");
    let [base, variant] = file.specs.as_slice() else { panic!("two specs") };
    assert_eq!((base.title.as_str(), variant.title.as_str()), ("base", "base/vanilla"));
    assert_eq!(variant.param.len(), 1);
    assert_eq!((variant.train.steps, variant.train.step_size), (20, 0.5));
    assert_eq!(variant.log.observables.len(), 1);
    assert_eq!(variant.model.len(), 2);
    Model::build(variant, DataBinding::Inputs).expect("the loss uses the variant's predictor");
    assert!(file.variant("vanila").expect_err("no such variant").message().contains("vanilla"));
}

#[test]
fn indices_known_to_be_inside_are_taken() {
    for (data, index) in [("5", "randint(5, 10, 3) - 5"), ("64", "1 + choice(63, 3)"), ("2", "randint(-2, 2, 4)")] {
        let text = format!(
            "[data]\nb = \"normal({data})\"\ni = \"{index}\"\n[param]\nu = 1\n[model]\nloss = \"u * sum(b[i])\""
        );
        build(&text).unwrap_or_else(|error| panic!("{index}: {}", error.message()));
    }
}

#[test]
fn a_variant_drops_a_setting_of_training() {
    let text = "[data]\ny = 1.0\n[param]\nu = 1.0\n[model]\nloss = \"(u - y)**2\"\n[train]\nnoise = \"label\"\nlabel = \"y\"\nlabel_noise = 0.1\n\
                [[variant]]\nname = \"quiet\"\ntrain = { noise = \"none\", label = false, label_noise = false }";
    let file = read(text).expect("a right spec");
    assert!(matches!(file.specs[0].train.noise, Noise::Label(_)));
    assert_eq!(file.specs[1].train.noise, Noise::None);
}

#[test]
fn overrides_are_settings_or_expressions() {
    let with = |overrides: &[&str]| {
        let overrides: Vec<String> = overrides.iter().map(ToString::to_string).collect();
        SpecFile::parse("test.toml", VARIANTS.into(), PathBuf::new(), &overrides)
    };
    let file = with(&["train.step_size=1e-3", "param.u=2 * ones(4)", "ensemble.seeds=3"]).expect("right overrides");
    assert_eq!(file.specs[0].train.step_size, 1e-3);
    assert_eq!(file.specs[0].param[0].text, "2 * ones(4)");
    assert_eq!((file.specs[0].ensemble.seeds, file.specs[1].train.step_size), (3, 1e-3));
    for wrong in ["train.steps", "train.steps=-1", "trian.steps=1", "train.stepz=1", "steps=1"] {
        assert!(with(&[wrong]).is_err(), "{wrong}");
    }
    for list in ["param.u=[1.0, 2, 0.5, 3]", "param.u = '[1.0, 2, 0.5, 3]'"] {
        assert_eq!(with(&[list]).expect("a list is an expression").specs[0].param[0].text, "[1.0, 2, 0.5, 3]");
    }
}

#[test]
fn errors_underline_the_wrong_part_of_an_override() {
    for (text, underlined) in [
        ("train.step_size = abc", "abc"),
        ("train.dtype=\"f32x\"", "f32x"),
        ("train.steps=-1", "-1"),
        ("param.u=foo(3)", "foo"),
        ("param.u = \"1 + foo(3)\"", "foo"),
        ("param.u=[1.0, foo]", "foo"),
        ("trian.steps=1", "trian.steps"),
        ("train.bogus=1", "train.bogus"),
        ("a.b.c=1", "a.b.c"),
    ] {
        let file = SpecFile::parse("test.toml", VARIANTS.into(), PathBuf::new(), &[text.to_owned()]);
        let error = file
            .and_then(|file| Model::build(&file.specs[0], DataBinding::Inputs).map(drop))
            .expect_err("a wrong override");
        let labels: Vec<_> = miette::Diagnostic::labels(&error).into_iter().flatten().collect();
        let label = labels.first().expect("a place");
        assert_eq!(&text[label.offset()..label.offset() + label.len()], underlined, "{text}: {}", error.message());
    }
}

#[test]
fn a_predictor_is_seen_with_its_jacobian() {
    let file = read("[batch]\nx = \"normal(5, 3)\"\n[param]\nW = \"ones(2, 3)\"\nv = \"ones(2)\"\n[model]\npredictor = \"relu(x @ W.T) @ v\"")
        .expect("a right spec");
    let map = SpecParametrization::predictor(&file.specs[0], DataBinding::Drawn).expect("a predictor");
    assert!(map.depends_on_draw());
    assert_eq!((map.parameter_count(), map.predictor_shape()), (8, vec![5]));
    let theta: Vec<f64> = (0..8).map(|i| f64::from(i) * 0.3 - 1.0).collect();
    let points: Vec<Point> = (0..20).map(|draw| Point { theta: theta.clone(), draw: draw % 19 }).collect();
    let values = map.predictor(&points);
    assert_eq!(values[0], values[19], "equal draws give equal inputs");
    assert_ne!(values[0], values[1]);
    let jacobian = map.jacobian(&points);
    for (at, draw) in [(0, 0), (17, 17)] {
        for parameter in 0..8 {
            let shifted = |h: f64| {
                let mut theta = theta.clone();
                theta[parameter] += h;
                map.predictor(&[Point { theta, draw }]).remove(0)
            };
            let (up, down) = (shifted(1e-6), shifted(-1e-6));
            for row in 0..5 {
                let difference = (up[row] - down[row]) / 2e-6;
                assert!((difference - jacobian[at][row * 8 + parameter]).abs() < 1e-7);
            }
        }
    }
}

#[test]
fn a_printed_node_reads_back_to_the_same_value() {
    let expressions = [
        "1 + exp(u) * 2 - v / (1 + v**2)",
        "maximum(u, v) + where(u < v, u, -v) + (u >= v) * 3",
        "cumsum(tanh(u))[1:3] @ v[:2] + max(u) * min(v)",
        "transpose(reshape(concat([u, v]), 2, 3))",
        "outer(u, v) @ u + sum(outer(u, v), axis=1)",
        "abs(u)**1.5 + u[[2, 0]][1] + norm(v)",
    ];
    for expression in expressions {
        let text = |written: &str| format!("[param]\nu = \"ones(3)\"\nv = \"ones(3)\"\n[model]\nx = \"{written}\"");
        let value = |model: &Model| {
            let inputs = Values::from([
                (model.params[0].slot, Tensor::new([3], vec![0.3, -1.2, 2.0])),
                (model.params[1].slot, Tensor::new([3], vec![-0.7, 0.4, 1.1])),
            ]);
            Interpreter::new(&model.graph).evaluate(&[model.names["x"]], &inputs, &mut []).remove(0)
        };
        let model = build(&text(expression)).expect(expression);
        let name = |slot: usize| model.params[slot].name.clone();
        let printed = model.graph.print(model.names["x"], 100, &name);
        let again = build(&text(&printed)).unwrap_or_else(|error| panic!("{expression} printed as {printed}: {error}"));
        let (found, expected) = (value(&again), value(&model));
        assert_eq!(found.shape, expected.shape, "{printed}");
        for (a, b) in found.values.iter().zip(&expected.values) {
            assert!((a - b).abs() < 1e-12, "{expression} printed as {printed}: {a}, expected {b}");
        }
    }
}
