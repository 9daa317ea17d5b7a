// Elements from text, and sizes in words. Text from an image only ever becomes a text node.
const make = (tag, attributes, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) node.append(child);
  }
  return node;
};
// As `text::Sanitized` does it: nothing moves the cursor, hides itself or turns the direction of the text.
const DANGEROUS = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;
const escaped = (c) => ({ "\n": "\\n", "\r": "\\r", "\t": "\\t" })[c] || `\\u{${c.codePointAt(0).toString(16)}}`;
const clean = (text) => String(text).replace(DANGEROUS, escaped);
// The same with its line breaks, for whole files.
const cleanLines = (text) => String(text).split("\n").map((l) => l.replaceAll("\t", "    ")).map(clean).join("\n");
// Three significant digits in decimal units, as `text::Bytes` does it; unknown is a dash, never 0.
const bytes = (n) => {
  if (n === null || n === undefined) return "–";
  const sign = n < 0 ? "-" : "";
  n = Math.abs(n);
  if (n < 1000) return sign + n + " B";
  let unit = -1;
  do { n /= 1000; unit++; } while (n >= 999.5 && unit < 5);
  return sign + n.toFixed(n < 9.995 ? 2 : n < 99.95 ? 1 : 0) + " " + ["kB", "MB", "GB", "TB", "PB", "EB"][unit];
};
const number = (n) => Number(n || 0).toLocaleString("en");
const plural = (n, thing) => `${number(n)} ${thing}${n === 1 ? "" : "s"}`;
const percent = (part, whole) => {
  if (!whole) return "0 %";
  const share = (part / whole) * 100;
  return (share > 0 && share < 0.1 ? "< 0.1" : share.toFixed(share < 9.95 ? 1 : 0)) + " %";
};
