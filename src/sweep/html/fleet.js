// Whatever is shown of it: nothing in it moves or hides text.
const data = JSON.parse(document.getElementById("data").textContent, (_, value) => (typeof value === "string" ? clean(value) : value));
const main = document.getElementById("main");
const PAGE = 100;
const day = (s) => (s === null || s === undefined ? "–" : new Date(s * 1000).toISOString().slice(0, 10));
const words = (column, value) => {
  if (value === null || value === undefined) return "–";
  if (column.kind === "bytes") return bytes(value);
  if (column.kind === "time") return day(value);
  if (column.kind === "flag") return value ? "yes" : "no";
  if (column.kind === "count") return Number(value).toLocaleString("en");
  const text = String(value);
  return /^sha256:[0-9a-f]{64}$/.test(text) ? text.slice(0, 19) + "…" : text;
};
const table = (name) => data.tables.find((t) => t.name === name);
const rowsOf = (t) => t.rows.map((r) => Object.fromEntries(t.columns.map((c, i) => [c.name, r[i]])));

// What it comes to.
const done = data.sweeps ? rowsOf(data.sweeps).filter((s) => s.state !== "planned") : [];
const last = done[0];
const about = document.getElementById("about");
about.textContent = last
  ? `${last.target} · sweep ${last.run} · ${day(last.ended || last.begun)} · ${last.state}`
  : "nothing has been swept yet";
// The last sweep of each other target.
const others = done.filter((s, i) => s.target !== last.target && done.findIndex((t) => t.target === s.target) === i);
for (const s of others) {
  about.append(document.createElement("br"), `${s.target} · sweep ${s.run} · ${day(s.ended || s.begun)} · ${s.state}`);
}
if (last) {
  const tile = (value, label, tone) =>
    make("div", { class: "tile " + (tone || "") }, make("b", {}, String(value)), make("span", {}, label));
  const count = (n) => Number(n || 0).toLocaleString("en");
  main.append(make("div", { class: "tiles" },
    tile(count(last.secrets), "distinct secrets", last.secrets ? "bad" : "good"),
    tile(count(last.root_images), `of ${count(last.images)} images run as root`, last.root_images ? "warn" : "good"),
    tile(count(last.tags), "tags looked into"),
    tile(bytes(last.registry_bytes), `in ${count(last.layers)} distinct layers`),
    tile(bytes(last.pull_bytes), "to pull each tag once"),
    tile(bytes(last.waste_bytes), "hidden by later layers", last.waste_bytes ? "warn" : "good")));
  if ([last, ...others].some((s) => s.state !== "complete")) {
    main.append(make("section", { role: "alert" }, make("h2", {}, "Not complete"),
      make("p", {}, "Something was not looked at: see the last table. All figures are without it.")));
  }
}

// What to do.
const advice = rowsOf(table("advice"));
if (advice.length) {
  const list = make("ol", { class: "steps" });
  const leaks = advice.filter((a) => a.kind === "leak").slice(0, 3);
  for (const a of leaks.concat(advice.filter((a) => a.kind !== "leak").slice(0, 4))) {
    const saves = a.registry_bytes || a.pull_bytes
      ? ` Saves ${bytes(a.registry_bytes)} in the registry` +
        (a.pull_bytes ? `, ${bytes(a.pull_bytes)} when each of ${a.tags} tags is pulled.` : ".")
      : "";
    list.append(make("li", {}, make("strong", {}, a.title), make("small", {}, a.advice + "." + saves)));
  }
  main.append(make("section", {}, make("h2", {}, "Do first"), list));
}

// Pictures.
const SVG = "http://www.w3.org/2000/svg";
const bar = (label, parts, most, value) => {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 1000 14");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `${label}: ${value}`);
  let x = 0;
  for (const [name, part] of parts) {
    const rect = document.createElementNS(SVG, "rect");
    const width = most > 0 ? (part / most) * 1000 : 0;
    for (const [k, v] of Object.entries({ x, y: 0, width, height: 14, class: name })) rect.setAttribute(k, v);
    svg.append(rect);
    x += width;
  }
  return make("div", { class: "bar" }, make("span", { title: label }, make("bdi", {}, label)), svg, make("span", {}, value));
};
const key = (...names) => {
  const node = make("div", { class: "key" });
  for (const [name, label] of names) node.append(make("i", { class: name }), label);
  return node;
};
const charts = make("div", { class: "charts" });
const repositories = rowsOf(table("repositories")).sort((a, b) => b.stored_bytes - a.stored_bytes).slice(0, 12);
if (repositories.length) {
  const most = Math.max(...repositories.map((r) => r.stored_bytes));
  const card = make("section", {}, make("h2", {}, "Bytes by repository"), make("p", {}, "compressed, the largest twelve"));
  for (const r of repositories) {
    const name = r.repository.slice(r.repository.indexOf("/") + 1);
    card.append(bar(name, [["own", r.own_bytes], ["shared", r.shared_bytes]], most, bytes(r.stored_bytes)));
  }
  card.append(key(["own", "only here"], ["shared", "shared with others"]));
  charts.append(card);
}
if (data.shared.length) {
  const most = Math.max(...data.shared.map((g) => g[2]));
  const card = make("section", {}, make("h2", {}, "Shared and unique layers"),
    make("p", {}, "compressed bytes of distinct layers, by how many repositories have them"));
  const names = { 1: "one repository", 2: "2 to 4", 5: "5 to 19", 20: "20 or more" };
  for (const [group, layers, size] of data.shared) {
    card.append(bar(`${names[group]} (${layers})`, [[group === 1 ? "own" : "shared", size]], most, bytes(size)));
  }
  charts.append(card);
}
if (data.ages.length) {
  const most = Math.max(...data.ages.map((a) => a[1]));
  const card = make("section", {}, make("h2", {}, "Leaks by age"),
    make("p", {}, "distinct secrets, by the month of the oldest image that has them"));
  for (const [month, secrets] of data.ages.slice(-18)) {
    card.append(bar(month, [["leak", secrets]], most, secrets + (secrets === 1 ? " secret" : " secrets")));
  }
  charts.append(card);
}
if (charts.childElementCount) main.append(charts);

// Tables: one at a time, searched and sorted.
const section = make("section", { "aria-label": "tables" });
const tabs = make("nav", { role: "tablist" });
const note = make("p", {});
const search = make("input", { type: "search", placeholder: "search", "aria-label": "search in this table" });
const wide = make("button", { type: "button", "aria-pressed": "false" }, "all columns");
const found = make("span", { role: "status" });
const scroll = make("div", { class: "scroll" });
const further = make("button", { type: "button" }, "show more");
section.append(tabs, note, make("div", { class: "tools" }, search, wide, found), scroll, further);
main.append(section);
const state = { table: null, sort: null, down: true, shown: PAGE, all: false };
const draw = () => {
  const t = state.table;
  note.textContent = t.about + (t.more ? ` (the first ${t.rows.length.toLocaleString("en")}; careen inventory ${t.name} has all)` : "");
  const wanted = search.value.trim().toLowerCase();
  const columns = t.columns.map((c, i) => ({ ...c, i })).filter((c) => state.all || c.main);
  let rows = t.rows;
  if (wanted) {
    rows = rows.filter((r) => r.some((v, i) =>
      v !== null && (String(v).toLowerCase().includes(wanted) || words(t.columns[i], v).toLowerCase().includes(wanted))));
  }
  if (state.sort !== null) {
    const i = state.sort;
    const factor = state.down ? -1 : 1;
    rows = [...rows].sort((a, b) => {
      if (a[i] === b[i]) return 0;
      if (a[i] === null) return 1;
      if (b[i] === null) return -1;
      return (a[i] < b[i] ? -1 : 1) * factor;
    });
  }
  found.textContent = `${rows.length.toLocaleString("en")} rows`;
  scroll.replaceChildren();
  if (!rows.length) {
    scroll.append(make("p", { class: "empty" }, wanted ? "nothing fits" : "nothing"));
  } else {
    const head = make("tr", {});
    for (const c of columns) {
      const sorted = state.sort === c.i;
      const mark = sorted ? (state.down ? " ↓" : " ↑") : "";
      const button = make("button", { type: "button" }, c.name.replace(/_bytes$/, "").replaceAll("_", " ") + mark);
      button.addEventListener("click", () => {
        state.down = sorted ? !state.down : c.kind !== "text";
        state.sort = c.i;
        draw();
      });
      const number = c.kind === "bytes" || c.kind === "count";
      head.append(make("th", { class: number ? "n" : null, scope: "col",
        "aria-sort": sorted ? (state.down ? "descending" : "ascending") : null }, button));
    }
    const body = make("tbody", {});
    for (const r of rows.slice(0, state.shown)) {
      const line = make("tr", {});
      for (const c of columns) {
        const number = c.kind === "bytes" || c.kind === "count";
        const tone = c.name === "severity" && /^[a-z]+$/.test(r[c.i] || "") ? "sev-" + r[c.i] : number ? "n" : null;
        line.append(make("td", { class: tone, title: c.kind === "text" ? r[c.i] : null }, words(c, r[c.i])));
      }
      body.append(line);
    }
    scroll.append(make("table", {}, make("thead", {}, head), body));
  }
  further.hidden = rows.length <= state.shown;
};
const open = (t, button) => {
  Object.assign(state, { table: t, sort: null, down: true, shown: PAGE });
  for (const other of tabs.children) other.setAttribute("aria-selected", String(other === button));
  draw();
};
for (const t of data.tables) {
  const button = make("button", { type: "button", role: "tab", "aria-selected": "false", id: "tab-" + t.name },
    t.name.replaceAll("-", " "));
  button.addEventListener("click", () => open(t, button));
  tabs.append(button);
}
search.addEventListener("input", () => { state.shown = PAGE; draw(); });
wide.addEventListener("click", () => {
  state.all = !state.all;
  wide.setAttribute("aria-pressed", String(state.all));
  draw();
});
further.addEventListener("click", () => { state.shown += PAGE * 5; draw(); });
open(data.tables[0], tabs.firstElementChild);
// Milliseconds since the page was asked for.
document.documentElement.dataset.ready = String(Math.round(performance.now()));
