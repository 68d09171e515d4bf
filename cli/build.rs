//! The pages that the binary serves are taken in when it is compiled; without them it is compiled, too, and says so.

fn main() {
    let pages = "../client-js/dist";
    // Cargo looks for changes only in what exists.
    if let Err(error) = std::fs::create_dir_all(pages) {
        println!("cargo::warning={pages} could not be made: {error}");
    }
    println!("cargo::rerun-if-changed={pages}");
    println!("cargo::rerun-if-changed=build.rs");
}
