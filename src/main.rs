//! Arguments in, exit status out. All else is in the library's `cli`.

/// musl's own allocator has one lock for all threads.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    give_memory_back();
    careen::cli::main()
}

/// glibc keeps an arena for each thread that ever ran, and raises its own thresholds for giving memory back
/// as it goes: with a thread a layer that is a fifth of all memory. Said before the first thread.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn give_memory_back() {
    const OPTIONS: [(libc::c_int, libc::c_int); 3] = [
        (libc::M_ARENA_MAX, 2),
        (libc::M_TRIM_THRESHOLD, 1 << 20),
        (libc::M_MMAP_THRESHOLD, 128 << 10),
    ];
    for (option, value) in OPTIONS {
        // SAFETY: mallopt(3) takes any numbers; nothing else runs yet.
        unsafe { libc::mallopt(option, value) };
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn give_memory_back() {}
