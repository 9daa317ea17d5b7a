// The map of what fills the image: the picture, the table beside it, the way in and out, the filter.
const drawMap = (image) => {
  const t = image.tree;
  const state = { mode: "path", filter: { text: "", only: "all" }, root: null, here: null, cells: [], chosen: null, width: 0 };
  const canvas = make("canvas", { "aria-hidden": "true" });
  const outline = make("i", { class: "outline", hidden: true });
  const hover = make("i", { class: "outline hover", hidden: true });
  const frame = make("div", { class: "frame", tabindex: "0", role: "group", "aria-label": "Map of what fills the image. Arrow keys move, Enter opens, Escape goes back. The same stands in the table beside it.", id: "map-frame" }, canvas, hover, outline);
  const tip = make("div", { class: "tip", hidden: true, "aria-hidden": "true" });
  const crumbs = make("ol", {});
  const list = make("div", { id: "map-list" });
  const detail = make("div", { class: "picked", id: "map-picked" });
  const sum = make("p", { class: "sum", role: "status" });

  const facing = (n) => facts(...about(image, n, state.root.size).map(([k, v]) => [k, make("bdi", {}, clean(v))]));
  const describe = (n) => `${clean(n.name || "everything")}, ${about(image, n, state.root.size).map(([k, v]) => `${k} ${clean(v)}`).join(", ")}`;
  const titleOf = (n) => clean(n.leaf < 0 && n.group && !n.directory ? n.name : pathOf(n, t));
  const pick = (n) => {
    detail.replaceChildren(make("h3", {}, make("bdi", {}, titleOf(n))), facing(n));
  };
  const boxAt = (box, cell) => {
    box.hidden = !cell;
    if (!cell) return;
    Object.assign(box.style, { left: cell.x + "px", top: cell.y + "px", width: cell.w + "px", height: cell.h + "px" });
  };
  const choose = (cell, spoken) => {
    state.chosen = cell;
    boxAt(outline, cell);
    if (!cell) return;
    pick(cell.node);
    if (spoken) say(describe(cell.node));
  };
  const redraw = () => {
    const width = frame.clientWidth;
    const height = frame.clientHeight;
    if (!width || !height || !state.here) return;
    state.width = width;
    state.cells = layOut(state.here, width, height);
    paint(canvas, state.cells, width, height);
    boxAt(hover, null);
  };
  const go = (n, focusTable) => {
    state.here = n;
    choose(null);
    crumbs.replaceChildren(...[state.root, ...trail(n)].map((step) => {
      const label = step === state.root ? "everything" : step.name;
      return make("li", {}, step === n ? make("b", { "aria-current": "location" }, name(label)) : button(name(label), { class: "link" }, () => go(step)));
    }));
    sum.textContent = `${bytes(n.size)} in ${plural(n.files, "file")}` + (n.waste ? ` · ${bytes(n.waste)} hidden by later layers` : "") + (n.unneeded ? ` · ${bytes(n.unneeded)} not needed` : "") + (n.found ? ` · ${plural(n.found, "file")} with findings` : "");
    list.replaceChildren(mapTable(state.root, n, (to) => enter(to, true), pick));
    detail.replaceChildren(make("p", { class: "dim" }, "Point at a rectangle, or move with the arrow keys, to see what it is."));
    redraw();
    if (focusTable) {
      const first = list.querySelector("button");
      if (first) first.focus({ preventScroll: true });
    }
  };
  const enter = (n, focusTable) => {
    if (isDir(n) && n.children.length) {
      const to = inward(n);
      say(`opened ${clean(to.name)}, ${plural(to.children.length, "entry").replace("entrys", "entries")}, ${bytes(to.size)}`);
      go(to, focusTable);
    } else pick(n);
  };
  const back = () => {
    const from = state.here;
    if (!from.up) return;
    const to = outward(from);
    go(to);
    say("back in " + (to.up ? clean(to.name) : "everything"));
    choose(state.cells.find((c) => c.depth === 1 && (c.node === from || trail(from).includes(c.node))) || null);
  };
  // Keeps the place by its names, as far as it still exists.
  const rebuild = (names) => {
    const wanted = names || trail(state.here).map((n) => n.name);
    state.root = arrange(image, state.mode, state.filter);
    let here = state.root;
    for (const label of wanted) {
      const next = here.children.find((c) => isDir(c) && c.name === label);
      if (!next) break;
      here = next;
    }
    go(here);
  };

  const cellAt = (event) => {
    const box = canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    for (let i = state.cells.length - 1; i >= 0; i--) {
      const c = state.cells[i];
      if (x >= c.x && x <= c.x + c.w && y >= c.y && y <= c.y + c.h) return c;
    }
    return null;
  };
  const outer = (cell) => {
    let n = cell.node;
    while (n.up && n.up !== state.here) n = n.up;
    return state.cells.find((c) => c.depth === 1 && c.node === n);
  };
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerType === "touch") return;
    const cell = cellAt(event);
    boxAt(hover, cell);
    tip.hidden = !cell;
    if (!cell) return;
    tip.replaceChildren(make("strong", {}, make("bdi", {}, titleOf(cell.node))), facing(cell.node));
    const box = frame.parentElement.getBoundingClientRect();
    const x = Math.min(event.clientX - box.left + 14, box.width - tip.offsetWidth - 4);
    const below = event.clientY - box.top + 18;
    const flip = event.clientY + tip.offsetHeight + 30 > window.innerHeight;
    Object.assign(tip.style, { left: Math.max(0, x) + "px", top: (flip ? event.clientY - box.top - tip.offsetHeight - 10 : below) + "px" });
  });
  canvas.addEventListener("pointerleave", () => { tip.hidden = true; boxAt(hover, null); });
  canvas.addEventListener("click", (event) => {
    const cell = cellAt(event);
    if (!cell) return;
    tip.hidden = true;
    const top = outer(cell);
    if (top && isDir(top.node)) enter(top.node);
    else choose(cell, true);
  });
  const step = (key) => {
    const top = state.cells.filter((c) => c.depth === 1);
    if (!state.chosen || !top.includes(state.chosen)) return choose(top[0] || null, true);
    const from = state.chosen;
    const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
    const middle = (c) => [c.x + c.w / 2, c.y + c.h / 2];
    const [fx, fy] = middle(from);
    let best = null;
    let nearest = Infinity;
    for (const c of top) {
      const [x, y] = middle(c);
      const ahead = (x - fx) * dx + (y - fy) * dy;
      if (c === from || ahead <= 1) continue;
      const aside = Math.abs((x - fx) * dy) + Math.abs((y - fy) * dx);
      if (ahead + 2 * aside < nearest) [best, nearest] = [c, ahead + 2 * aside];
    }
    if (best) choose(best, true);
  };
  frame.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key.startsWith("Arrow")) step(event.key);
    else if (event.key === "Enter" && state.chosen) enter(state.chosen.node);
    else if (event.key === "Escape" || event.key === "Backspace") back();
    else return;
    event.preventDefault();
  });
  list.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" && event.key !== "Backspace") return;
    back();
    const first = list.querySelector("button");
    if (first) first.focus({ preventScroll: true });
    event.preventDefault();
  });

  const modes = make("div", { class: "switch", role: "group", "aria-label": "Arrange by" });
  const setMode = (mode, names) => {
    state.mode = mode;
    for (const b of modes.children) b.setAttribute("aria-pressed", String(b.dataset.mode === mode));
    rebuild(names || []);
  };
  for (const mode of ["path", "layer", "package", "kind"]) {
    modes.append(button("by " + mode, { "data-mode": mode, "aria-pressed": String(mode === "path") }, () => setMode(mode)));
  }
  const search = make("input", { type: "search", placeholder: "part of a path", "aria-label": "Show only paths with", id: "map-text" });
  let waiting = 0;
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => { state.filter.text = search.value; rebuild(); }, 120);
  });
  const only = make("select", { "aria-label": "Show", id: "map-only" },
    [["all", "everything"], ["waste", "only hidden waste"], ["unneeded", "only what is not needed"], ["findings", "only files with findings"]].map(([value, label]) => make("option", { value }, label)));
  only.addEventListener("change", () => { state.filter.only = only.value; rebuild(); });

  const legend = make("ul", { class: "legend" },
    make("li", {}, make("i", { class: "swatch rest" }), " in use, as far as is known (a colour for each group)"),
    make("li", {}, make("i", { class: "swatch unneeded" }), " nothing in production needs it"),
    make("li", {}, make("i", { class: "swatch waste" }), " hidden by a later layer, still downloaded"),
    make("li", {}, make("i", { class: "swatch found" }, "!"), " has a finding"));
  const missing = image.layers.filter((l) => l.size.content === null).length;
  const notes = [
    t.folded > 0 && `${number(t.folded)} of ${number(t.files)} files are folded into groups of small files; the filter finds a group by its folder.`,
    missing > 0 && `${plural(missing, "layer")} that ${missing === 1 ? "was" : "were"} not looked at ${missing === 1 ? "is" : "are"} not in the map.`,
  ].filter(Boolean);
  const body = section("map", "What fills it", "Content of all layers: what a container shows, and what later layers hide.",
    make("div", { class: "tools" }, modes, search, only),
    make("nav", { class: "crumbs", "aria-label": "Place in the map" }, crumbs), sum,
    make("div", { class: "map" }, make("div", { class: "picture" }, frame, legend, tip), make("div", { class: "beside" }, list, detail)),
    notes.length > 0 && make("p", { class: "about after" }, notes.join(" ")));
  new ResizeObserver(() => { if (frame.clientWidth !== state.width) { redraw(); choose(null); } }).observe(frame);
  themeWatchers.push(redraw);
  rebuild([]);
  return {
    body,
    // Opens a group of a mode by the head of its label.
    show(mode, label) {
      search.value = "";
      only.value = "all";
      state.filter = { text: "", only: "all" };
      setMode(mode, []);
      const group = state.root.children.find((c) => c.name.startsWith(label));
      if (group) enter(group);
      body.scrollIntoView();
      frame.focus({ preventScroll: true });
    },
  };
};
