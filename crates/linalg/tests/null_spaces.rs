//! The null space: both algorithms agree, scales do not matter, and an undecided rank is refused.

use gaugebias_linalg::{LinalgError, Matrix, NullSpaceMethod, NullSpaceParams, null_space, qr};
use proptest::prelude::*;

/// A rows × columns matrix whose null space has the given dimension; entries from a counter-based hash.
fn deficient(rows: usize, columns: usize, nullity: usize, seed: u64) -> Matrix {
    let noise = |k: u64| {
        let mut z = (k ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) as f64 / u64::MAX as f64 - 0.5
    };
    let rank = columns - nullity;
    let left = Matrix::from_fn(rows, rank, |i, j| noise((i * 7919 + j) as u64));
    let right = Matrix::from_fn(rank, columns, |i, j| noise((i * 104_729 + j + 1_000_000) as u64));
    left.matmul(&right)
}

fn span_distance(a: &Matrix, b: &Matrix) -> f64 {
    let overlap = a.transpose().matmul(b);
    a.matmul(&overlap).add_scaled(-1.0, b).max_abs()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, rng_seed: proptest::test_runner::RngSeed::Fixed(5), ..ProptestConfig::default() })]

    #[test]
    fn inverse_iteration_agrees_with_the_svd(columns in 2_usize..40, share in 0.0..1.0, seed in 0_u64..1000) {
        let nullity = (share * columns as f64) as usize;
        let matrix = deficient(2 * columns + 3, columns, nullity.min(columns - 1), seed);
        let direct = null_space(&matrix, &NullSpaceParams { kept_floor: 1e-7, ..Default::default() }).unwrap();
        let iterated = null_space(&matrix, &NullSpaceParams { kept_floor: 1e-7, direct_limit: 0, ..Default::default() }).unwrap();
        prop_assert_eq!(direct.basis.columns(), nullity.min(columns - 1));
        prop_assert_eq!(iterated.basis.columns(), direct.basis.columns());
        prop_assert_eq!(iterated.info.method, NullSpaceMethod::InverseIteration);
        prop_assert!(span_distance(&direct.basis, &iterated.basis) < 1e-9);
        // The Ritz value bounds the smallest kept singular value from above and converges to it.
        let ratio = iterated.info.last_kept / direct.info.last_kept;
        prop_assert!((0.99..1.2).contains(&ratio), "ratio {}", ratio);
    }

    #[test]
    fn units_of_rows_and_columns_do_not_matter(seed in 0_u64..1000) {
        let (rows, columns, nullity) = (40, 18, 3);
        let matrix = deficient(rows, columns, nullity, seed);
        let scaled = Matrix::from_fn(rows, columns, |i, j| {
            matrix[(i, j)] * 10_f64.powi(if i % 3 == 0 { 2 } else { 0 }) * 10_f64.powi([-6, 0, 6][j % 3])
        });
        // The long columns hide the short rows from a length test, so rows are kept whatever their length.
        let params = NullSpaceParams { row_floor: 0.0, ..Default::default() };
        let found = null_space(&scaled, &params).unwrap();
        prop_assert_eq!(found.basis.columns(), nullity);
        prop_assert!(found.info.gap().unwrap() > 1e6);
    }
}

#[test]
fn equal_to_the_orthogonal_complement_of_the_rows() {
    let rows = Matrix::from_row_major(2, 3, vec![1.0, 2.0, 2.0, 0.0, 1.0, -1.0]);
    let found = null_space(&rows, &NullSpaceParams::default()).unwrap();
    assert_eq!(found.basis.columns(), 1);
    assert!(rows.matmul(&found.basis).max_abs() < 1e-14);
    assert!((qr(&found.basis).unwrap().r[(0, 0)] - 1.0).abs() < 1e-14);
}

#[test]
fn an_undecided_rank_is_refused_with_its_numbers() {
    // Equilibration would cure a short column; two columns that agree to 1e-8 stay undecided.
    let nearly_equal = Matrix::from_row_major(3, 2, vec![1.0, 1.0, 1.0, 1.0 + 1e-8, 1.0, 1.0 - 1e-8]);
    match null_space(&nearly_equal, &NullSpaceParams::default()) {
        Err(LinalgError::NoGap { value, clear_kept, clear_dropped, .. }) => {
            assert!((1e-9..1e-7).contains(&value), "value {value}");
            assert_eq!((clear_kept, clear_dropped), (1, 0));
        }
        other => panic!("expected a refusal, found {other:?}"),
    }
}

#[test]
fn no_rows_leave_every_unknown_free() {
    let found = null_space(&Matrix::zeros(4, 3), &NullSpaceParams::default()).unwrap();
    assert_eq!(found.basis.columns(), 3);
    assert_eq!((found.info.rows_used, found.info.rows_dropped), (0, 4));
}

/// Dependent columns first: an unmixed R would have a chain of zero pivots with full rows behind them.
#[test]
fn early_dependent_columns_do_not_overflow() {
    let (columns, nullity) = (120, 40);
    let base = deficient(300, columns - nullity, 0, 9);
    let matrix = Matrix::from_fn(300, columns, |i, j| base[(i, j.saturating_sub(nullity))]);
    let params = NullSpaceParams { direct_limit: 0, ..Default::default() };
    let found = null_space(&matrix, &params).unwrap();
    assert_eq!(found.basis.columns(), nullity);
    assert!(matrix.matmul(&found.basis).max_abs() < 1e-12);
}
