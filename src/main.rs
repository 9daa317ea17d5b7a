//! Arguments in, exit status out. All else is in the library's `cli`.

/// musl's own allocator has one lock for all threads.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    give_memory_back();
    careen::cli::main(stdout::was_closed())
}

/// Whether the caller closed standard output (`>&-`). Rust's runtime opens `/dev/null` in its place before
/// `main`, so that all that is written is lost and nobody is told: it is looked at before that.
#[cfg(target_os = "linux")]
mod stdout {
    use std::sync::atomic::{AtomicBool, Ordering};

    static CLOSED: AtomicBool = AtomicBool::new(false);

    /// The C library calls what stands in this section before the program begins (System V ABI).
    // SAFETY: the section is an array of functions of this type, called once, in one thread.
    #[used]
    #[unsafe(link_section = ".init_array")]
    static LOOK: extern "C" fn() = look;

    extern "C" fn look() {
        // SAFETY: fcntl(2) with F_GETFD takes any number and changes nothing.
        let flags = unsafe { libc::fcntl(libc::STDOUT_FILENO, libc::F_GETFD) };
        CLOSED.store(flags == -1, Ordering::Relaxed);
    }

    pub fn was_closed() -> bool {
        CLOSED.load(Ordering::Relaxed)
    }
}

#[cfg(not(target_os = "linux"))]
mod stdout {
    pub fn was_closed() -> bool {
        false
    }
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
