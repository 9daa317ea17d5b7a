// What to write instead, with the size afterwards and how sure it is.
const beforeAfter = (label, now, then) => {
  if (!then || now === null) return null;
  const most = Math.max(now, then.high, 1);
  const at = (n) => (n / most) * 100 + "%";
  const sure = then.low === then.high;
  const words = sure ? bytes(then.likely) : `about ${bytes(then.likely)} (${bytes(then.low)} to ${bytes(then.high)})`;
  const before = make("div", { class: "ba-bar before" }, make("i", {}));
  before.firstChild.style.width = at(now);
  const after = make("div", { class: "ba-bar after" }, make("i", {}));
  after.firstChild.style.width = at(then.likely);
  if (!sure) {
    const whisker = make("b", { class: "whisker" });
    whisker.style.left = at(then.low);
    whisker.style.width = at(then.high - then.low);
    after.append(whisker);
  }
  const saved = now > 0 ? Math.round((1 - then.likely / now) * 100) : 0;
  return make("div", { class: "ba", role: "img", "aria-label": `${label}: now ${bytes(now)}, then ${words}` },
    make("div", { class: "ba-title" }, label, saved !== 0 && make("strong", { class: saved > 0 ? "less" : "more-of-it" }, `${saved > 0 ? "−" : "+"}${Math.abs(saved)} %`)),
    make("span", {}, "now"), before, make("span", { class: "n" }, bytes(now)),
    make("span", {}, "then"), after, make("span", { class: "n" }, words));
};

const sizesAfter = (image, a) => {
  const sizes = [["Compressed", "compressed"], ["On disk", "on_disk"]];
  const stays = ([, s]) => a.estimate[s] && a.estimate[s].low === a.estimate[s].high && a.estimate[s].likely === image.size[s];
  if (sizes.every(stays)) return make("p", { class: "dim" }, "The size stays as it is.");
  return make("div", { class: "bas" }, sizes.map(([label, s]) => beforeAfter(label, image.size[s], a.estimate[s])));
};

const bullets = (title, items, draw) => items.length > 0 &&
  make("div", {}, make("h4", {}, title), make("ul", {}, items.map((i) => make("li", {}, draw ? draw(i) : sentence(i)))));

const fold = (title, ...children) => make("details", {}, make("summary", {}, title), ...children);

const patchClass = (line) => (line.startsWith("+") ? "plus" : line.startsWith("-") ? "minus" : line.startsWith("@@") ? "hunk" : null);

const proposal = (image, a, nr) => {
  const columns = [
    bullets("What changes", a.changes),
    bullets("What goes", a.removes, (r) => [make("b", { class: "n" }, bytes(r.bytes)), " " + clean(r.what)]),
    bullets("What may go wrong", a.risks)];
  const lines = a.dockerfile ? a.dockerfile.split("\n").length : 0;
  return make("article", { class: "proposal", id: "proposal-" + clean(a.id), tabindex: "-1" },
    make("h3", {}, make("span", { class: "nr" }, String(nr)), make("span", {}, clean(a.title))),
    make("p", {}, sentence(a.because)),
    sizesAfter(image, a),
    a.fixes.length > 0 && make("p", { class: "fixes" }, "Settles ", a.fixes.map((f, i) => [i ? ", " : "", code(f.rule), f.findings > 1 && ` (${number(f.findings)})`])),
    columns.some(Boolean) && make("div", { class: "columns" }, columns),
    a.dockerfile && make("details", { open: lines <= 12 }, make("summary", {}, `The Dockerfile, ${plural(lines, "line")}`), codeBlock(a.dockerfile, "Dockerfile")),
    a.patch && fold("As a patch to your Dockerfile", codeBlock(a.patch, "patch", patchClass)),
    a.ignore.length > 0 && fold("Lines for .dockerignore", codeBlock(a.ignore.join("\n") + "\n", ".dockerignore")),
    a.basis && make("p", { class: "basis" }, make("b", {}, clean(a.confidence)), " – " + clean(a.basis)));
};

const drawProposals = (image) => {
  const possible = image.advice.filter((a) => a.possible);
  const not = image.advice.filter((a) => !a.possible);
  const body = section("proposals", "Proposals", possible.length ? "Each is a whole way to build it, with the size afterwards. The line across a bar is what a build is expected to stay within." : null,
    possible.map((a, i) => proposal(image, a, i + 1)),
    !possible.length && empty(noProposals(image)));
  if (not.length) {
    body.append(fold(`${plural(not.length, "proposal")} not possible for this image`, make("ul", { class: "impossible" }, not.map((a) =>
      make("li", {}, make("b", {}, clean(a.title)), make("p", {}, sentence(a.because)), a.blockers.length > 0 && make("ul", {}, a.blockers.map((b) => make("li", {}, sentence(b)))))))));
  }
  return body;
};
