//! What a large layer takes of memory a file, counted by the allocator and not by the system: the same in
//! every run. The bound is 150 bytes a file in all, at every moment.

use careen::closure::{Closure, Mode};
use careen::image::{ImageFacts, ImageLayer, LayerState, ReadImage};
use careen::index::Entries;
use careen::index::build::{BuildSettings, Expected, build};
use careen::oci::{ImageConfig, Platform};
use careen::source::FoundImage;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

thread_local! {
    /// Bytes that this thread has allocated and not freed, and the most of them.
    static NOW: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

/// Counts for each thread by itself, so that other tests beside it change nothing.
struct Counting;

fn count(bytes: isize) {
    let _ = NOW.try_with(|now| {
        now.set(now.get() + bytes);
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(now.get())));
    });
}

// SAFETY: all is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize);
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most that `work` holds at one time of what it allocates, in bytes.
fn peak<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = NOW.get();
    PEAK.set(before);
    let done = work();
    (done, (PEAK.get() - before).max(0) as usize)
}

const FILES: usize = 40_000;

/// Twenty files a folder, five folders deep, names of 25 characters, no two of the same content.
fn tar() -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let words = ["index", "runtime", "handler", "service", "adapter", "session", "storage"];
    let word = |n: usize| words[n * 7919 / 13 % words.len()];
    for n in 0..FILES {
        let group = n / 20;
        let name = format!(
            "opt/app/{}-{}/{}_{}/{}-{group:x}/{}-{}-{n:07x}.js",
            word(group),
            group % 40,
            word(group / 3),
            group % 30,
            word(group / 7),
            word(n),
            word(n / 5),
        );
        let content = format!("v{n}\n");
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(1_700_000_000 + n as u64);
        tar.append_data(&mut header, name, content.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap()
}

fn image(layer: ImageLayer) -> ReadImage {
    let mut config = ImageConfig::default();
    config.config.cmd = vec!["/opt/app/run".into()];
    config.config.working_dir = "/opt/app".into();
    let found = FoundImage {
        reference: "large".into(),
        digest: None,
        platform: Platform::host(),
        manifest_raw: None,
        config_raw: Vec::new(),
        config,
        layers: Vec::new(),
        annotations: Default::default(),
        pinned: false,
        is_local: true,
        remarks: Vec::new(),
        repeated: Vec::new(),
    };
    ReadImage { found, layers: vec![layer] }
}

#[test]
fn a_file_takes_at_most_150_bytes() {
    let tar = tar();
    let settings = BuildSettings::default();
    let built =
        build("t", &mut tar.as_slice(), &Expected::default(), Vec::new(), &settings, &|_| {});
    let index = built.unwrap().index;
    let per_file = |bytes: usize| bytes / FILES;
    let entries = per_file(index.entries.weight());
    assert!((50..=90).contains(&entries), "{entries} bytes a file for the entries");

    // The thread that walks holds no more than the entries and what finds their folders.
    let list: Vec<_> = index.entries.iter().map(|e| e.to_entry()).collect();
    let (again, whole) = peak(|| list.iter().cloned().collect::<Entries>());
    assert!(again == index.entries);
    let growing = per_file(whole);
    assert!(growing <= 150, "{growing} bytes a file while the entries come in");

    let layer = ImageLayer {
        descriptor: None,
        declared_diff_id: None,
        compressed: None,
        state: LayerState::Indexed(Arc::new(index)),
    };
    drop(ImageFacts::new(image(layer.clone()), &[]));
    let (facts, merging) = peak(|| ImageFacts::new(image(layer), &[]));
    let merging = per_file(merging);
    assert!(entries + merging <= 150, "{entries} + {merging} bytes a file while layers are merged");

    let before = NOW.get();
    let facts_held = ImageFacts::new(facts.image.clone(), &[]);
    let held = per_file((NOW.get() - before).max(0) as usize);
    drop(facts_held);
    let config = &facts.image.found.config.config;
    // Tables that are made once are no cost of a file.
    drop(Closure::of(&facts, config));
    let (files, closing) = peak(|| Closure::of(&facts, config).files(Mode::Sound).count());
    assert_eq!(files, FILES, "all of it is the application's");
    let closing = per_file(closing);
    let sum = entries + held + closing;
    assert!(
        sum <= 150,
        "{entries} + {held} + {closing} bytes a file while it is asked what is needed"
    );
}
