// The whole page of one image, and the choice among its platforms.
const main = document.getElementById("main");
const show = (which) => {
  const image = data.images[which];
  themeWatchers.length = 0;
  main.replaceChildren();
  document.title = `careen: ${clean(image.image.reference)} ${clean(image.image.platform)}`;
  if (data.images.length > 1) {
    const several = new Set(data.images.map((i) => i.image.reference)).size > 1;
    const label = ({ image: i }) => (several ? i.reference + " · " : "") + i.platform;
    main.append(make("div", { class: "switch platforms", role: "group", "aria-label": several ? "Image" : "Platform" },
      data.images.map((other, i) => button([name(label(other)), other.not_looked_at.rows.some((n) => n.failed) && " (partial)"], { "aria-pressed": String(i === which) }, () => show(i)))));
  }
  const go = {};
  const findings = drawFindings(image);
  go.findings = findings.show;
  go.proposal = (id) => {
    const at = document.getElementById("proposal-" + clean(id));
    if (at) { at.scrollIntoView(); at.focus({ preventScroll: true }); }
  };
  document.getElementById("foot").replaceChildren(`Made by careen ${data.version}. This file asks nothing of any host.`);
  if (image.unreadable) {
    main.append(identity(image), ...banners(image));
    document.getElementById("sections").replaceChildren();
    return;
  }
  main.append(...drawHead(image, go).filter(Boolean));
  let map = null;
  const sections = [["layers", "Layers", drawLayers(image, go)], ["proposals", "Proposals", drawProposals(image)], ["findings", "Findings", findings.body],
    ["growth", "Growth", drawGrowth(image)], ["unneeded", "Not needed", drawUnneeded(image)], ["packages", "Packages", drawPackages(image)], ["duplicates", "Duplicates", drawDuplicates(image)],
    ["not-looked-at", "Not looked at", drawUnseen(image)], ["config", "Configuration", drawConfig(image)]].filter(([, , s]) => s);
  if (image.tree && image.tree.files > 0 && !(leftOut(image, "waste") && leftOut(image, "tools"))) {
    map = drawMap(image);
    go.map = map.show;
    sections.unshift(["map", "Map", map.body]);
  }
  main.append(...sections.map(([, , s]) => s));
  document.getElementById("sections").replaceChildren(...sections.map(([id, title]) => make("a", { href: "#" + id }, title)));
};
// What is folded is printed too.
addEventListener("beforeprint", () => { for (const d of document.querySelectorAll("details:not([open])")) { d.open = true; d.dataset.printed = ""; } });
addEventListener("afterprint", () => { for (const d of document.querySelectorAll("details[data-printed]")) { d.open = false; delete d.dataset.printed; } });
if (data.images.length) show(0);
else main.append(empty("No image was looked at."));
// The part that the address names is only there now.
if (location.hash.length > 1) document.getElementById(location.hash.slice(1))?.scrollIntoView({ behavior: "instant" });
// Milliseconds since the page was asked for.
document.documentElement.dataset.ready = String(Math.round(performance.now()));
