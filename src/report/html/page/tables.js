// A table that can be searched and sorted. `columns`: { title, kind: "text" | "bytes" | "count", of(row), cell(row)? }.
const sortable = (rows, columns, what, shownFirst) => {
  const state = { sort: null, down: true, text: "" };
  const search = make("input", { type: "search", placeholder: "filter", "aria-label": `Filter ${what}` });
  const status = make("span", { class: "dim", role: "status" });
  const holder = make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": what });
  const draw = (focus) => {
    const wanted = state.text.trim().toLowerCase();
    let shown = wanted ? rows.filter((r) => columns.some((c) => String(c.of(r) ?? "").toLowerCase().includes(wanted))) : rows;
    if (state.sort !== null) {
      const { of } = columns[state.sort];
      const order = new Intl.Collator("en", { numeric: true });
      shown = [...shown].sort((a, b) => {
        const [x, y] = [of(a), of(b)];
        if (x === y) return 0;
        if (x === null || x === undefined) return 1;
        if (y === null || y === undefined) return -1;
        return (typeof x === "number" ? x - y : order.compare(x, y)) * (state.down ? -1 : 1);
      });
    }
    status.textContent = plural(shown.length, "row");
    if (!shown.length) return holder.replaceChildren(empty(rows.length ? "Nothing fits the filter." : "None."));
    const head = make("tr", {}, columns.map((c, i) => {
      const sorted = state.sort === i;
      return make("th", { scope: "col", class: c.kind === "text" ? null : "n", "aria-sort": sorted ? (state.down ? "descending" : "ascending") : null },
        button([c.title, make("span", { "aria-hidden": "true", class: "arrow" }, sorted ? (state.down ? " ↓" : " ↑") : "")], { class: "link" }, () => {
          state.down = sorted ? !state.down : c.kind !== "text";
          state.sort = i;
          draw(i);
        }));
    }));
    const body = make("tbody", {});
    const row = (r) => make("tr", {}, columns.map((c) => {
      const value = c.of(r);
      const told = c.cell ? c.cell(r) : c.kind === "bytes" ? bytes(value) : value === null || value === undefined ? "–" : c.kind === "count" ? number(value) : make("bdi", {}, clean(value));
      return make("td", { class: c.kind === "text" ? null : "n" }, told);
    }));
    const more = pages(shown, shownFirst, row, body, "rows");
    holder.replaceChildren(make("table", { class: "sortable" }, make("thead", {}, head), body), more);
    if (focus !== undefined) head.children[focus].firstChild.focus();
  };
  search.addEventListener("input", () => { state.text = search.value; draw(); });
  draw();
  return make("div", {}, rows.length > shownFirst / 2 && make("div", { class: "tools" }, search, status), holder);
};
