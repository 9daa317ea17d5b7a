//! Writes a small image of the kind that tutorials produce, so that careen has something real to look
//! at without a network: a Debian-like base, build tools, package lists, `COPY . .` with an `.env` and a
//! key that a later step deletes, a `chown -R` that stores everything twice, a secret in ENV, root.
//!
//! `cargo run --example demo-image -- DIR` writes an OCI layout to DIR. Every secret is made up.

// The example uses a part of the builder.
#[allow(dead_code)]
mod image_builder;

use image_builder::{ImageBuilder, LayerBuilder};
use std::path::Path;

/// Bytes that compress about as well as machine code does.
fn filler(kilobytes: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut out = Vec::with_capacity(kilobytes * 1024);
    out.extend_from_slice(b"\x7fELF\x02\x01\x01\0");
    while out.len() < kilobytes * 1024 {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let word = (state >> 40) as u32;
        out.extend_from_slice(&(word & 0x00ff_ffff).to_le_bytes());
        out.extend_from_slice(&[0, 0, 0, 0x48]);
    }
    out.truncate(kilobytes * 1024);
    out
}

/// One paragraph of dpkg's status file.
fn paragraph(name: &str, version: &str, kib: u32, depends: &str) -> String {
    format!(
        "Package: {name}\nStatus: install ok installed\nPriority: optional\nSection: admin\nInstalled-Size: {kib}\n\
         Maintainer: Demo <demo@example.org>\nArchitecture: amd64\nVersion: {version}\n{depends}Description: demo\n\n"
    )
}

fn base() -> LayerBuilder {
    let status = [
        paragraph("base-files", "12.4", 20, ""),
        paragraph("dash", "0.5.12-2", 130, ""),
        paragraph("apt", "2.6.1", 900, ""),
        paragraph("libc6", "2.36-9", 1300, ""),
    ]
    .concat();
    LayerBuilder::new()
        .dir("etc")
        .file(
            "etc/os-release",
            "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\nVERSION_ID=\"12\"\n",
        )
        .file(
            "etc/passwd",
            "root:x:0:0:root:/root:/bin/bash\nwww-data:x:33:33::/var/www:/usr/sbin/nologin\n",
        )
        .symlink("bin", "usr/bin")
        .file_as("usr/bin/dash", 0o755, 0, &filler(120, 1))
        .symlink("usr/bin/sh", "dash")
        .file_as("usr/bin/apt-get", 0o755, 0, &filler(800, 2))
        .file_as("usr/bin/passwd", 0o4755, 0, &filler(60, 3))
        .file_as("usr/lib/x86_64-linux-gnu/libc.so.6", 0o755, 0, &filler(1300, 4))
        .file("usr/share/doc/apt/changelog.gz", filler(90, 5))
        .file("usr/share/man/man8/apt-get.8.gz", filler(40, 6))
        .file("var/lib/dpkg/status", status)
        .file("var/lib/dpkg/info/dash.list", "/.\n/bin/dash\n/bin/sh\n")
        .file(
            "var/lib/dpkg/info/apt.list",
            "/usr/bin/apt-get\n/usr/share/doc/apt/changelog.gz\n/usr/share/man/man8/apt-get.8.gz\n",
        )
        .file("var/lib/dpkg/info/libc6:amd64.list", "/usr/lib/x86_64-linux-gnu/libc.so.6\n")
}

fn toolchain() -> LayerBuilder {
    let status = [
        paragraph("base-files", "12.4", 20, ""),
        paragraph("dash", "0.5.12-2", 130, ""),
        paragraph("apt", "2.6.1", 900, ""),
        paragraph("libc6", "2.36-9", 1300, ""),
        paragraph("gcc-12", "12.2.0-14", 9000, "Depends: libc6\n"),
        paragraph("make", "4.3-4.1", 500, "Depends: libc6\n"),
        paragraph("git", "1:2.39.5-0", 4000, "Depends: libc6\n"),
        paragraph("python3.11-minimal", "3.11.2-6", 3000, "Depends: libc6\n"),
    ]
    .concat();
    LayerBuilder::new()
        .file_as("usr/bin/gcc-12", 0o755, 0, &filler(8000, 11))
        .file_as("usr/bin/make", 0o755, 0, &filler(400, 12))
        .file_as("usr/bin/git", 0o755, 0, &filler(3800, 13))
        .file_as("usr/bin/python3.11", 0o755, 0, &filler(2900, 14))
        .symlink("usr/bin/python3", "python3.11")
        .file("usr/include/stdio.h", filler(40, 15))
        .file(
            "var/lib/apt/lists/deb.debian.org_debian_dists_bookworm_main_Packages",
            filler(6000, 16),
        )
        .file("var/lib/dpkg/status", status)
        .file("var/lib/dpkg/info/gcc-12.list", "/usr/bin/gcc-12\n")
        .file("var/lib/dpkg/info/make.list", "/usr/bin/make\n")
        .file("var/lib/dpkg/info/git.list", "/usr/bin/git\n")
        .file(
            "var/lib/dpkg/info/python3.11-minimal.list",
            "/usr/bin/python3.11\n/usr/bin/python3\n",
        )
}

/// Values are put together here so that the repository itself holds no token.
fn env_file() -> String {
    let database = ["postgres", "://shop:", "V7hq-Zt29xLm", "@db.internal:5432/shop"].concat();
    let slack = ["xoxb-", "263594206564-", "2343594206574-", "FGqddMF8t08v8N7Oq4i57vs1"].concat();
    format!("DATABASE_URL={database}\nSLACK_TOKEN={slack}\n")
}

fn application() -> LayerBuilder {
    LayerBuilder::new()
        .dir("app")
        .file("app/server.py", "import http.server\nhttp.server.test(port=8000)\n")
        .file("app/requirements.txt", "flask==3.0.3\n")
        .file("app/.env", env_file())
        .file("app/.git/HEAD", "ref: refs/heads/main\n")
        .file("app/.git/objects/pack/pack-1.pack", filler(1500, 21))
        .file("app/data/model.bin", filler(5000, 22))
}

fn main() {
    let Some(dir) = std::env::args().nth(1) else {
        eprintln!("usage: demo-image DIR");
        std::process::exit(2);
    };
    let signing_key = ["c2hvcC1kZW1v", "LXNpZ25pbmct", "a2V5LTg4Nzc"].concat();
    let image = ImageBuilder::new()
        .layer("/bin/sh -c #(nop) ADD file:9f1c2d in / ", base())
        .step("/bin/sh -c #(nop)  CMD [\"bash\"]")
        .step(&format!("ENV SESSION_SECRET={signing_key}"))
        .layer(
            "RUN /bin/sh -c apt-get update && apt-get install -y gcc make git python3 # buildkit",
            toolchain(),
        )
        .step("WORKDIR /app")
        .layer("COPY . . # buildkit", application())
        .layer("RUN /bin/sh -c rm .env # buildkit", LayerBuilder::new().whiteout("app/.env"))
        .layer(
            "RUN /bin/sh -c chown -R www-data /app # buildkit",
            LayerBuilder::new()
                .file_as("app/data/model.bin", 0o644, 33, &filler(5000, 22))
                .file_as(
                    "app/server.py",
                    0o644,
                    33,
                    b"import http.server\nhttp.server.test(port=8000)\n",
                ),
        )
        .config(
            "Env",
            serde_json::json!([
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                format!("SESSION_SECRET={signing_key}"),
            ]),
        )
        .config("Cmd", serde_json::json!(["python3", "server.py"]))
        .config("WorkingDir", serde_json::json!("/app"));
    image.write_layout(Path::new(&dir), "demo");
}
