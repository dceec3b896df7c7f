//! Which option belongs to which target: one table for the flags of the command line and the keys of `--blocks`.

use crate::{DesignError, LinkKind, Settings, Target};

use Target::{Custom, Dct, Fourier, Graph, Group, Haar, LowRank, Sign, Sparsity, TotalVariation, Trend};

/// Options by their names on the command line, with the targets that take them. Some targets are listed that refuse an option with a
/// reason of their own: low-rank a strength, sparsity and its like groups.
const OPTIONS: [(&str, &[Target]); 14] = [
    ("columns", &[LowRank]),
    ("depth", &[Sparsity, Sign, LowRank, TotalVariation, Trend, Dct, Fourier, Haar, Graph]),
    ("strength", &[Sparsity, Sign, Group, LowRank, TotalVariation, Trend, Dct, Fourier, Haar, Graph]),
    ("groups", &[Sparsity, Sign, Group, TotalVariation, Trend, Dct, Fourier, Haar, Graph, Custom]),
    ("link", &[Group, TotalVariation, Trend, Dct, Fourier, Haar, Graph, Custom]),
    ("order", &[Trend]),
    ("edges", &[Graph]),
    ("spanning-forest", &[Graph]),
    ("negative", &[Sign]),
    ("penalty", &[TotalVariation, Trend, Dct, Fourier, Haar, Graph, Custom]),
    ("penalty-table", &[TotalVariation, Trend, Dct, Fourier, Haar, Graph, Custom]),
    ("domain", &[TotalVariation, Trend, Dct, Fourier, Haar, Graph, Custom]),
    ("tolerance", &[TotalVariation, Trend, Dct, Fourier, Haar, Graph, Custom]),
    ("size", &[Sparsity, Sign, Group, LowRank, TotalVariation, Trend, Dct, Fourier, Haar, Graph, Custom]),
];

/// Refuses options that a target, or its other settings, leave without a meaning; `given` are their names.
///
/// # Errors
/// [`DesignError::Option`], with the targets that take it.
pub fn check_options(target: Target, settings: &Settings, given: &[&str]) -> Result<(), DesignError> {
    if let Some(scale) = settings.scale.filter(|scale| !(scale.is_finite() && *scale > 0.0)) {
        let expected = "a finite number above 0: from factors at 0 no gradient leads away";
        return Err(crate::build::out_of_range("the scale of the start (--scale)", scale, expected));
    }
    check_target(target, given)?;
    check_meaning(target, settings, given)
}

fn check_target(target: Target, given: &[&str]) -> Result<(), DesignError> {
    let size_of_free = |option: &str| option == "size" && target == Target::Free;
    let other = |option: &str| {
        let known = OPTIONS.iter().find(|(name, _)| *name == option);
        known.map(|(_, targets)| *targets).filter(|targets| !targets.contains(&target) && !size_of_free(option))
    };
    match given.iter().find_map(|option| other(option).map(|targets| (*option, targets))) {
        None => Ok(()),
        Some((option, targets)) => Err(DesignError::Option {
            option: option.to_owned(),
            target: target.word(),
            why: format!("of {}", targets.iter().map(|target| target.word()).collect::<Vec<_>>().join(", ")),
        }),
    }
}

fn check_meaning(target: Target, settings: &Settings, given: &[&str]) -> Result<(), DesignError> {
    let has = |option: &str| given.contains(&option);
    let penalised = settings.penalty.is_some() || target == Custom;
    let grouped = !settings.groups.is_empty() || target == Group;
    let fault = |option: &str, why: &str| {
        Err(DesignError::Option { option: option.to_owned(), target: target.word(), why: why.to_owned() })
    };
    for option in ["domain", "tolerance"] {
        if has(option) && !penalised {
            return fault(option, "of a penalty: give --penalty or --penalty-table too");
        }
    }
    for option in ["depth", "strength"] {
        if has(option) && penalised {
            return fault(option, "of products and powers: write the strength into --penalty");
        }
    }
    match settings.link {
        Some(LinkKind::Radial) if !grouped => fault("link", "radial for groups; a penalty has direct or product"),
        Some(LinkKind::Direct) if !penalised => fault("link", "direct for a penalty; groups have radial or product"),
        Some(LinkKind::Product) if !grouped && !penalised => fault("link", "of groups or of a penalty"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_other_targets_are_refused() {
        for (target, option) in [
            (Sparsity, "columns"),
            (Sparsity, "order"),
            (Sparsity, "domain"),
            (Sign, "link"),
            (Target::Free, "depth"),
            (Target::Blocks, "size"),
        ] {
            let said = check_target(target, &[option]).unwrap_err().to_string();
            assert!(said.contains(option) && said.contains(target.word()), "{said}");
        }
        assert!(check_target(Target::Free, &["size"]).is_ok() && check_target(Trend, &["order", "depth"]).is_ok());
    }

    #[test]
    fn options_without_their_object_are_refused() {
        let settings = Settings { link: Some(LinkKind::Radial), ..Settings::default() };
        assert!(check_meaning(Haar, &Settings::default(), &["tolerance"]).is_err());
        assert!(check_meaning(Custom, &Settings::default(), &["tolerance"]).is_ok());
        assert!(check_meaning(Custom, &settings, &["link"]).is_err());
        assert!(check_meaning(Group, &settings, &["link"]).is_ok());
    }
}
