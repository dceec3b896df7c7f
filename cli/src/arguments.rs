//! Commands and flags.

use std::path::PathBuf;
use std::time::Duration;

use gaugebias::model::spec::{MOST_SEEDS, MOST_STEPS};

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Finds the symmetries of a model's parametrization, computes the bias that they and gradient noise induce, and tests
/// the prediction against simulated training.
#[derive(Parser)]
#[command(name = "gaugebias", version, after_help = "A SPEC is a TOML file, or the name of a published experiment.")]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Derive, simulate, verify where the spec asks for it, and write a run folder with report.html
    Run(Run),
    /// Symmetries, charges and bias
    Derive(Derive),
    /// Move parameters to the balanced slice; the predictor is unchanged
    Balance(Balance),
    /// Simulate the ensemble only
    Simulate(Simulate),
    /// Compare samples with the predicted law, and with the alternatives
    Verify(Verify),
    /// Run the published experiments, and compare their numbers and figures with ours
    Reproduce(Reproduce),
    /// How much of a preference is due to flow, the gauge correction, gradient noise and explicit penalties
    Attribute(Attribute),
    /// From a wanted bias to a parametrization that has it: its biases, its proof, its spec and code
    Design(Box<Design>),
    /// Draw a run folder again
    Report(Report),
    /// Time the compiled step: microseconds per seed and step
    Bench(Bench),
    /// Print the JSON Schema of what a command prints with --json
    Schema(Schema),
}

/// Which spec, and what is changed in it.
#[derive(Args)]
pub struct SpecFlags {
    /// Number of seeds, instead of the spec's
    #[arg(long, value_name = "N", value_parser = seeds)]
    pub seeds: Option<u64>,
    /// Number of steps, instead of the spec's
    #[arg(long, value_name = "K", value_parser = steps)]
    pub steps: Option<u64>,
    /// Override a key, as in --set train.step_size=1e-3; may be repeated
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE")]
    pub set: Vec<String>,
    /// Only this variant
    #[arg(long, value_name = "NAME")]
    pub variant: Option<String>,
}

impl SpecFlags {
    /// The flags that change a spec, as they were typed.
    pub fn changing(&self) -> Vec<&'static str> {
        let given =
            [("--seeds", self.seeds.is_some()), ("--steps", self.steps.is_some()), ("--set", !self.set.is_empty())];
        given.into_iter().filter(|(_, given)| *given).map(|(flag, _)| flag).collect()
    }

    /// All overrides, in the form of `--set`.
    pub fn overrides(&self) -> Vec<String> {
        let mut overrides = self.set.clone();
        overrides.extend(self.seeds.map(|seeds| format!("ensemble.seeds={seeds}")));
        overrides.extend(self.steps.map(|steps| format!("train.steps={steps}")));
        overrides
    }
}

/// How many threads.
#[derive(Args, Clone, Copy)]
pub struct Threads {
    /// Worker threads [default: all cores, or RAYON_NUM_THREADS]; results do not depend on it
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<u16>,
}

/// What becomes of a folder for results, and how often a run is saved in it.
#[derive(Args, Clone, Copy)]
pub struct Saving {
    /// Overwrite the results in a folder that holds files
    #[arg(long, conflicts_with = "resume")]
    pub force: bool,
    /// Go on with the run that was stopped or killed in this folder; the results are the same, bit for bit
    #[arg(long)]
    pub resume: bool,
    /// Seconds between saves [default: 5, or more where saving takes long]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub save_every: Option<Duration>,
}

/// A whole number within limits, or what to give instead.
fn whole(text: &str, least: u64, most: u64, instead: &str) -> Result<u64, String> {
    let number = text.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("give a whole number from {least} to {most}{instead}"))
}

fn seeds(text: &str) -> Result<u64, String> {
    whole(text, 1, MOST_SEEDS, "; each seed is a run of its own")
}

fn steps(text: &str) -> Result<u64, String> {
    whole(text, 0, MOST_STEPS, "; with 0 only the start is recorded")
}

fn some_steps(text: &str) -> Result<u64, String> {
    whole(text, 1, MOST_STEPS, ", or leave --steps out")
}

fn threads(text: &str) -> Result<u16, String> {
    whole(text, 1, 1024, ", or leave --threads out for all cores").map(|threads| threads as u16)
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "expected a number of seconds".to_owned())?;
    let duration = Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())?;
    if duration > Duration::from_secs(86_400) { Err("a day at most".to_owned()) } else { Ok(duration) }
}

#[derive(Args)]
pub struct Run {
    /// Spec file, or name of a published experiment
    pub spec: String,
    #[command(flatten)]
    pub flags: SpecFlags,
    /// Folder for the results [default: runs/SPEC]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub saving: Saving,
    /// Print one JSON object instead of a summary
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub threads: Threads,
}

#[derive(Args)]
pub struct Derive {
    /// Spec file, or name of a published experiment
    pub spec: String,
    #[command(flatten)]
    pub flags: SpecFlags,
    /// Where the bias is evaluated: balanced, initial, or a safetensors file of parameters
    #[arg(long, default_value = "balanced", value_name = "POINT")]
    pub at: String,
    /// Symmetries on the data as drawn for the first seed, instead of on all inputs
    #[arg(long)]
    pub data_symmetry: bool,
    /// List the N directions that come closest to being symmetries without being any
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub nearly: usize,
    /// Print one JSON object
    #[arg(long, conflicts_with = "latex")]
    pub json: bool,
    /// Print LaTeX
    #[arg(long)]
    pub latex: bool,
    #[command(flatten)]
    pub threads: Threads,
}

#[derive(Args)]
pub struct Balance {
    /// Spec file, or name of a published experiment
    pub spec: String,
    #[command(flatten)]
    pub flags: SpecFlags,
    /// Parameters to balance: `initial`, or a safetensors file with one tensor for each parameter
    #[arg(long, value_name = "FILE")]
    pub at: String,
    /// Where to write the balanced parameters
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub threads: Threads,
}

#[derive(Args)]
pub struct Simulate {
    /// Spec file, or name of a published experiment
    pub spec: String,
    #[command(flatten)]
    pub flags: SpecFlags,
    /// Folder for the logs and final parameters [default: nothing is written]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub saving: Saving,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub threads: Threads,
}

#[derive(Args)]
pub struct Verify {
    /// Spec files (which are simulated), or run folders (whose samples are used)
    #[arg(required = true)]
    pub specs: Vec<String>,
    #[command(flatten)]
    pub flags: SpecFlags,
    /// Simulate each spec again at half the step size, and report how much the distance to the law changes
    #[arg(long)]
    pub halve: bool,
    /// Print one JSON object for each, one a line
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub threads: Threads,
}

#[derive(Args)]
pub struct Reproduce {
    /// Name of a published experiment, `all`, or a spec file with a [published] section
    pub name: String,
    /// Number of seeds, instead of the spec's
    #[arg(long, value_name = "N", value_parser = seeds)]
    pub seeds: Option<u64>,
    /// Fewer steps, to try it out; the numbers are then not comparable
    #[arg(long, value_name = "K", conflicts_with = "stage", value_parser = some_steps)]
    pub steps: Option<u64>,
    /// Steps of the published plots, or of the longer runs [default: the longer ones where the published numbers need them]
    #[arg(long, value_enum)]
    pub stage: Option<StageFlag>,
    /// Also write, for the first seed, result files that readers of the authors' own files can open
    #[arg(long, value_name = "DIR")]
    pub reference_format: Option<PathBuf>,
    /// Folder for runs and report; what is finished in it is not run again [default: runs/reproduce]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Run everything again, whatever the folder holds
    #[arg(long)]
    pub force: bool,
    /// Print one JSON object instead of a table
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub threads: Threads,
}

#[derive(Args)]
#[command(
    after_help = "The mean of the preference is taken apart by runs without an ingredient (noise, penalties, the parametrization). Then one setting is changed at a time: half the temperature, another batch size, half the step size, half the initial scale, a balanced start; its effect is that on the run less the predictor itself, trained alike. Beside each stands what the laws predict. Of a file with variants the base is meant, unless --variant names one."
)]
pub struct Attribute {
    /// Spec file, or name of a published experiment
    pub spec: String,
    #[command(flatten)]
    pub flags: SpecFlags,
    /// The preference: a scalar expression of the predictor and [data] [default: the observable of [verify]]
    #[arg(long, value_name = "EXPRESSION")]
    pub of: Option<String>,
    /// Leave out the runs with one setting changed
    #[arg(long)]
    pub terms_only: bool,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub threads: Threads,
}

#[derive(Args)]
#[command(
    after_help = "A design without --emit prints what it is and its proof; with --out it also writes spec, code, and a report with a simulation of its law."
)]
pub struct Design {
    /// What the weights are to be
    #[arg(long, value_enum)]
    pub target: TargetFlag,
    /// Number of coordinates, or of rows
    #[arg(long, value_name = "N")]
    pub size: Option<usize>,
    /// For the target blocks: TARGET:SIZE,OPTION=VALUE,… of each block, semicolons between, as in
    /// 'sparsity:8,depth=3; group:3+3+2; low-rank:4x3; free:2'
    #[arg(long, value_name = "BLOCK;BLOCK;…", allow_hyphen_values = true)]
    pub blocks: Option<String>,
    /// Columns of a matrix [default: as many as rows]
    #[arg(long, value_name = "M")]
    pub columns: Option<usize>,
    /// Number of factors [default: 2]
    #[arg(long, value_name = "D")]
    pub depth: Option<usize>,
    /// α of the penalty α log|w|, in the place of a depth (which has 1 − 1/D)
    #[arg(long, value_name = "ALPHA", allow_negative_numbers = true)]
    pub strength: Option<f64>,
    /// Sizes of the groups, one after the other; one size for all with --size
    #[arg(long, value_name = "N,N,…", value_delimiter = ',')]
    pub groups: Vec<usize>,
    /// Which parametrization of groups (radial, product) or of a custom penalty (direct, product)
    #[arg(long, value_enum)]
    pub link: Option<LinkFlag>,
    /// Degree of the polynomial pieces of a trend; 0 is total variation [default: 1]
    #[arg(long, value_name = "K")]
    pub order: Option<usize>,
    /// CSV file of edges: two columns of nodes, from 0
    #[arg(long, value_name = "FILE")]
    pub edges: Option<PathBuf>,
    /// Leave out edges that close cycles
    #[arg(long)]
    pub spanning_forest: bool,
    /// Entries ≤ 0 instead of ≥ 0
    #[arg(long)]
    pub negative: bool,
    /// Penalty of one coordinate: an expression of w in the array language
    #[arg(long, value_name = "EXPRESSION", conflicts_with = "penalty_table", allow_hyphen_values = true)]
    pub penalty: Option<String>,
    /// Penalty of one coordinate: a CSV file with two columns, w and its value
    #[arg(long, value_name = "FILE")]
    pub penalty_table: Option<PathBuf>,
    /// Where the penalty is meant
    #[arg(long, value_name = "LOW,HIGH", value_delimiter = ',', num_args = 1, allow_hyphen_values = true)]
    pub domain: Vec<f64>,
    /// Largest error of the link of a penalty, in w and in nats [default: 1e-8]
    #[arg(long, value_name = "ERROR")]
    pub tolerance: Option<f64>,
    /// How you train, which decides the bias that you see
    #[arg(long, value_enum, default_value = "noise")]
    pub regime: RegimeFlag,
    /// Advise on settings that give the bias this strength
    #[arg(long, value_name = "LAMBDA", allow_negative_numbers = true)]
    pub lambda: Option<f64>,
    /// For that advice: CSV file of a regression, the last column its target; the loss is half the mean square of its residuals
    #[arg(long, value_name = "FILE", requires = "lambda")]
    pub data: Option<PathBuf>,
    /// For that advice: rows in a batch
    #[arg(long, value_name = "B", default_value_t = 1, requires = "data")]
    pub batch: usize,
    /// For that advice: the step size that you train with, for which it finds batches and noise on labels [default: a tenth of the largest stable one]
    #[arg(long, value_name = "ETA", requires = "data", allow_negative_numbers = true)]
    pub step_size: Option<f64>,
    /// Size of the factors at the start
    #[arg(long, value_name = "SIZE", allow_negative_numbers = true)]
    pub scale: Option<f64>,
    /// Print this and nothing else
    #[arg(long, value_enum, conflicts_with_all = ["json", "out", "lambda"])]
    pub emit: Option<EmitFlag>,
    /// Folder for spec, code and report [default: nothing is written]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Write into a folder that holds files
    #[arg(long, requires = "out")]
    pub force: bool,
    /// Seeds of the simulation of its law
    #[arg(long, value_name = "N", default_value_t = 1_024, requires = "out")]
    pub seeds: u64,
    /// Steps of the simulation of its law
    #[arg(long, value_name = "K", default_value_t = 20_000, requires = "out")]
    pub steps: u64,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub threads: Threads,
}

/// Targets of a design.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TargetFlag {
    /// Few entries that are not zero
    Sparsity,
    /// The same, with signs that are known
    Sign,
    /// Few groups
    Group,
    /// A matrix of few singular values
    LowRank,
    /// Piecewise constant
    TotalVariation,
    /// Piecewise polynomial
    Trend,
    /// Few cosines
    Dct,
    /// Few Fourier coefficients
    Fourier,
    /// Few Haar wavelets
    Haar,
    /// Changes along few edges of a graph
    Graph,
    /// Any penalty of one coordinate
    Custom,
    /// Blocks of coordinates side by side, each of another target (--blocks)
    Blocks,
}

/// Parametrizations of one penalty.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LinkFlag {
    Radial,
    Product,
    Direct,
}

/// Ways of training.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RegimeFlag {
    /// Injected noise: L + τR
    Noise,
    /// Mini-batch SGD, or noise on labels: L + P
    Minibatch,
    /// Full batch without noise: mirror potential
    Flow,
}

/// What `design --emit` prints.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EmitFlag {
    Spec,
    Torch,
    Jax,
    Flax,
}

/// How long the runs of a reproduction are.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StageFlag {
    /// As long as those that are plotted
    Plot,
    /// The longer ones, where there are some
    Accuracy,
}

#[derive(Args)]
pub struct Report {
    /// A run folder
    pub folder: PathBuf,
    #[command(flatten)]
    pub threads: Threads,
}

#[derive(Args)]
pub struct Bench {
    /// Spec file, or name of a published experiment [default: all published experiments]
    pub spec: Option<String>,
    #[command(flatten)]
    pub flags: SpecFlags,
    /// Print what each spec is compiled to, on standard error: nodes, instructions, buffers, flops and bytes a step
    #[arg(long)]
    pub explain: bool,
    /// Print one JSON object for each spec, one a line
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub threads: Threads,
}

#[derive(Args)]
pub struct Schema {
    /// The command
    pub command: JsonCommand,
}

/// The commands that have `--json`.
#[derive(Clone, Copy, ValueEnum)]
pub enum JsonCommand {
    Run,
    Derive,
    Balance,
    Simulate,
    Verify,
    Attribute,
    Design,
    Bench,
    Reproduce,
}
