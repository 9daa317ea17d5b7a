// What the page was given, and how it is said in words.
const data = JSON.parse(document.getElementById("data").textContent);
const SEVERITIES = ["critical", "high", "medium", "low", "info"];
const stateWord = (s) => data.words.state[s] || String(s);
const packageWord = (k) => data.words.package[k] || String(k);
const ruleOf = (id) => data.rules[id] || (id.startsWith("secret/") ? data.rules.secret : undefined);
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const rooted = (path) => clean(path.startsWith("/") ? path : "/" + path);
const placeOf = (f) => (f.path === undefined || f.path === null ? null
  : rooted(f.path) + (f.line ? ":" + f.line : "") + (f.inside ? " › " + clean(f.inside) : ""));
const day = (rfc3339) => clean(String(rfc3339).split("T")[0]);
const shortDigest = (digest) => clean(String(digest).replace(/^([a-z0-9]+:[0-9a-f]{12})[0-9a-f]+$/, "$1…"));
// A build step without what every builder puts around it.
const stepWords = (instruction) => clean(instruction || "no instruction is known")
  .replace(/^RUN \/bin\/sh -c /, "RUN ").replace(/ # buildkit$/, "").replace(/\b([0-9a-f]{8})[0-9a-f]{25,}\b/g, "$1…");
const partial = (image) => image.not_looked_at.rows.some((n) => n.failed);
const leftOut = (image, section) => image.only.length > 0 && !image.only.includes(section);
const of = (list) => (list.rows.length < list.all
  ? `The first ${number(list.rows.length)} of ${number(list.all)}; the JSON report has all.` : null);
