// What is installed, what nothing needs, what stands there twice.
const drawPackages = (image) => section("packages", "Packages", of(image.packages),
  image.packages.all === 0 ? empty(leftOut(image, "packages") ? "Left out as asked." : "No package database was found.")
    : sortable(image.packages.rows, [
      { title: "Name", kind: "text", of: (p) => p.name },
      { title: "Version", kind: "text", of: (p) => p.version },
      { title: "Kind", kind: "text", of: (p) => packageWord(p.kind) },
      { title: "On disk", kind: "bytes", of: (p) => p.bytes },
      { title: "Layer", kind: "count", of: (p) => p.layer },
      { title: "Stated in", kind: "text", of: (p) => p.path, cell: (p) => make("bdi", { class: "dim" }, rooted(p.path)) },
    ], "packages", 15));

const drawUnneeded = (image) => section("unneeded", "Not needed in production", of(image.unneeded),
  image.unneeded.all === 0 ? empty(leftOut(image, "tools") ? "Left out as asked." : "Nothing of the kinds that careen knows.")
    : sortable(image.unneeded.rows, [
      { title: "Kind", kind: "text", of: (u) => u.kind },
      { title: "Package", kind: "text", of: (u) => u.owner },
      { title: "On disk", kind: "bytes", of: (u) => u.bytes },
      { title: "Where", kind: "text", of: (u) => u.paths.join(" "), cell: (u) => [u.paths.slice(0, 3).map((p) => make("bdi", { class: "block" }, rooted(p))), u.paths.length > 3 && make("span", { class: "dim" }, `and ${u.paths.length - 3} more`)] },
    ], "what is not needed", 12));

const drawDuplicates = (image) => section("duplicates", "Twice the same", image.duplicates.all ? of(image.duplicates) || "The same content at several paths that a container shows; apart from waste." : null,
  image.duplicates.all === 0 ? empty(leftOut(image, "waste") ? "Left out as asked." : "No file of 64 kB or more stands there twice.")
    : sortable(image.duplicates.rows, [
      { title: "To spare", kind: "bytes", of: (d) => d.bytes * (d.all - 1) },
      { title: "One copy", kind: "bytes", of: (d) => d.bytes },
      { title: "Copies", kind: "count", of: (d) => d.all },
      { title: "Paths", kind: "text", of: (d) => d.paths.join(" "), cell: (d) => [d.paths.slice(0, 6).map((p) => make("bdi", { class: "block" }, rooted(p))), d.all > 6 && make("span", { class: "dim" }, `and ${number(d.all - 6)} more`)] },
    ], "duplicates", 8));
