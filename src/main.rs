//! Arguments in, exit status out. All else is in the library's `cli`.

fn main() -> std::process::ExitCode {
    careen::cli::main()
}
