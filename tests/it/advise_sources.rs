//! A whole Dockerfile from the history alone: where the sources of its copies are found, and that it builds as
//! printed with the author's folder, or with the image itself.

use crate::support::image_builder::{ImageBuilder, LayerBuilder};
use crate::support::program::{Home, show};
use crate::support::tutorial::base;
use serde_json::json;

/// 3 MB that nothing needs, so that there is something to propose.
fn image() -> ImageBuilder {
    base()
        .layer(
            "/bin/sh -c download",
            LayerBuilder::new()
                .file("var/cache/apt/archives/unused.deb", vec![b'u'; 3_000_000])
                .file_as("usr/bin/other", 0o755, 0, &vec![b'o'; 50_000]),
        )
        .config("WorkingDir", json!("/src"))
        .config("Cmd", json!(["/src/run"]))
}

fn written(image: &ImageBuilder, id: &str) -> String {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let layout = show(&image.write_layout(&folder.path().join("x"), "1"));
    let run = home.run(&["advise", &layout, "--emit", id]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    run.text()
}

/// The folder of the build, with a file that tells what it is.
fn context() -> LayerBuilder {
    LayerBuilder::new()
        .file_as("src/run", 0o755, 0, b"#!/src/run\n")
        .file("src/Makefile", "all:\n")
        .file("src/deploy/app.conf", "listen 80\n")
        .file("src/tls/server.crt", "a certificate\n")
        .file("src/tls/ca.crt", "another\n")
}

#[test]
fn a_source_is_found_by_its_bytes_in_another_copy() {
    let image = image()
        .layer("/bin/sh -c #(nop) COPY dir:ab12cd in /src ", context())
        .layer(
            "/bin/sh -c #(nop) COPY file:ab12ce in /etc/other.conf ",
            LayerBuilder::new().file("etc/other.conf", "listen 80\n"),
        )
        .layer(
            "/bin/sh -c #(nop) COPY multi:ab12cf in /etc/tls/ ",
            LayerBuilder::new()
                .file("etc/tls/server.crt", "a certificate\n")
                .file("etc/tls/ca.crt", "another\n"),
        );
    let text = written(&image, "same-base");
    let text = text.replace("--chown=10001:10001 ", "");
    for line in [
        "COPY . /src",
        "COPY deploy/app.conf /etc/other.conf",
        "COPY tls/server.crt tls/ca.crt /etc/tls/",
    ] {
        assert!(text.lines().any(|l| l == line), "{line}:\n{text}");
    }
    assert!(!text.contains("--from="), "{text}");
}

#[test]
fn what_cannot_be_found_is_taken_from_the_image_and_said() {
    let image = image()
        .layer("COPY . /src # buildkit", context())
        .layer(
            "COPY <<EOF /etc/motd # buildkit",
            LayerBuilder::new().file("etc/motd", "of the Dockerfile\n"),
        )
        .layer(
            "COPY /out/tool /usr/bin/tool # buildkit",
            LayerBuilder::new().file_as("usr/bin/tool", 0o755, 7, b"of another stage"),
        )
        .layer(
            "COPY target/app.jar /src/app.jar # buildkit",
            LayerBuilder::new().file("src/app.jar", "of another stage too"),
        );
    let text = written(&image, "needed-files");
    for line in [
        "COPY . /src",
        "COPY --from=present-image [\"/etc/motd\", \"/etc/motd\"]",
        "COPY --from=present-image --chown=7:0 [\"/usr/bin/tool\", \"/usr/bin/tool\"]",
        "COPY --from=present-image [\"/src/app.jar\", \"/src/app.jar\"]",
    ] {
        assert!(text.lines().any(|l| l == line), "{line}:\n{text}");
    }
    let remarks: Vec<&str> = text.lines().take_while(|l| l.starts_with('#')).collect();
    let remarks = remarks.join("\n");
    assert!(remarks.contains("--build-context present-image="), "{text}");
    assert!(remarks.contains("/etc/motd: its text stands in the Dockerfile only"), "{text}");
    assert!(remarks.contains("from another stage"), "{text}");
}

#[test]
fn a_folder_that_nothing_tells_of_is_not_taken_for_the_whole() {
    let page = LayerBuilder::new().file_as("src/run", 0o755, 0, b"#!/src/run\n").file("src/a", "a");
    let image = image().layer("/bin/sh -c #(nop) COPY dir:ab12cd in /src ", page);
    let text = written(&image, "needed-files");
    assert!(text.contains("COPY --from=present-image [\"/src\", \"/src\"]"), "{text}");
}

#[test]
fn what_is_deleted_later_and_read_before_leaves_only_the_image_itself() {
    let archive = || LayerBuilder::new().file("tmp/app.tar", "packed");
    let steps = |unpack: &str| {
        image()
            .layer("COPY . /src # buildkit", context())
            .layer("/bin/sh -c #(nop) COPY file:ab12cd in /tmp/app.tar ", archive())
            .layer(unpack, LayerBuilder::new().file("src/unpacked", "x"))
            .layer("/bin/sh -c rm /tmp/app.tar", LayerBuilder::new().whiteout("tmp/app.tar"))
    };
    let text = written(&steps("/bin/sh -c tar xf /tmp/app.tar"), "needed-files");
    assert!(text.contains("\nFROM present-image AS build\n"), "{text}");
    // Where no step reads it, an empty file is enough for the one that deletes it.
    let text = written(&steps("/bin/sh -c make"), "needed-files");
    assert!(text.contains("RUN mkdir -p /tmp && touch /tmp/app.tar"), "{text}");
}

#[test]
fn a_history_without_instructions_leaves_only_the_image_itself() {
    let image = image().layer("bazel build ...", context());
    let text = written(&image, "needed-files");
    assert!(text.starts_with("# the history does not tell the build: "), "{text}");
    assert!(text.contains("\nFROM present-image AS build\n"), "{text}");
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let layout = show(&image.write_layout(&folder.path().join("x"), "1"));
    let report = home.run(&["advise", &layout, "--format", "json"]).json();
    let ids: Vec<&str> =
        report["advice"].as_array().unwrap().iter().filter_map(|a| a["id"].as_str()).collect();
    // There is no build that could be written better.
    assert!(!ids.contains(&"same-base"), "{ids:?}");
}

#[test]
fn words_of_buildkits_history_are_a_dockerfiles_again() {
    let image = image()
        .layer("COPY . /src # buildkit", context())
        .step("SHELL [/bin/bash -o pipefail -c]")
        .step("ENV TITLE=two words")
        .layer(
            "RUN /bin/bash -o pipefail -c set -e\nmake all\necho done # buildkit",
            LayerBuilder::new().file("src/made", "x"),
        )
        .config("Env", json!(["PATH=/usr/bin:/bin", "TITLE=two words"]));
    let text = written(&image, "needed-files");
    assert!(text.contains("SHELL [\"/bin/bash\", \"-o\", \"pipefail\", \"-c\"]"), "{text}");
    assert!(text.contains("ENV TITLE=\"two words\""), "{text}");
    assert!(
        text.contains("RUN [\"/bin/sh\", \"-c\", \"set -e\\nmake all\\necho done\"]"),
        "{text}"
    );
}

#[test]
fn an_image_without_a_shell_is_copied_from_line_by_line() {
    let image = ImageBuilder::new()
        .layer(
            "COPY /out / # buildkit",
            LayerBuilder::new()
                .file_as("server", 0o755, 0, b"a static program")
                .file("var/cache/apt/archives/unused.deb", vec![b'u'; 3_000_000]),
        )
        .config("Cmd", json!(["/server"]));
    let text = written(&image, "needed-files");
    assert!(text.contains("COPY --from=build [\"/server\", \"/server\"]"), "{text}");
    assert!(!text.contains("RUN"), "{text}");
}
