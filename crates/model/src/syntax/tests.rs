use super::*;

/// Fully parenthesised, to see how operators group.
fn grouped(expression: &Expression) -> String {
    let list = |items: Vec<String>| items.join(", ");
    match &expression.kind {
        ExpressionKind::Number { value, .. } => value.to_string(),
        ExpressionKind::Text(text) => format!("'{text}'"),
        ExpressionKind::Name(name) => name.clone(),
        ExpressionKind::Array(items) => format!("[{}]", list(items.iter().map(grouped).collect())),
        ExpressionKind::Negate(operand) => format!("(-{})", grouped(operand)),
        ExpressionKind::Chain(first, rest) => rest.iter().fold(grouped(first), |left, (operator, right)| {
            format!("({left} {} {})", operator.symbol(), grouped(right))
        }),
        ExpressionKind::Transposed(base) => format!("{}.T", grouped(base)),
        ExpressionKind::Call { function, arguments, .. } => {
            let shown = |argument: &Argument| {
                argument.name.as_ref().map_or(String::new(), |name| format!("{name}=")) + &grouped(&argument.value)
            };
            format!("{function}({})", list(arguments.iter().map(shown).collect()))
        }
        ExpressionKind::Index(base, items) => {
            let bound = |bound: &Option<Expression>| bound.as_ref().map_or(String::new(), grouped);
            let shown = |item: &IndexItem| match item {
                IndexItem::At(at) => grouped(at),
                IndexItem::NewAxis => "None".into(),
                IndexItem::Ellipsis => "...".into(),
                IndexItem::Slice { start, stop, step } => format!("{}:{}:{}", bound(start), bound(stop), bound(step)),
            };
            format!("{}[{}]", grouped(base), list(items.iter().map(shown).collect()))
        }
    }
}

#[test]
fn operators_group_as_in_python() {
    let cases = [
        ("a + b * c", "(a + (b * c))"),
        ("a - b - c", "((a - b) - c)"),
        ("-a**2", "(-(a ** 2))"),
        ("a**-b", "(a ** (-b))"),
        ("a**b**c", "(a ** (b ** c))"),
        ("2 * -a", "(2 * (-a))"),
        ("-a * b", "((-a) * b)"),
        ("X[i] @ w.T", "(X[i] @ w.T)"),
        ("a[:, None][1:5:2, i]", "a[::, None][1:5:2, i]"),
        ("mean((y - x)**2, axis=0,)", "mean(((y - x) ** 2), axis=0)"),
        ("a + 1 < b", "((a + 1) < b)"),
        ("[[1, 2.5], [.5, 1e-3]]", "[[1, 2.5], [0.5, 0.001]]"),
        ("load('a.csv')", "load('a.csv')"),
        ("50_000", "50000"),
        ("(a).T", "a.T"),
        ("a * b / c - d * e + f", "((((a * b) / c) - (d * e)) + f)"),
        ("a - (b - c) - d", "((a - (b - c)) - d)"),
        ("(a - b) - c + a**b**c", "(((a - b) - c) + (a ** (b ** c)))"),
        ("a @ b * c < d + e", "(((a @ b) * c) < (d + e))"),
        ("zeros((2, 3)) + sum(x, axis=(0,))", "(zeros([2, 3]) + sum(x, axis=[0]))"),
        ("a[..., None, None:2]", "a[..., None, None:2:]"),
    ];
    for (text, expected) in cases {
        assert_eq!(grouped(&parse(text).unwrap_or_else(|e| panic!("{text}: {e:?}"))), expected, "{text}");
    }
}

#[test]
fn mistakes_point_at_their_place() {
    let cases = [
        ("", 0..0),
        ("a +", 3..3),
        ("a + * b", 4..5),
        ("(a + b", 6..6),
        ("f(a b)", 4..5),
        ("a < b < c", 6..7),
        ("a ^ b", 2..3),
        ("a.shape", 2..7),
        ("'open", 0..1),
        ("f(k=1, 2)", 7..8),
        ("1e999", 0..1),
        ("a[]", 0..3),
        ("a[(0, 1)]", 2..8),
        ("a[0, (1, 2)]", 5..11),
        ("(a, b", 5..5),
    ];
    for (text, span) in cases {
        assert_eq!(parse(text).expect_err(text).span, span, "{text}");
    }
}

#[test]
fn deep_expressions_are_refused_without_recursion() {
    let nested = "(".repeat(5_000) + "a" + &")".repeat(5_000);
    let signs = "-".repeat(5_000) + "a";
    let powers = vec!["a"; 5_000].join("**");
    let indices = "a".to_owned() + &"[0]".repeat(5_000);
    let tuples = "(".repeat(5_000) + "a" + &",)".repeat(5_000);
    for text in [nested, signs, powers, indices, tuples] {
        let error = parse(&text).expect_err("deeper than the bound");
        assert!(error.message.contains("nested more than"), "{}", error.message);
    }
}

#[test]
fn long_expressions_are_not_deep() {
    for separator in [" + ", " * ", " - b * ", " @ ", " / c - "] {
        let chain = parse(&vec!["a"; 100_000].join(separator)).unwrap_or_else(|error| panic!("{separator}: {error:?}"));
        assert!(chain.height <= 4, "{separator}: {}", chain.height);
        let inside = "(".repeat(190) + &vec!["a"; 1_000].join(separator) + &")".repeat(190);
        parse(&inside).unwrap_or_else(|error| panic!("{separator}: {error:?}"));
    }
    assert_eq!(parse(&["a"; 3].join(" + ")).expect("a sum").span, 0..9);
}
