//! Fewer points for the same picture.

/// At most about `most` points: each stretch of positions keeps its lowest and its highest point, so that no spike is lost and no
/// false slow wave appears, as it would if every n-th point were kept. Gaps (points that are not finite) stay gaps.
pub fn extremes(points: &[(f64, f64)], most: usize) -> Vec<(f64, f64)> {
    if points.len() <= most {
        return points.to_vec();
    }
    let length = points.len().div_ceil((most / 2).max(1));
    let mut kept = Vec::with_capacity(most + 2);
    for stretch in points.chunks(length) {
        let finite = || (0..stretch.len()).filter(|&i| stretch[i].1.is_finite());
        let by_value = |a: &usize, b: &usize| stretch[*a].1.total_cmp(&stretch[*b].1);
        match (finite().min_by(by_value), finite().max_by(by_value)) {
            (Some(low), Some(high)) => {
                kept.push(stretch[low.min(high)]);
                if low != high {
                    kept.push(stretch[low.max(high)]);
                }
                if stretch.last().is_some_and(|point| !point.1.is_finite()) {
                    kept.push((stretch[stretch.len() - 1].0, f64::NAN));
                }
            }
            _ => kept.push((stretch[0].0, f64::NAN)),
        }
    }
    with_ends(points, kept)
}

/// A thinned line still starts and ends where the data do.
fn with_ends(points: &[(f64, f64)], mut kept: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    if let (Some(first), Some(last)) = (points.first(), points.last()) {
        if kept.first().is_some_and(|point| point.0 > first.0) {
            kept.insert(0, *first);
        }
        if kept.last().is_some_and(|point| point.0 < last.0) {
            kept.push(*last);
        }
    }
    kept
}

/// At most about `most` points of a band (x, low, high): each stretch becomes its mean over finite rows, at its own mean position.
pub fn means(points: &[(f64, f64, f64)], most: usize) -> Vec<(f64, f64, f64)> {
    if points.len() <= most {
        return points.to_vec();
    }
    let mean = |stretch: &[(f64, f64, f64)]| {
        let finite: Vec<_> = stretch.iter().filter(|p| p.1.is_finite() && p.2.is_finite()).collect();
        let count = finite.len() as f64;
        let sum = finite.iter().fold((0.0, 0.0, 0.0), |s, p| (s.0 + p.0, s.1 + p.1, s.2 + p.2));
        if finite.is_empty() {
            (stretch[0].0, f64::NAN, f64::NAN)
        } else {
            (sum.0 / count, sum.1 / count, sum.2 / count)
        }
    };
    let inner = points.chunks(points.len().div_ceil(most)).map(mean);
    [points[0]].into_iter().chain(inner).chain([points[points.len() - 1]]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spikes_survive_and_ends_stay() {
        let mut points: Vec<(f64, f64)> = (0..100_000).map(|i| (f64::from(i), 0.0)).collect();
        points[77_777].1 = 9.0;
        let kept = extremes(&points, 900);
        assert!(kept.len() <= 905, "{}", kept.len());
        assert!(kept.contains(&(77_777.0, 9.0)));
        assert_eq!((kept[0].0, kept[kept.len() - 1].0), (0.0, 99_999.0));
        assert!(kept.windows(2).all(|pair| pair[0].0 <= pair[1].0), "positions ascend");
    }

    #[test]
    fn gaps_stay_gaps() {
        let gap = 400..700;
        let points: Vec<(f64, f64)> =
            (0..1000).map(|i| (f64::from(i), if gap.contains(&i) { f64::NAN } else { 1.0 })).collect();
        let kept = extremes(&points, 100);
        assert!(kept.iter().any(|p| p.1.is_nan()));
        assert!(kept.iter().all(|p| p.1.is_nan() || !gap.contains(&(p.0 as i32))));
        let band: Vec<_> = points.iter().map(|p| (p.0, p.1, p.1 + 1.0)).collect();
        assert!(means(&band, 100).iter().any(|p| p.1.is_nan()));
    }

    #[test]
    fn bands_keep_their_mean() {
        let band: Vec<_> = (0..10_000).map(|i| (f64::from(i), f64::from(i % 2), 2.0)).collect();
        let kept = means(&band, 100);
        assert!(kept.len() <= 102 && (kept[50].1 - 0.5).abs() < 0.02 && kept[50].2 == 2.0);
    }
}
