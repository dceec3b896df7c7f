//! The fields of `design --json`.

use super::Kind::{Count, List, Number, Object, OneOf, OrNull, Text, Truth};
use super::{Field, field};

pub(super) const DESIGN: &[Field] = &[
    field("title", Text, "target and size"),
    field("target", Text, "what was asked for"),
    field("shape", List(&Count), "of w"),
    field("parameters", Count, "p"),
    field("biases", Object(BIASES), "as functions of w"),
    field("symbols", List(&Text), "what the symbols in them are"),
    field("regime", OneOf(&["noise", "minibatch", "flow"]), "how the user trains"),
    field("shown", Text, "the bias that this regime shows"),
    field("meaning", Text, "what that bias does"),
    field("exact", Truth, "whether the horizontal law is e^(−L/τ − R) exactly"),
    field("approximation", OrNull(&Text), "if not, why and by how much"),
    field("measure", Text, "what densities are with respect to"),
    field("component", Text, "where the law lives"),
    field("blocks", List(&Object(BLOCK)), "what is said of each block; one where the design is no composition"),
    field("link", OrNull(&Object(LINK)), "quality of the link of a penalty; null without one"),
    field("proof", Object(PROOF), "the design taken apart"),
    field("example", Object(EXAMPLE), "a point for comparison with other implementations"),
    field("spec", Text, "a spec that runs"),
    field("advice", List(&Text), "settings for the strength --lambda, where it was given"),
    field("recommended", OrNull(&Object(RECOMMENDED)), "the numbers of that advice; null without --lambda"),
    field("convergence", OrNull(&Object(CONVERGENCE)), "how many steps training takes; null without --data"),
    field("notes", List(&Text), "in sentences"),
    field(
        "simulation",
        OrNull(&Object(SIMULATION)),
        "of the law of a coordinate, group or small matrix, with --out; of compositions it stands in blocks",
    ),
];

const BLOCK: &[Field] = &[
    field("title", Text, "target and size"),
    field("target", Text, "what was asked for"),
    field("coordinates", List(&Count), "the first, and the first of the next block"),
    field("biases", Object(BIASES), "as functions of these coordinates"),
    field("symbols", List(&Text), "what the symbols in them are"),
    field("component", Text, "where the law lives"),
    field("approximation", OrNull(&Text), "why its law is only near to R; null where it is exact"),
    field("simulation", OrNull(&Object(SIMULATION)), "of its law, with --out"),
];

const RECOMMENDED: &[Field] = &[
    field("lambda", Number, "λ"),
    field("blocks", List(&Object(BLOCK_SETTINGS)), "settings of each penalised block"),
    field("stable_step_size", OrNull(&Number), "2/λ_max(M ∇²L) at least squares; null without --data"),
    field(
        "at_step_size",
        OrNull(&Object(AT_STEP_SIZE)),
        "what gives λ of the first block at a given step size; null without --data and outside the minibatch regime",
    ),
];

const BLOCK_SETTINGS: &[Field] = &[
    field("coordinates", List(&Count), "of Tw: the first, and the first that is another's"),
    field("temperature", OrNull(&Number), "τ; null outside the noise regime"),
    field(
        "step_size",
        OrNull(&Number),
        "η for batches of --batch rows; null outside the minibatch regime, and without noise",
    ),
    field(
        "l1_scale",
        OrNull(&Number),
        "scale of the start at which φ is within 5 % of an L1 norm; null where there is none",
    ),
    field(
        "l1_deviation",
        OrNull(&Number),
        "share by which φ/|z| differs over the solution at the printed scale; null likewise",
    ),
];

const AT_STEP_SIZE: &[Field] = &[
    field("step_size", Number, "η: --step-size, or a tenth of the largest stable one"),
    field(
        "batch",
        OrNull(&Object(BATCH)),
        "the size of batches whose λ is nearest; null where it is beyond all of them",
    ),
    field("batch_range", List(&Number), "λ of batches of all rows but one, and of single rows"),
    field("given_batch_strength", Number, "λ of batches of --batch rows"),
    field("label_noise", Number, "deviation of noise on labels that gives λ with full batches"),
    field(
        "label_noise_with_batch",
        OrNull(&Number),
        "and with batches of --batch rows; null where they alone give more",
    ),
];

const BATCH: &[Field] = &[field("rows", Count, "B"), field("strengths", List(&Number), "λ of each penalised block")];

const CONVERGENCE: &[Field] = &[
    field("step_size", Number, "η"),
    field("fastest", Number, "steps for a factor e near the solution, along the fastest direction"),
    field("slowest", Number, "and along the slowest that the data see"),
    field(
        "escape",
        OrNull(&List(&Number)),
        "steps until the first and the last entry, group or singular value has left the start for half of its value where descent ends (least squares with the signs that the start keeps), of those that start below it and are at least 1 % of the largest; null where nothing does, beyond 128 entries, and where the saddles do not lead there, as with fewer rows than features",
    ),
    field(
        "counted",
        Truth,
        "whether these are counted in descent; else they are estimated from saddle to saddle, and too short where features are nearly dependent",
    ),
    field("unreachable", Count, "entries of the solution whose sign descent does not reach from the printed start"),
    field("forbidden", Count, "and that no start of the design has"),
];

const SIMULATION: &[Field] = &[
    field("seeds", Count, "of the simulation"),
    field("steps", Count, "of each seed"),
    field("of", OrNull(&Text), "what was simulated, where it is not the design as it stands"),
    field("verdict", OrNull(&OneOf(&["agrees", "disagrees", "undecided"])), "on the law; null where it was not judged"),
    field("ks", OrNull(&Number), "distance to the law"),
    field("ks_threshold", OrNull(&Number), "largest distance that is not rejected"),
    field("effective_samples", OrNull(&Number), "independent samples that the samples are worth"),
    field("not_judged", OrNull(&Text), "why there is no verdict"),
    field(
        "within_band",
        OrNull(&Number),
        "share of bins in which the 95 % band of all bins together holds R; null where R was not read off",
    ),
    field("within_pointwise", OrNull(&Number), "the same of bands of single bins, of which one in twenty misses"),
    field("band_errors", OrNull(&Number), "half the width of the former, in standard errors over seeds"),
    field("strength", OrNull(&Number), "slope of the estimate against R: 1 for the right strength"),
    field("strength_error", OrNull(&Number), "its standard error, over seeds"),
    field("rms", OrNull(&Number), "root mean square of estimate − R, nats"),
    field("range", OrNull(&Number), "largest less smallest R over the bins, nats"),
];

const BIASES: &[Field] = &[
    field("noise", Text, "R(w), nats: L + τR under injected noise"),
    field("minibatch", Text, "P(w): L + P under mini-batch SGD"),
    field("flow", Text, "φ(w), the mirror potential, or why there is none"),
];

const LINK: &[Field] = &[
    field("pieces", Count, "polynomials"),
    field("error", Number, "largest error in w"),
    field("penalty_error", Number, "largest error of log ∂w/∂s, nats"),
    field("core", Number, "half-width of the straight piece at singularities of R; 0 without any"),
];

const PROOF: &[Field] = &[
    field("size", Count, "coordinates of the design that was taken apart"),
    field("points", Count, "random points"),
    field("symmetries", List(&Text), "found in the spec's text"),
    field("symmetry_dimension", Count, "of their algebra"),
    field("unexplained", Count, "fiber dimensions that they do not explain"),
    field("predictor_error", Number, "largest relative |F(θ) − w|"),
    field("charge_error", OrNull(&Number), "largest |charge|/|θ|² of the balanced lift"),
    field("penalty_error", Number, "largest |½ log det(JJᵀ) − R − constant|, nats"),
    field("minibatch_error", Number, "largest relative error of ‖Jᵀa‖²"),
    field("flow_error", OrNull(&Number), "largest relative error of φ''; null without φ"),
    field("slice_drift", OrNull(&Number), "largest |tr(A P_H)|; null without charges"),
    field("tolerance", Number, "what differences have to stay below"),
    field("holds", Truth, "whether all of them do"),
    field("exact", Truth, "whether the slice is invariant, or there is none"),
];

const EXAMPLE: &[Field] = &[
    field("parameters", List(&Object(TENSOR)), "θ"),
    field("predictor", List(&Number), "w = F(θ), row by row"),
    field("covector", List(&Number), "a"),
    field("gradient", List(&Number), "Jᵀa, in the order of θ"),
];

const TENSOR: &[Field] = &[
    field("name", Text, "of the tensor"),
    field("shape", List(&Count), "of the tensor"),
    field("values", List(&Number), "row by row"),
];
