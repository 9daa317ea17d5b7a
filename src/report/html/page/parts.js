// Pieces that several sections are made of.
const live = document.getElementById("live");
const say = (text) => { live.textContent = text; };
const button = (label, attributes, act) => {
  const node = make("button", { type: "button", ...attributes }, label);
  node.addEventListener("click", act);
  return node;
};
// A name from an image: its direction stays its own.
const name = (text, attributes) => make("bdi", attributes, clean(text));
const code = (text) => make("code", { dir: "ltr" }, clean(text));
const section = (id, title, about, ...children) =>
  make("section", { id, class: "card", "aria-labelledby": id + "-title" },
    make("h2", { id: id + "-title" }, title), about && make("p", { class: "about" }, about), ...children);
const chip = (severity, text) => make("span", { class: "chip sev-" + severity }, text || severity);
const empty = (text) => make("p", { class: "empty" }, text);
const facts = (...pairs) => {
  const list = make("dl", { class: "facts" });
  for (const [label, value] of pairs) {
    if (value !== null && value !== undefined && value !== false && value !== "") {
      list.append(make("div", {}, make("dt", {}, label), make("dd", {}, value)));
    }
  }
  return list;
};
// Copies text; where the browser gives a page of a file no clipboard, through a selection.
const copyText = async (text) => {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = make("textarea", { class: "unseen", "aria-hidden": "true", tabindex: "-1" });
    const before = document.activeElement;
    area.value = text;
    document.body.append(area);
    area.select();
    let done = false;
    try { done = document.execCommand("copy"); } catch { /* nothing to do: the text can be marked by hand */ }
    area.remove();
    if (before) before.focus();
    return done;
  }
};
const copyButton = (text, what) => {
  const node = button("Copy", { class: "copy", "aria-label": "Copy " + what }, async () => {
    const done = await copyText(text);
    node.textContent = done ? "Copied" : "Mark and copy by hand";
    say(done ? what + " copied" : what + " could not be copied");
    setTimeout(() => { node.textContent = "Copy"; }, 1600);
  });
  return node;
};
const codeBlock = (text, what, lineClass) => {
  const pre = make("pre", { tabindex: "0", "aria-label": what, dir: "ltr" });
  for (const line of cleanLines(text).replace(/\n$/, "").split("\n")) {
    pre.append(make("span", { class: lineClass ? lineClass(line) : null }, line + "\n"));
  }
  return make("div", { class: "code" }, make("div", { class: "code-head" }, make("span", {}, what), copyButton(text, what)), pre);
};
// Parts of a whole side by side: [class, bytes] each; what it means stands in text beside it.
const strip = (parts, whole, label) => {
  const node = make("div", { class: "strip", role: "img", "aria-label": label });
  for (const [kind, size] of parts) {
    if (size > 0 && whole > 0) {
      const part = make("i", { class: kind });
      part.style.width = Math.min(100, (size / whole) * 100) + "%";
      node.append(part);
    }
  }
  return node;
};
// Rows of a long list, some at a time.
const pages = (rows, size, draw, into, moreLabel) => {
  let shown = 0;
  const more = button("", { class: "more" }, () => step(size * 4));
  const step = (count) => {
    const to = Math.min(rows.length, shown + count);
    for (; shown < to; shown++) into.append(draw(rows[shown], shown));
    more.hidden = shown >= rows.length;
    more.textContent = `Show more (${number(rows.length - shown)} ${moreLabel} left)`;
  };
  step(size);
  return more;
};
// careen's own sentences: `code` within them, and a capital where a plain word stands first.
const sentence = (text) => clean(text).split("`").map((part, i, all) =>
  (i % 2 && i < all.length - 1 ? make("code", { dir: "ltr" }, part) : (i % 2 ? "`" : "") + (i === 0 && /^[a-z]+ /.test(part) ? capital(part) : part)));
// Markdown as the rules' texts use it: `## ` headings, paragraphs, `code`.
const prose = (text) => {
  const out = [];
  for (const block of text.split(/\n\s*\n/)) {
    const heading = block.match(/^## (.*)/);
    const body = (heading ? block.slice(heading[0].length) : block).trim();
    if (heading) out.push(make("h5", {}, heading[1]));
    if (body) out.push(make("p", {}, ...body.split("`").map((part, i) => (i % 2 ? code(part) : part))));
  }
  return out;
};
