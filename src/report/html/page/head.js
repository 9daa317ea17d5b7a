// What it is, how bad, what it weighs, what to do first.
const verdictTone = { "act now": "bad", "could be better": "warn", unknown: "warn", "not judged": "warn", good: "good" };
const counts = (image) => SEVERITIES.map((s) => [s, image.counts[s] || 0]).filter(([, n]) => n);

const identity = (image) => {
  const i = image.image;
  const digest = i.digest && make("span", { class: "nowrap" }, make("code", { title: clean(i.digest) }, shortDigest(i.digest)), " ", copyButton(i.digest, "digest"));
  const facts = [clean(i.platform), i.os_release && clean(i.os_release), i.created && "created " + day(i.created), digest].filter(Boolean);
  return make("div", { class: "identity" }, make("h1", {}, name(i.reference)),
    make("ul", { class: "meta" }, facts.map((f) => make("li", {}, f))));
};

const banners = (image) => {
  const out = [];
  const failed = image.not_looked_at.rows.filter((n) => n.failed);
  if (failed.length) {
    out.push(make("div", { class: "banner", role: "alert" },
      make("strong", {}, "PARTIAL"), make("p", {}, `${plural(failed.length, "thing")} could not be looked at. Everything on this page is without ${failed.length === 1 ? "it" : "them"}, and nothing here says that ${failed.length === 1 ? "it is" : "they are"} clean.`),
      make("ul", {}, failed.slice(0, 3).map((n) => make("li", {}, clean(n.what) + ": " + clean(n.why)))),
      failed.length > 3 && make("a", { href: "#not-looked-at" }, `and ${number(failed.length - 3)} more`)));
  }
  if (image.only.length) {
    out.push(make("div", { class: "banner quiet" }, `Only ${image.only.join(", ")}: all else was left out as asked.`));
  }
  return out;
};

const verdictCard = (image, show) => {
  const tone = verdictTone[image.verdict] || "warn";
  const found = counts(image);
  const chips = make("div", { class: "chips" }, found.map(([s, n]) =>
    button([make("b", {}, number(n)), " " + s], { class: "chip sev-" + s, "aria-label": `Show ${plural(n, s + " finding")}` }, () => show({ severity: s }))));
  const aside = [];
  if (image.hidden.accepted) aside.push(`${plural(image.hidden.accepted, "finding")} accepted`);
  if (image.hidden.known) aside.push(`${number(image.hidden.known)} known from the baseline`);
  if (image.hidden.below_confidence) aside.push(`${plural(image.hidden.below_confidence, "possible secret")} too unsure to list`);
  const missing = ["secrets", "config"].filter((s) => leftOut(image, s));
  const untold = missing.length > 0 && `${capital(missing.join(" and "))} left out as asked.`;
  const nothing = missing.length === 2 ? untold : (aside.length ? "No new findings" : "No findings") + (partial(image) ? " in what was looked at." : ".");
  return make("div", { class: "card verdict " + tone }, make("p", { class: "eyebrow" }, "Verdict"),
    make("p", { class: "word" }, capital(image.verdict)),
    found.length ? chips : make("p", {}, nothing),
    untold && untold !== nothing && make("p", { class: "about" }, untold),
    aside.length > 0 && make("p", { class: "about" }, aside.join(" · ") + "."));
};

// Why there are none: they take every layer.
const noProposals = (image) => leftOut(image, "advice") ? "Proposals were left out as asked."
  : image.layers.some((l) => l.files === null) ? "Proposals take every layer, and not all were looked at."
    : "Nothing that careen knows would make it smaller.";

const firstSteps = (image, open) => {
  const steps = image.advice.filter((a) => a.possible).slice(0, 3);
  if (!steps.length) {
    return make("div", { class: "card first" }, make("p", { class: "eyebrow" }, "Do first"),
      empty(noProposals(image)));
  }
  return make("div", { class: "card first" }, make("p", { class: "eyebrow" }, "Do first"),
    make("ol", {}, steps.map((a) => {
      const then = a.estimate.on_disk;
      const gain = then && image.size.on_disk && then.likely < image.size.on_disk;
      return make("li", {}, button(clean(a.title), { class: "link" }, () => open(a.id)),
        gain && make("span", { class: "gain" }, `on disk ${bytes(image.size.on_disk)} → `, make("b", {}, bytes(then.likely))));
    })));
};

const sizeTiles = (image) => {
  const i = image.image;
  const { root } = image;
  const tile = (value, label, more, tone) =>
    make("div", { class: "tile " + (tone || "") }, make("span", { class: "label" }, label), make("b", {}, value), make("span", { class: "more-about" }, more));
  const wasteTile = (waste, content) => waste.bytes === null
    ? tile(waste.at_least ? "≥ " + bytes(waste.at_least) : "unknown", "Hidden waste", "not all layers were read", "warn")
    : tile(bytes(waste.bytes), "Hidden waste", content ? `${percent(waste.bytes, content)} of the content is hidden by later layers` : "hidden by later layers", waste.bytes > 0 ? "warn" : "good");
  return make("div", { class: "tiles" },
    tile(bytes(image.size.compressed), "Compressed", "what is pulled and stored in a registry"),
    tile(bytes(image.size.content), "Content", "the files of all layers, hidden ones too"),
    tile(bytes(image.size.on_disk), "On disk", "what a container shows"),
    wasteTile(image.waste, image.size.content),
    tile(root ? "root" : name(i.user || "not told"), "Runs as", root ? (i.user ? "USER " + clean(i.user) : "no USER is set") : "USER " + clean(i.user || "?"), root ? "warn" : "good"),
    i.healthcheck ? tile("set", "Health check", "HEALTHCHECK tells whether it is well", "good") : tile("none", "Health check", "nothing tells whether it is well"));
};

// The content in three parts that add up.
const composition = (image) => {
  const { content, on_disk: disk } = image.size;
  if (content === null || disk === null || !content) return null;
  const untold = leftOut(image, "tools");
  const unneeded = Math.min(disk, image.unneeded_bytes);
  const parts = [["rest", disk - unneeded, untold ? "what a container shows" : "the rest of what a container shows"],
    ["unneeded", unneeded, "nothing in production needs"], ["waste", image.waste.bytes, "hidden by later layers"]];
  if (untold) parts.splice(1, 1);
  const label = parts.map(([, n, words]) => `${bytes(n)} ${words}`).join(", ");
  return make("div", { class: "card composition" },
    make("p", { class: "eyebrow" }, `What the ${bytes(content)} of content are`),
    strip(parts, content, label),
    make("ul", { class: "legend" }, parts.map(([kind, n, words]) =>
      make("li", {}, make("i", { class: "swatch " + kind }), make("b", {}, bytes(n)), ` ${words} `, make("span", { class: "dim" }, percent(n, content))))));
};

const drawHead = (image, go) => [
  identity(image), ...banners(image),
  make("div", { class: "lead" }, verdictCard(image, go.findings), firstSteps(image, go.proposal)),
  sizeTiles(image), composition(image),
];
