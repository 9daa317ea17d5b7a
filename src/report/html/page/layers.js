// The layers as one bar, each with its build step, what it wastes and what nothing needs of it.
const LAYER_SIZES = {
  content: "the files of the layer, those hidden later too",
  on_disk: "what a container shows of the layer",
  compressed: "what is pulled; how much of it is waste is only known of the content",
};

const layerParts = (layer, metric) => {
  const whole = layer.size[metric];
  if (whole === null) return { whole: 0, parts: [] };
  if (metric === "compressed") return { whole, parts: [["rest", whole]] };
  const waste = metric === "content" ? layer.waste || 0 : 0;
  const unneeded = Math.min(layer.unneeded || 0, whole - waste);
  return { whole, parts: [["rest", whole - waste - unneeded], ["unneeded", unneeded], ["waste", waste]] };
};

const partWords = (layer) => [
  layer.waste ? `${bytes(layer.waste)} hidden by later layers` : null,
  layer.unneeded ? `${bytes(layer.unneeded)} not needed` : null,
].filter(Boolean).join(" · ");

// The largest files whose content the layer holds.
const largestOf = (image, layer, count) => {
  const t = image.tree;
  if (!t) return [];
  const found = [];
  for (let leaf = 0; leaf < t.leaf.bytes.length; leaf++) {
    if (t.leaf.layer[leaf] === layer) found.push(leaf);
  }
  return found.sort((a, b) => t.leaf.bytes[b] - t.leaf.bytes[a]).slice(0, count).map((leaf) => ({
    path: dirPathOf(t, t.parent[t.directories + leaf]) + "/" + leafName(t, leaf),
    bytes: t.leaf.bytes[leaf], hidden: t.leaf.hidden[leaf], unneeded: t.leaf.unneeded[leaf],
  }));
};

const drawLayers = (image, go) => {
  const state = { metric: "content", open: null };
  const bar = make("div", { class: "layer-bar", role: "group", "aria-label": "Layers, the base first" });
  const rows = make("ol", { class: "layers" });
  const meaning = make("p", { class: "about", role: "status" });
  const based = image.base && image.base.layers !== null ? image.base.layers : null;
  const findingsOf = (layer) => image.findings.rows.filter((f) => f.layer === layer || f.also.some((a) => a.layer === layer));

  const detail = (layer) => {
    const found = findingsOf(layer.number);
    const files = largestOf(image, layer.number, 8);
    return make("div", { class: "layer-detail" },
      make("pre", { class: "step", tabindex: "0", "aria-label": "build step", dir: "ltr" }, cleanLines(layer.instruction || "no instruction is known")),
      facts(["compressed", bytes(layer.size.compressed)], ["content", bytes(layer.size.content)], ["on disk", bytes(layer.size.on_disk)],
        ["hidden by later layers", bytes(layer.waste)], ["not needed", bytes(layer.unneeded)],
        ["files", layer.files === null ? "–" : number(layer.files)],
        ["created", layer.created && clean(layer.created)],
        ["digest", layer.digest && code(layer.digest)], ["diff id", layer.diff_id && code(layer.diff_id)]),
      layer.size.content === null && make("p", { class: "banner" }, "This layer was not looked at: nothing is known of what is in it."),
      files.length > 0 && make("div", {}, make("h4", {}, "Largest files"), make("ul", { class: "files" }, files.map((f) =>
        make("li", {}, make("span", { class: "n" }, bytes(f.bytes)), make("bdi", {}, clean(f.path)),
          f.hidden > 0 && make("span", { class: "tag waste-tag" }, data.words.hidden[f.hidden - 1]),
          f.unneeded > 0 && make("span", { class: "tag unneeded-tag" }, "not needed"))))),
      found.length > 0 && make("div", {}, make("h4", {}, plural(found.length, "finding")), make("ul", { class: "files" }, found.slice(0, 6).map((f) =>
        make("li", {}, chip(f.severity), make("span", {}, sentence(f.message), " ", make("bdi", { class: "dim" }, placeOf(f) || "")))))),
      make("div", { class: "actions" },
        image.tree && layer.size.content > 0 && button("Show in the map", {}, () => go.map("layer", `layer ${layer.number}:`)),
        found.length > 0 && button("Show its findings", {}, () => go.findings({ layer: layer.number }))));
  };

  const draw = () => {
    const most = Math.max(1, ...image.layers.map((l) => layerParts(l, state.metric).whole));
    const sum = image.layers.reduce((a, l) => a + layerParts(l, state.metric).whole, 0);
    meaning.textContent = capital(LAYER_SIZES[state.metric]) + ".";
    bar.replaceChildren(...image.layers.map((layer) => {
      const { whole, parts } = layerParts(layer, state.metric);
      const label = `Layer ${layer.number}, ${layer.size[state.metric] === null ? "size unknown" : bytes(whole)}: ${stepWords(layer.instruction).slice(0, 120)}`;
      const block = button([strip(parts, whole, ""), make("span", {}, String(layer.number))],
        { class: "block" + (layer.number === state.open ? " open" : ""), "aria-label": label, title: label, "aria-pressed": String(layer.number === state.open) }, () => toggle(layer.number, true));
      block.firstChild.setAttribute("aria-hidden", "true");
      block.style.flexGrow = String(Math.max(sum * 0.002, whole));
      return block;
    }));
    rows.replaceChildren(...image.layers.map((layer) => {
      const { whole, parts } = layerParts(layer, state.metric);
      const words = partWords(layer);
      const size = layer.size[state.metric];
      const head = button([
        make("span", { class: "nr" }, String(layer.number)),
        make("span", { class: "step-line" }, make("bdi", {}, stepWords(layer.instruction)), based !== null && layer.number < based && make("span", { class: "tag" }, "base"),
          words && make("small", {}, words)),
        make("span", { class: "n" }, size === null ? "not looked at" : bytes(whole)),
        strip(parts, most, ""),
      ], { class: "layer", "aria-expanded": String(layer.number === state.open), id: "layer-" + layer.number }, () => toggle(layer.number));
      head.lastChild.setAttribute("aria-hidden", "true");
      return make("li", { class: layer.number === state.open ? "open" : null }, head, layer.number === state.open && detail(layer));
    }));
  };
  const toggle = (layer, scroll) => {
    state.open = state.open === layer ? null : layer;
    draw();
    const head = document.getElementById("layer-" + layer);
    if (head) {
      head.focus({ preventScroll: true });
      if (scroll && state.open !== null) head.scrollIntoView({ block: "nearest" });
    }
  };
  const metrics = make("div", { class: "switch", role: "group", "aria-label": "Size" });
  for (const metric of Object.keys(LAYER_SIZES)) {
    metrics.append(button(metric.replace("_", " "), { "aria-pressed": String(metric === state.metric) }, (event) => {
      state.metric = metric;
      for (const b of metrics.children) b.setAttribute("aria-pressed", String(b === event.currentTarget));
      draw();
    }));
  }
  draw();
  const base = image.base && `Built on ${image.base.name ? clean(image.base.name) : "a base image"}${based !== null ? `, ${plural(based, "layer")}` : ""} (${{ layers: "proven by its layers", annotation: "as the image says", history: "a guess from the history" }[image.base.how] || clean(image.base.how)}). `;
  return section("layers", "Layers", base || null,
    make("div", { class: "tools" }, metrics), meaning, bar,
    make("ul", { class: "legend" }, make("li", {}, make("i", { class: "swatch rest" }), " stays"), make("li", {}, make("i", { class: "swatch unneeded" }), " not needed"), make("li", {}, make("i", { class: "swatch waste" }), " hidden by later layers")),
    image.layers.length ? rows : empty("The image has no layers."));
};
