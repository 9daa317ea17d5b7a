//! Writes the HTML report of an image: `cargo run --example html-report -- REFERENCE FILE [CACHE]`.

// The example uses a part.
#[allow(dead_code)]
mod page_of;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [reference, file, cache @ ..] = args.as_slice() else {
        eprintln!("usage: html-report REFERENCE FILE [CACHE]");
        std::process::exit(2);
    };
    let page = page_of::page_of(reference, cache.first().map(Into::into));
    std::fs::write(file, page).expect("the file can be written");
}
