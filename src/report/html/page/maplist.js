// The map as a table: the same data for a screen reader, and for whoever would rather read.
const mapTable = (root, here, open, pick) => {
  const body = make("tbody", {});
  const row = (n) => {
    const dir = isDir(n);
    const parts = [n.waste && `${bytes(n.waste)} hidden by later layers`, n.unneeded && `${bytes(n.unneeded)} not needed`, n.found && plural(n.found, "finding")].filter(Boolean).join(", ");
    const act = button([make("span", { class: "icon", "aria-hidden": "true" }, dir ? "▸" : "·"), name(n.name)],
      { class: "link row", title: clean(n.name), "aria-label": (dir ? "Open " : "About ") + clean(n.name) }, () => (dir ? open(n) : pick(n)));
    const line = strip([["rest", n.size - n.unneeded - n.waste], ["unneeded", n.unneeded], ["waste", n.waste]], here.children[0].size, parts || "none of it hidden or unneeded");
    return make("tr", {}, make("th", { scope: "row" }, act, line), make("td", { class: "n" }, bytes(n.size)), make("td", { class: "n dim" }, percent(n.size, here.size)));
  };
  const table = make("table", { class: "map-table" },
    make("caption", { class: "unseen" }, "What is here, the largest first"),
    make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "Name"), make("th", { scope: "col", class: "n" }, "Size"), make("th", { scope: "col", class: "n" }, "Share"))), body);
  if (!here.children.length) return empty("Nothing fits the filter.");
  const more = pages(here.children, 12, row, body, "entries");
  return make("div", { class: "scroll" }, table, more);
};
