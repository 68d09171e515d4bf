//! Try-out.
#![allow(clippy::all, clippy::print_stdout)]
use fusion_runtime::js::state::Phase;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let phase = match a[1].as_str() {
        "q" => Phase::Query,
        "i" => Phase::Import,
        _ => Phase::Action,
    };
    let src = std::fs::read_to_string(&a[2]).unwrap();
    let e = fusion_runtime::js::testing::eval_with(phase, &src, &Default::default());
    for l in &e.log {
        println!("{:?}", l);
    }
    match e.result {
        Ok(t) => println!("{t}"),
        Err(t) => println!("ERR {t}"),
    }
}
