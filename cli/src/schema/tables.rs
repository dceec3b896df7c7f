//! The fields of every command's JSON, in the order in which they are printed.

use super::Kind::{Count, List, Named, Number, Object, OneOf, Optional, OrNull, Text, Truth};
use super::{Field, Kind, field};

const TITLE: Field = field("title", Text, "of the spec, title/variant for variants");
const MEMORY: Field =
    field("memory_predicted_bytes", Count, "what the program takes at most, predicted before it starts");
const VERDICT: Kind = OneOf(&["agrees", "disagrees", "undecided"]);
const P_VALUE: Field = field("p_value", Number, "probability of a distance this large if the law were true");
const DTYPE: Field = field("dtype", OneOf(&["f32", "f64"]), "precision of the run");

pub(super) const RUN: &[Field] = &[
    TITLE,
    field("folder", Text, "the run folder"),
    field("report", Text, "the page in it"),
    field("summary", List(&Text), "what came out, in sentences"),
    field("runs", List(&Object(RUNS)), "the base, then its variants"),
];

const RUNS: &[Field] = &[
    TITLE,
    field("seeds", Count, "number of seeds"),
    field("steps", Count, "steps that every seed made"),
    field("seconds", Number, "wall time of the simulation"),
    MEMORY,
    field("ended_early", OrNull(&Text), "how the simulation ended early"),
    field("verify", OrNull(&Object(VERIFY)), "the verdict; null without [verify]"),
];

pub(super) const DERIVE: &[Field] = &[
    TITLE,
    field("parameters", Count, "p"),
    field("predictor", Object(PREDICTOR), "its size"),
    field(
        "fiber_dimension",
        OrNull(&Count),
        "p − rank J at generic parameters; null for a lifted model of which only bounds are known",
    ),
    field("orbit_dimension", OrNull(&Count), "rank of the generators; null where they are too many to write out"),
    field("unexplained", OrNull(&Count), "fiber − orbit; null where the fiber is"),
    field("unexplained_on", Optional(&List(&Text)), "tensors on which alone the unexplained directions can be chosen"),
    field("symmetries", Object(SYMMETRIES), "what the search found"),
    field("charges", Object(CHARGES), "what gradient flow conserves"),
    field("bias", OrNull(&Object(BIAS)), "the gauge bias; null where the generators are too many to write out"),
    field("slice", Optional(&Object(SLICE)), "whether there is a balanced point, and the slice where there is none"),
    field("slice_invariance", Optional(&OrNull(&Number)), "largest |tr(A P_H)|; null without charges"),
    field("unused", Optional(&List(&Text)), "tensors that the predictor ignores"),
    field(
        "nearly",
        Optional(&List(&Object(NEARLY))),
        "directions that come closest to being symmetries, where asked for",
    ),
    field("lifted", Optional(&Object(LIFTED)), "how a large model was lifted from two smaller copies"),
    field("notes", List(&Text), "in sentences"),
];

const PREDICTOR: &[Field] = &[
    field("dimension", Count, "d"),
    field("rank", OrNull(&Count), "rank of J where the bias is evaluated; null for a lifted model"),
    field("generic_rank", OrNull(&Count), "rank of J at generic parameters; null where only bounds are known"),
    field(
        "generic_rank_at_least",
        Optional(&OrNull(&Count)),
        "of a lifted model: its rank at one random point; null where J is too large",
    ),
    field("generic_rank_at_most", Optional(&Count), "of a lifted model: p less the orbit, or d"),
    field("generic_rank_is_bound", Optional(&Truth), "whether it may be larger: the maximum did not recur"),
];

const NEARLY: &[Field] = &[
    field("acts_on", List(&Text), "names of tensors"),
    field("violation", Number, "root mean square of |Jξ|/(|J||ξ|) at fresh points"),
];

const LIFTED: &[Field] = &[
    field("copy_parameters", List(&Count), "parameters of each copy"),
    field("unexplained_on_copies", Count, "largest unexplained dimension of a copy"),
    field("not_lifted", List(&Text), "factors of a copy that are no family of axes"),
    field("closure_residual", OrNull(&Number), "part of a random bracket outside the algebra at full size"),
];

const STRUCTURE: &[Field] = &[
    field("centre", Count, "its dimension"),
    field("simple", List(&Object(IDEALS)), "simple ideals"),
    field("translations", Count, "dimension"),
    field("shifts", Count, "dimension"),
    field("unrecognised", Count, "dimension"),
    field("tree", List(&Object(BRANCHES)), "the same as branches with members"),
];

const BRANCHES: &[Field] = &[
    field(
        "role",
        OneOf(&["centre", "simple", "translations", "shifts", "unrecognised", "unexplained", "unused"]),
        "the last two stand beside the algebra",
    ),
    field("dimension", Count, "of the branch; of unused parameters their number"),
    field("acts_on", List(&Text), "names of tensors"),
    field("members", List(&Object(MEMBERS)), "equal ideals on the same tensors; none beside the algebra"),
];

const MEMBERS: &[Field] = &[
    field("name", Text, "the algebra of one copy, as R, sl(3), so(2)"),
    field("factor", Text, "the factor that it belongs to"),
    field("count", Count, "number of copies"),
    field("dimension", Count, "of all copies"),
    field("noncompact", OrNull(&Count), "symmetric elements, each with a charge; null where not recognised"),
    field("compact", OrNull(&Count), "rotations; null where not recognised"),
    field("acts_on", List(&Text), "names of tensors"),
    field("bias_parts", List(&Count), "places in bias.parts of the summands that hold its share"),
];

const IDEALS: &[Field] = &[field("name", Text, "as sl(3)"), field("count", Count, "how many")];

const LAW: &[Field] = &[
    field("exact", Truth, "at every step, or to first order"),
    field("decay", OrNull(&Number), "factor of a charge in a step; null where there is none"),
    field("text", Text, "in words"),
];

const PARTS: &[Field] = &[
    field("acts_on", List(&Text), "names of tensors"),
    field("value", Number, "its summand of the bias"),
    field("smallest_direction", OrNull(&Number), "near 0 the orbit degenerates there; null for a lifted model"),
    field("formula", OrNull(&Text), "on the balanced slice; null where it is numeric"),
    field("latex", OrNull(&Text), "the same in LaTeX"),
    field("formula_error", OrNull(&Number), "largest |formula − numeric| over random points"),
];

const SYMMETRIES: &[Field] = &[
    field("dimension", Count, "of the algebra"),
    field("noncompact", Count, "symmetric elements and translations"),
    field("compact", Count, "antisymmetric elements"),
    field("closed", Truth, "under brackets"),
    field("spectral_gap", OrNull(&Number), "last kept / first dropped singular value; null when nothing was dropped"),
    field("max_residual", Number, "largest |Jξ|/(|J||ξ|) at fresh points"),
    field("factors", List(&Object(FACTORS)), "named factors"),
    field("redundant_sections", Count, "state-dependent multiples of translations, left out"),
    field("structure", Object(STRUCTURE), "centre and ideals"),
];

const FACTORS: &[Field] = &[
    field(
        "kind",
        OneOf(&["rescaling", "gl", "o", "so", "translation", "scale", "boost", "shift", "other"]),
        "which group",
    ),
    field("size", Count, "r of GL(r), n of SO(n), 1 for one-parameter groups"),
    field("count", Count, "number of copies"),
    field("acts_on", List(&Text), "names of tensors"),
];

const CHARGES: &[Field] = &[
    field(
        "independent",
        OrNull(&Count),
        "rank of their gradients at a generic point; null where they are too many to write out, or the algebra is not closed",
    ),
    field("names", List(&Text), "as expressions"),
    field("law", Optional(&OrNull(&Object(LAW))), "what [train] does to a charge; null without it"),
];

const BIAS: &[Field] = &[
    field(
        "at",
        OneOf(&["balanced", "initial", "random", "file"]),
        "where it is evaluated; initial or random too where no balanced point was found",
    ),
    field("log_det_gram", OrNull(&Number), "log det Γ; null without symmetry, or where the algebra is not closed"),
    field("value", OrNull(&Number), "half of it, in nats"),
    field("basis", OneOf(&["canonical", "orthonormal"]), "of the algebra"),
    field("basis_dependent", Truth, "by more than a constant"),
    field("coarea", OrNull(&Number), "½ log det(JJᵀ) on the predictor's rank"),
    field("formula", OrNull(&Text), "on the balanced slice"),
    field("latex", OrNull(&Text), "the same in LaTeX"),
    field("formula_error", OrNull(&Number), "largest |formula − numeric| over random points"),
    field("orbit_dimension_here", Count, "rank of the generators at this point"),
    field("log_det_constraint_gram", OrNull(&Number), "of the gradients of the charges; null without them"),
    field("parts", List(&Object(PARTS)), "summands of the value"),
    field(
        "strata",
        List(&Object(STRATA)),
        "combinations of generators that almost vanish at the point, shortest first",
    ),
];

const STRATA: &[Field] = &[
    field("acts_on", List(&Text), "tensors that the combination moves elsewhere"),
    field("length", Number, "how far it moves the point, relative to a random point of the same size"),
    field("combination", List(&Object(TERMS)), "largest terms first"),
];

const TERMS: &[Field] = &[
    field("generator", Text, "which one"),
    field("weight", Number, "its coefficient; the sum of squares over all terms is 1"),
];

const SLICE: &[Field] = &[
    field("balanced_point", Truth, "whether generic orbits hold a point where every charge is 0"),
    field("held", List(&Text), "charges that cannot vanish; the slice has them constant"),
    field("start_balanced", OrNull(&Truth), "whether the start's orbit was balanced; null where that was not asked"),
    field("text", Text, "in a sentence"),
];

pub(super) const BALANCE: &[Field] = &[
    TITLE,
    field("output", Text, "the file that was written"),
    field("steps", Count, "of Newton's method"),
    field("relative_charge", Number, "largest |Q|/|θ|² that is left"),
    field("predictor_change", Number, "|F(balanced) − F(θ)|/|F(θ)|"),
    field(
        "in_the_limit",
        Truth,
        "whether the orbit only comes near to that point, whose own orbit has fewer dimensions",
    ),
];

pub(super) const SIMULATE: &[Field] = &[
    TITLE,
    field("seeds", Count, "number of seeds"),
    field("steps", Count, "steps that every seed made"),
    DTYPE,
    field("seconds", Number, "wall time"),
    field("us_per_seed_step", Number, "microseconds for each seed and step"),
    MEMORY,
    field(
        "final_medians",
        Named(&OrNull(&Number)),
        "median over seeds of each scalar observable at the last record; null where it is not finite",
    ),
];

pub(super) const VERIFY: &[Field] = &[
    TITLE,
    field("law", Text, "the predicted law"),
    field("observable", Text, "as the spec writes it"),
    field("samples", Count, "records × seeds"),
    field("effective_samples", Number, "independent samples that they are worth"),
    field("ks", Number, "Kolmogorov–Smirnov distance to the law"),
    field("ks_threshold", Number, "the largest distance that is not rejected"),
    field("wasserstein", Number, "Wasserstein-1 distance, in the observable's unit"),
    field("verdict", VERDICT, "what the samples say about the law"),
    field("alternatives", List(&Object(ALTERNATIVES)), "other laws, judged by the same threshold"),
    field("step_size_bias", OrNull(&Number), "change of ks between step sizes h and h/2"),
    field("slice_invariant", OrNull(&Truth), "for the horizontal law with charges"),
    field("charge_drift", OrNull(&Number), "largest change of a charge, relative to |θ|²; null without charges"),
    P_VALUE,
    field("reason", Text, "the verdict in a sentence"),
    field("prediction", OrNull(&Object(LABEL)), "the conditions under which the law is meant"),
    field("mean", Number, "of the samples"),
    field("mean_error", Number, "its standard error"),
    field("predicted_mean", OrNull(&Number), "mean of the predicted law"),
    field("prediction_error", OrNull(&Number), "standard error of a distribution function known by weighted points"),
    field("power", OrNull(&Number), "the smallest distance that this sample would have seen with probability one half"),
    field("stationary", OrNull(&Truth), "whether θ has a stationary law, charges included; null where not known"),
    field("charges", List(&Object(CHARGE_REPORTS)), "what the run did to each charge"),
    field("noise_estimate", OrNull(&Object(NOISE)), "the noise of the gradients at the end; null without any"),
    field(
        "quotient",
        OrNull(&Object(QUOTIENT)),
        "the motion of the predictor at the start; null where θ does not diffuse, or the model is large",
    ),
    field("energy", OrNull(&Object(ENERGY)), "whole predictors at the end against the law; null in one coordinate"),
    field("notes", List(&Text), "cuts and conditions of the prediction"),
];

const LABEL: &[Field] = &[
    field("noise", Text, "the noise that realises the law"),
    field("measure", Text, "the density, and of what"),
    field("slice", Text, "the level of the charges that it is evaluated on"),
    field("component", Text, "the part of that level that it lives on"),
    field("method", Text, "how the law was computed: quadrature, a lattice, NUTS, moments"),
];

const CHARGE_REPORTS: &[Field] = &[
    field("name", Text, "as an expression"),
    field("start", Number, "value at the start"),
    field("end", Number, "mean over seeds at the end"),
    field("end_error", Number, "its standard error"),
    field("predicted", OrNull(&Number), "what its drift predicts for the end"),
    field("deviations", OrNull(&Number), "(end − predicted) in standard errors"),
];

const NOISE: &[Field] = &[
    field("temperature", Number, "η tr Σ/(2 rank J) of the gradients, mean over seeds"),
    field("temperature_error", Number, "its standard error"),
    field("anisotropy", OrNull(&Number), "largest eigenvalue of Σ over its mean one on the horizontal space"),
    field("anisotropy_error", OrNull(&Number), "its standard error"),
    field("horizontal_share", Number, "share of tr Σ that is orthogonal to the orbits"),
];

const QUOTIENT: &[Field] = &[
    field("closes", Truth, "whether the predictor moves by an equation of its own"),
    field("charge_diffusion", Number, "share of the noise along the gradients of the charges"),
    field("charge_drift", Number, "largest |tr(AΣ)| over the charges, relative to |A| tr Σ"),
    field("rotation_change", Number, "largest relative change of a coefficient under a rotation of the group"),
    field("drift", OrNull(&List(&Number)), "−JJᵀ∂ℓ + ½ tr(Σ∇²F); null beyond sixteen coordinates"),
    field("ito", OrNull(&List(&Number)), "½ tr(Σ∇²F)"),
    field("diffusion", OrNull(&List(&List(&Number))), "JΣJᵀ, row by row"),
];

const ENERGY: &[Field] = &[
    field("distance", Number, "energy distance, in the predictor's unit"),
    P_VALUE,
    field("samples", Count, "vectors of each sample"),
];

const ALTERNATIVES: &[Field] = &[
    field("law", Text, "its name"),
    field("ks", Number, "distance to it"),
    field("verdict", VERDICT, "what the samples say about it"),
    P_VALUE,
    field("prediction", OrNull(&Object(LABEL)), "the conditions under which it is meant"),
];

pub(super) const ATTRIBUTE: &[Field] = &[
    TITLE,
    field("observable", Text, "the preference"),
    field("value", Number, "its mean over seeds in the run"),
    field("reference", Number, "its mean where the predictor itself is trained, without noise and penalties"),
    field("change", Number, "value − reference"),
    field("change_error", Number, "its standard error"),
    field("terms", List(&Object(EFFECTS)), "what it is due to"),
    field("remainder", Number, "the change less all terms"),
    field("remainder_interval", Number, "three standard errors of it"),
    field("explained", Truth, "whether the remainder is within that"),
    field(
        "predicted_remainder",
        OrNull(&Object(UNPREDICTED)),
        "the change less its prediction; null where there is none",
    ),
    field("settings", List(&Object(SETTINGS)), "what it does where one setting is changed; empty with --terms-only"),
    field("notes", List(&Text), "conditions, in sentences"),
];

const EFFECTS: &[Field] = &[
    field("name", Text, "flow, noise of w itself, gauge correction, gradient noise or explicit penalty"),
    field("ablation", Number, "change of the observable, by ablation"),
    field("ablation_error", Number, "its standard error"),
    field("predicted", OrNull(&Number), "change of the observable, by prediction"),
    field("remainder", OrNull(&Object(UNPREDICTED)), "ablation less prediction; null where there is none"),
    field("share", OrNull(&Number), "part of the whole change"),
];

const SETTINGS: &[Field] = &[
    field("name", Text, "temperature, batch size, step size, initial scale or balanced start"),
    field("from", Text, "what it is in the spec"),
    field("to", Text, "what it was changed to"),
    field("value", Number, "mean of the observable there"),
    field(
        "reference",
        Number,
        "its mean where w itself is trained with the same setting and noise, from where it started",
    ),
    field("change", Number, "value − reference, less the same as the spec stands"),
    field("change_error", Number, "its standard error"),
    field("predicted", OrNull(&Number), "the change, by prediction"),
    field("remainder", OrNull(&Object(UNPREDICTED)), "the change less its prediction; null where there is none"),
];

const UNPREDICTED: &[Field] = &[
    field("difference", Number, "over the seeds that the prediction is of"),
    field("error", Number, "its standard error, over those seeds"),
    field("seeds", Count, "how many they are"),
    field("failed", Truth, "whether it is beyond three standard errors, by Student's distribution for few seeds"),
];

pub(super) const BENCH: &[Field] = &[
    TITLE,
    field("seeds", Count, "number of seeds"),
    field("steps", Count, "of a timed round"),
    DTYPE,
    field("lanes", Count, "seeds that run side by side"),
    field("threads", Count, "worker threads"),
    field("us_per_seed_step", Number, "microseconds for each seed and step in the fastest round"),
    field("us_median", Number, "in the median round"),
    field("us_slowest", Number, "in the slowest round"),
    field("gflops", Number, "10⁹ floating-point operations a second in the fastest round"),
    field("flops_per_step", Count, "those of one seed's step"),
    field("compile_seconds", Number, "from the parsed spec to the program"),
    field(
        "times_isotropic",
        OrNull(&Number),
        "the fastest round over that with isotropic noise; null unless the noise is horizontal",
    ),
    MEMORY,
];

pub(super) const REPRODUCE: &[Field] = &[
    TITLE,
    field("folder", Text, "with the runs and the report"),
    field("report", Text, "the page"),
    field("seconds", Number, "wall time of this call"),
    field("numbers", List(&Object(NUMBERS)), "published numbers beside ours, at every stage"),
    field("findings", List(&Text), "what balancing and flow figures show, in sentences"),
    field("files", List(&Text), "those in the reference format"),
];

const NUMBERS: &[Field] = &[
    field("experiment", Text, "its name"),
    field("what", Text, "the number, in words"),
    field("published", Number, "of one run of one seed"),
    field("stage", OneOf(&["plot", "accuracy", "other"]), "how long the runs are"),
    field("steps", Count, "after which ours is taken"),
    field("seeds", Count, "number of seeds"),
    field("median", OrNull(&Number), "ours; null where it is not finite"),
    field("low", OrNull(&Number), "10 % quantile over seeds"),
    field("high", OrNull(&Number), "90 % quantile over seeds"),
    field("inside", Truth, "whether the published number lies between them"),
    field("verdict", Text, "in words"),
];
