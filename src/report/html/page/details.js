// What was not looked at, how the image is configured, what made it grow.
const drawUnseen = (image) => section("not-looked-at", "Not looked at", of(image.not_looked_at),
  image.not_looked_at.all === 0 ? empty("Everything was looked at.")
    : make("ul", { class: "unseen-list" }, image.not_looked_at.rows.map((n) =>
      make("li", {}, n.failed ? make("span", { class: "tag waste-tag" }, "failed") : make("span", { class: "tag" }, "left out"), make("span", {}, make("bdi", {}, clean(n.what)), ": ", clean(n.why))))));

const pairs = (rows) => make("table", { class: "pairs" }, make("tbody", {}, rows.map(([k, v]) => make("tr", {}, make("th", { scope: "row" }, name(k)), make("td", {}, make("bdi", {}, clean(v)))))));

const drawConfig = (image) => {
  const i = image.image;
  const words = (list) => (list && list.length ? code(list.join(" ")) : null);
  const labels = Object.entries(i.labels);
  return section("config", "Configuration", "Secrets found in it are masked.",
    facts(["starts", words(i.command) || "nothing: no command is set"], ["user", i.user ? code(i.user) : "none, so root"], ["folder", i.working_dir && code(i.working_dir)],
      ["ports", words(i.exposed_ports)], ["volumes", words(i.volumes)], ["health check", words(i.healthcheck) || "none"],
      ["digest", i.digest && code(i.digest)], ["created", i.created && clean(i.created)], ["base digest", image.base && image.base.digest && code(image.base.digest)]),
    i.env.length > 0 && make("div", {}, make("h3", {}, "Environment"), pairs(i.env.map((e) => [e.name, e.value]))),
    labels.length > 0 && fold(`Labels (${labels.length})`, pairs(labels)));
};

const drawGrowth = (image) => {
  const g = image.growth;
  if (!g) return null;
  const change = (before, after) => (before === null || after === null || before === undefined ? "–" : (after >= before ? "+" : "−") + bytes(Math.abs(after - before)));
  const table = (title, rows, label) => rows.length > 0 && make("div", {}, make("h3", {}, title), sortable(rows, [
    { title, kind: "text", of: label },
    { title: "Before", kind: "bytes", of: (r) => r.before_bytes ?? r.before },
    { title: "Now", kind: "bytes", of: (r) => r.after_bytes ?? r.after },
  ], title, 8));
  return section("growth", "Against the baseline", `Compared with ${clean(g.baseline)}: compressed ${change(g.before.compressed, g.after.compressed)}, on disk ${change(g.before.on_disk, g.after.on_disk)}. ${plural(g.shared_layers, "layer")} in both.`,
    table("Build steps", g.steps, (s) => stepWords(s.instruction)),
    table("Packages", g.packages.map((p) => ({ ...p, before: p.before_bytes, after: p.after_bytes, label: `${p.name} ${p.before.join(", ")} → ${p.after.join(", ")}` })), (p) => p.label),
    table("Files", g.files, (f) => rooted(f.path)));
};
