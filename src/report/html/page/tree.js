// The tree of files, arranged anew for each way to look at it. A node holds its bytes in three parts
// that add up: what production may need, what it does not, what later layers hide.
const node = (label, up) => ({ name: label, up, children: [], leaf: -1, directory: 0, size: 0, unneeded: 0, waste: 0, files: 0, found: 0 });

const dirPaths = (t) => {
  const paths = [""];
  for (let d = 1; d < t.directories; d++) paths.push(paths[t.parent[d]] + "/" + t.name[d]);
  return paths;
};

const leafName = (t, leaf) => {
  const label = t.name[t.directories + leaf];
  return t.leaf.files[leaf] > 1 ? `… ${number(t.leaf.files[leaf])} small files` : label;
};

// Who a leaf is put with: [what sorts it out, what it is called].
const GROUPS = {
  path: null,
  layer: (image, t, leaf) => [t.leaf.layer[leaf], `layer ${t.leaf.layer[leaf]}: ${stepWords((image.layers[t.leaf.layer[leaf]] || {}).instruction)}`],
  package: (image, t, leaf) => {
    if (t.leaf.hidden[leaf]) return ["hidden", "hidden by later layers"];
    const p = t.leaf.package[leaf];
    return [p, p === -1 ? "in no package" : p === -2 ? "small files of several packages" : t.packages[p]];
  },
  kind: (image, t, leaf) => {
    if (t.leaf.hidden[leaf]) return ["hidden", "hidden by later layers"];
    const k = t.leaf.kind[leaf];
    return [k, t.kinds[k][0]];
  },
};
const SYMBOLS = "symbols in programs";

// `filter`: { text, only: "all" | "waste" | "unneeded" | "findings" }.
const arrange = (image, mode, filter) => {
  const t = image.tree;
  const root = node("", null);
  const groups = new Map();
  const places = new Map();
  const groupOf = ([key, label]) => {
    if (!groups.has(key)) {
      const made = node(label, root);
      made.group = groups.size + 1;
      root.children.push(made);
      groups.set(key, made);
    }
    return groups.get(key);
  };
  const place = (group, d) => {
    if (d === 0) return group;
    const key = (group.group || 0) * t.directories + d;
    let found = places.get(key);
    if (!found) {
      const up = place(group, t.parent[d]);
      found = node(t.name[d], up);
      found.directory = d;
      up.children.push(found);
      places.set(key, found);
    }
    return found;
  };
  const add = (group, leaf, size, unneeded, waste, files) => {
    const up = place(group, t.parent[t.directories + leaf]);
    const made = Object.assign(node(leafName(t, leaf), up), { leaf, size, unneeded, waste, files: files ?? t.leaf.files[leaf], found: (t.findings[leaf] || []).length });
    up.children.push(made);
    for (let n = up; n; n = n.up) {
      n.size += size;
      n.unneeded += unneeded;
      n.waste += waste;
      n.files += made.files;
      n.found += made.found;
    }
  };
  const text = filter.text.trim().toLowerCase();
  const paths = text ? dirPaths(t).map((p) => p.toLowerCase()) : null;
  for (let leaf = 0; leaf < t.leaf.bytes.length; leaf++) {
    const whole = t.leaf.bytes[leaf];
    const waste = t.leaf.hidden[leaf] ? whole : 0;
    const unneeded = waste ? 0 : t.leaf.unneeded[leaf];
    const size = filter.only === "waste" ? waste : filter.only === "unneeded" ? unneeded : filter.only === "findings" && !t.findings[leaf] ? 0 : whole;
    if (!size) continue;
    if (text) {
      const id = t.directories + leaf;
      if (!(paths[t.parent[id]] + "/" + t.name[id].toLowerCase()).includes(text)) continue;
    }
    if (mode === "kind" && unneeded > 0 && unneeded < whole) {
      add(groupOf([SYMBOLS, SYMBOLS]), leaf, unneeded, unneeded, 0, size > unneeded ? 0 : undefined);
      if (size > unneeded) add(groupOf(GROUPS.kind(image, t, leaf)), leaf, size - unneeded, 0, 0);
      continue;
    }
    add(mode === "path" ? root : groupOf(GROUPS[mode](image, t, leaf)), leaf, size, unneeded, waste);
  }
  const order = [root];
  for (let i = 0; i < order.length; i++) {
    order[i].children.sort((a, b) => b.size - a.size);
    order.push(...order[i].children.filter((c) => c.children.length));
  }
  return root;
};

const trail = (n) => {
  const out = [];
  for (; n && n.up; n = n.up) out.unshift(n);
  return out;
};
const isDir = (n) => n.leaf < 0;
// Over directories that hold nothing but one other.
const inward = (n) => {
  while (n.children.length === 1 && isDir(n.children[0]) && n.children[0].children.length) n = n.children[0];
  return n;
};
const outward = (n) => {
  let up = n.up;
  while (up && up.up && up.children.length === 1) up = up.up;
  return up || n;
};
const pathOf = (n, t) => {
  if (n.leaf >= 0) return (dirPathOf(t, t.parent[t.directories + n.leaf]) + "/" + n.name);
  return n.directory ? dirPathOf(t, n.directory) : n.group ? n.name : "/";
};
const dirPathOf = (t, d) => {
  const parts = [];
  for (; d > 0; d = t.parent[d]) parts.unshift("/" + t.name[d]);
  return parts.join("");
};

// What is known of a node, as [label, text] pairs, the path left out.
const about = (image, n, whole) => {
  const t = image.tree;
  const rows = [["size", `${bytes(n.size)} · ${percent(n.size, whole)} of what is shown`]];
  if (n.files > 1) rows.push(["files", number(n.files)]);
  if (n.leaf < 0) {
    if (n.waste) rows.push(["hidden", `${bytes(n.waste)} hidden by later layers`]);
    if (n.unneeded) rows.push(["not needed", bytes(n.unneeded)]);
    if (n.found) rows.push(["findings", plural(n.found, "place") + " with findings below"]);
    return rows;
  }
  const layer = t.leaf.layer[n.leaf];
  rows.push(["layer", `${layer} · ${stepWords((image.layers[layer] || {}).instruction).slice(0, 160)}`]);
  const p = t.leaf.package[n.leaf];
  if (p >= 0) rows.push(["package", t.packages[p]]);
  const [kind, why] = t.kinds[t.leaf.kind[n.leaf]];
  rows.push(["kind", kind]);
  if (n.waste) {
    const by = t.leaf.by[n.leaf];
    rows.push(["hidden", data.words.hidden[t.leaf.hidden[n.leaf] - 1] + (by >= 0 ? ` by layer ${by} · ${stepWords((image.layers[by] || {}).instruction).slice(0, 120)}` : " by later layers")]);
  }
  if (n.unneeded) rows.push(["not needed", n.unneeded < n.size ? `${bytes(n.unneeded)} of it are symbols for a debugger` : why || "symbols for a debugger"]);
  for (const f of (t.findings[n.leaf] || []).slice(0, 4)) {
    const finding = image.findings.rows[f];
    rows.push([finding.severity, finding.message]);
  }
  return rows;
};
