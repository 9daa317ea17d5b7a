//! An image as a tutorial builds it, and its base.

use super::image_builder::{ImageBuilder, LayerBuilder};

fn status(name: &str, depends: &str, extra: &str) -> String {
    format!(
        "Package: {name}\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n{extra}Depends: {depends}\n\n"
    )
}

/// The programs by which a written build stage gathers files, where nothing else lies.
pub fn with_tools(layer: LayerBuilder) -> LayerBuilder {
    ["tar", "mkdir", "chmod", "chown"].into_iter().fold(layer, |layer, name| {
        layer.file_as(&format!("usr/sbin/{name}"), 0o755, 0, name.as_bytes())
    })
}

/// What the base image is made of.
pub fn base() -> ImageBuilder {
    ImageBuilder::new()
        .layer(
            "/bin/sh -c #(nop) ADD file:1 in / ",
            with_tools(LayerBuilder::new())
                .file("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n")
                .file_as("bin/sh", 0o755, 0, b"#!not really\n")
                .file("var/lib/dpkg/status", status("libc6", "", "Essential: yes\n")),
        )
        .step("/bin/sh -c #(nop)  CMD [\"bash\"]")
}

/// As a tutorial builds it: packages in steps of their own, one of them only recommended, all sources before
/// the dependencies, a file with a secret that a later step deletes.
pub fn tutorial() -> ImageBuilder {
    let token = ["npm_", "x7Kd9QmZ2pLw4TnB8vRc5YhJ3sFg6A", "2PXb1Q"].concat();
    let more = format!(
        "{}{}{}{}",
        status("libc6", "", "Essential: yes\n"),
        status("nodejs", "libc6", ""),
        status("npm", "nodejs", ""),
        status("only-recommended", "libc6", "")
    );
    base()
        .layer(
            "RUN /bin/sh -c apt-get update # buildkit",
            LayerBuilder::new().file("var/lib/apt/lists/deb_InRelease", vec![b'l'; 90_000]),
        )
        .layer(
            "RUN /bin/sh -c apt-get install -y nodejs npm # buildkit",
            LayerBuilder::new()
                .file("var/lib/dpkg/status", more)
                .file("var/lib/dpkg/info/nodejs.list", "/usr/bin/node\n")
                .file("var/lib/dpkg/info/only-recommended.list", "/usr/bin/big\n")
                .file("usr/share/doc/nodejs/README", vec![b'd'; 50_000])
                .file_as("usr/bin/big", 0o755, 0, &vec![b'b'; 300_000])
                .file_as("usr/bin/node", 0o755, 0, &vec![b'n'; 200_000]),
        )
        .step("WORKDIR /app")
        .layer(
            "COPY . . # buildkit",
            LayerBuilder::new()
                .file("app/package.json", "{\"scripts\": {\"start\": \"node server.js\"}}")
                .file("app/package-lock.json", "{}")
                .file("app/server.js", "//"),
        )
        .layer(
            "COPY npmrc /root/.npmrc # buildkit",
            LayerBuilder::new().file("root/.npmrc", format!("//registry/:_authToken={token}\n")),
        )
        .layer(
            "RUN /bin/sh -c npm install # buildkit",
            LayerBuilder::new()
                .file("root/.npm/_cacache/x", vec![b'c'; 80_000])
                .file("app/node_modules/a/index.js", "//"),
        )
        .layer(
            "RUN /bin/sh -c rm -f /root/.npmrc # buildkit",
            LayerBuilder::new().whiteout("root/.npmrc"),
        )
        .config("WorkingDir", serde_json::json!("/app"))
        .config("Env", serde_json::json!(["PATH=/usr/bin:/bin"]))
        .config("Cmd", serde_json::json!(["node", "server.js"]))
        .config("ExposedPorts", serde_json::json!({"3000/tcp": {}}))
}
