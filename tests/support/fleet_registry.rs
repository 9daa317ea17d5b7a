//! A real registry full of images that share bases, to try `careen sweep` on: starts `docker-registry`,
//! prints its host and the folder of its log, and serves until standard input ends.
//!
//! `cargo run --example fleet-registry -- REPOSITORIES [BASE_KB]`

#[allow(dead_code)]
mod fake_registry;
#[allow(dead_code)]
mod fleet;
#[allow(dead_code)]
mod image_builder;
#[allow(dead_code)]
mod registry;
#[allow(dead_code)]
mod tls;
#[allow(dead_code)]
mod token_server;

fn main() {
    let mut args = std::env::args().skip(1).map(|a| a.parse().expect("a number"));
    let repositories = args.next().unwrap_or(60);
    let registry = registry::Registry::start(registry::Auth::Anonymous, None);
    let fleet = fleet::Fleet::fill_with(&registry, repositories, args.next().unwrap_or(200));
    println!(
        "{} {} {} {}",
        registry.host,
        registry.log().display(),
        fleet.tags.len(),
        fleet.layer_bytes()
    );
    for tag in fleet.tags.keys() {
        println!("{}/{tag}", registry.host);
    }
    println!();
    let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
}
