//! Prints the reference page of the array language: `cargo run -p gaugebias-model --example language_reference`.

fn main() {
    print!("{}", gaugebias_model::language::reference::page());
}
