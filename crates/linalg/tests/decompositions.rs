//! Identities that every decomposition has to satisfy, and typed refusals.

use gaugebias_linalg::{
    LinalgError, Matrix, cholesky_solve, det, eigvalsh, exponential, inv, least_squares, log_pseudo_det,
    pseudo_inverse, qr, svd, svdvals, symmetric_eigen,
};
use proptest::prelude::*;

fn matrices(max: usize) -> impl Strategy<Value = Matrix> {
    (1..=max, 1..=max).prop_flat_map(|(m, n)| {
        prop::collection::vec(-2.0..2.0, m * n).prop_map(move |d| Matrix::from_row_major(m, n, d))
    })
}

fn square(max: usize) -> impl Strategy<Value = Matrix> {
    (1..=max)
        .prop_flat_map(|n| prop::collection::vec(-2.0..2.0, n * n).prop_map(move |d| Matrix::from_row_major(n, n, d)))
}

fn close(a: &Matrix, b: &Matrix, tolerance: f64) -> bool {
    a.add_scaled(-1.0, b).max_abs() <= tolerance * (1.0 + b.max_abs())
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: proptest::test_runner::RngSeed::Fixed(11), ..ProptestConfig::default() })]

    #[test]
    fn svd_and_qr_rebuild_the_matrix(m in matrices(9)) {
        let s = svd(&m).unwrap();
        let rebuilt = s.u.matmul(&Matrix::from_diagonal(&s.singular_values)).matmul(&s.v.transpose());
        prop_assert!(close(&rebuilt, &m, 1e-12));
        prop_assert!(s.singular_values.windows(2).all(|w| w[0] >= w[1]));
        prop_assert!(svdvals(&m).unwrap().iter().zip(&s.singular_values).all(|(a, b)| (a - b).abs() < 1e-12));
        let f = qr(&m).unwrap();
        prop_assert!(close(&f.q.matmul(&f.r), &m, 1e-12));
        prop_assert!(close(&f.q.gram(), &Matrix::identity(f.q.columns()), 1e-12));
        prop_assert!((0..f.r.rows()).all(|i| f.r[(i, i)] >= 0.0 && (0..i.min(f.r.columns())).all(|j| f.r[(i, j)] == 0.0)));
    }

    #[test]
    fn eigenvalues_multiply_to_the_determinant(m in square(7)) {
        let gram = m.gram();
        let eigen = symmetric_eigen(&gram).unwrap();
        let rebuilt = eigen.vectors.matmul(&Matrix::from_diagonal(&eigen.values)).matmul(&eigen.vectors.transpose());
        prop_assert!(close(&rebuilt, &gram, 1e-12));
        prop_assert!(eigvalsh(&gram).unwrap().windows(2).all(|w| w[0] <= w[1]));
        let square_of_det = det(&m).unwrap().powi(2);
        prop_assert!((det(&gram).unwrap() - square_of_det).abs() <= 1e-9 * (1.0 + square_of_det));
        let log = log_pseudo_det(&gram, gram.rows()).unwrap();
        if square_of_det > 1e-3 {
            prop_assert!((log.value - square_of_det.ln()).abs() < 1e-8);
        }
    }

    #[test]
    fn solves_solve(m in square(7), seed in prop::collection::vec(-1.0..1.0, 7)) {
        let n = m.rows();
        let positive = m.gram().add_scaled(0.5, &Matrix::identity(n));
        let y = Matrix::from_row_major(n, 1, seed[..n].to_vec());
        let x = cholesky_solve(&positive, &y).unwrap();
        prop_assert!(close(&positive.matmul(&x), &y, 1e-10));
        prop_assert!(close(&inv(&positive).unwrap().matmul(&positive), &Matrix::identity(n), 1e-9));
        let fitted = least_squares(&positive, y.data(), 1e-14).unwrap();
        prop_assert!(close(&Matrix::from_row_major(n, 1, fitted), &x, 1e-9));
    }

    #[test]
    fn pseudo_inverse_satisfies_penrose(m in matrices(7)) {
        let p = pseudo_inverse(&m, 1e-12).unwrap();
        prop_assert!(close(&m.matmul(&p).matmul(&m), &m, 1e-8));
        prop_assert!(close(&m.matmul(&p), &m.matmul(&p).transpose(), 1e-8));
    }

    #[test]
    fn exponential_adds_on_one_line_and_matches_its_determinant(m in square(6), s in 0.1..4.0, t in 0.1..2.0) {
        let product = exponential(&m.scaled(s)).unwrap().matmul(&exponential(&m.scaled(t)).unwrap());
        let together = exponential(&m.scaled(s + t)).unwrap();
        prop_assert!(close(&product, &together, 1e-9));
        let trace = m.trace();
        prop_assert!((det(&exponential(&m).unwrap()).unwrap() - trace.exp()).abs() <= 1e-8 * (trace.exp() + exponential(&m).unwrap().max_abs().powi(m.rows() as i32)));
    }
}

#[test]
fn exponential_of_a_rotation_generator_is_the_rotation() {
    for angle in [0.3_f64, 7.0, 40.0] {
        let rotation = exponential(&Matrix::from_row_major(2, 2, vec![0.0, -angle, angle, 0.0])).unwrap();
        let expected = Matrix::from_row_major(2, 2, vec![angle.cos(), -angle.sin(), angle.sin(), angle.cos()]);
        assert!(close(&rotation, &expected, 1e-13), "angle {angle}: {rotation:?}");
    }
}

#[test]
fn singular_matrices_have_determinant_zero() {
    let cases: [(usize, &[f64], f64); 6] = [
        (2, &[0.0; 4], 0.0),
        (2, &[0.0, 1.0, 0.0, 2.0], 0.0),
        (3, &[0.0, 1.0, 2.0, 0.0, 3.0, 4.0, 0.0, 5.0, 6.0], 0.0),
        (3, &[1.0, 2.0, 0.0, 3.0, 4.0, 0.0, 5.0, 6.0, 0.0], 0.0),
        (3, &[0.0, 0.0, 2.0, 0.0, 3.0, 4.0, 5.0, 5.0, 6.0], -30.0),
        (2, &[0.0, 1.0, 1.0, 0.0], -1.0),
    ];
    for (size, entries, expected) in cases {
        let found = det(&Matrix::from_row_major(size, size, entries.to_vec())).unwrap();
        assert!((found - expected).abs() < 1e-12, "{entries:?}: {found}");
    }
}

#[test]
fn pseudo_determinant_leaves_out_what_the_rank_leaves_out() {
    let gram = Matrix::from_diagonal(&[4.0, 1e-17, 9.0]);
    let log = log_pseudo_det(&gram, 2).unwrap();
    assert!((log.value - 36.0_f64.ln()).abs() < 1e-14);
    assert!((log.last_kept - 4.0 / 9.0).abs() < 1e-15);
    assert!(log.first_dropped < 1e-17);
    assert!(matches!(log_pseudo_det(&gram, 4), Err(LinalgError::Shape { .. })));
}

#[test]
fn refusals_are_typed() {
    let singular = Matrix::from_row_major(2, 2, vec![1.0, 2.0, 2.0, 4.0]);
    assert!(matches!(inv(&singular), Err(LinalgError::Singular { .. })));
    let indefinite = Matrix::from_diagonal(&[1.0, -1.0]);
    let right = Matrix::zeros(2, 1);
    assert_eq!(cholesky_solve(&indefinite, &right), Err(LinalgError::NotPositiveDefinite { size: 2 }));
    assert!(matches!(det(&Matrix::zeros(2, 3)), Err(LinalgError::Shape { .. })));
    let nan = Matrix::from_row_major(1, 2, vec![f64::NAN, 1.0]);
    assert!(matches!(svdvals(&nan), Err(LinalgError::NotFinite { count: 1, total: 2, .. })));
}
