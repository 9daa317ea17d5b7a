// Text whose colour is too near to what is behind it (WCAG 2.2, 1.4.3: 4.5 to 1, large text 3 to 1).
const channel = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
// Any notation of a colour, as the browser itself paints it.
const canvas = document.createElement("canvas");
canvas.width = canvas.height = 1;
const context = canvas.getContext("2d", { willReadFrequently: true });
const known = new Map();
const parse = (text) => {
  if (!known.has(text)) {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = text;
    context.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data;
    known.set(text, [r, g, b, a / 255]);
  }
  return known.get(text);
};
const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3]));
const behind = (node) => {
  const layers = [];
  for (let n = node; n; n = n.parentElement) {
    const style = getComputedStyle(n);
    const painted = parse(style.backgroundColor);
    if (painted[3] > 0) layers.push(painted);
    if (painted[3] > 0.99) break;
  }
  return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255]);
};
const bad = [];
let looked = 0;
const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walk.nextNode()) {
  const text = walk.currentNode.nodeValue.trim();
  const node = walk.currentNode.parentElement;
  if (!text || !node.checkVisibility({ checkOpacity: true }) || node.closest("script, style, noscript, option, .unseen, .skip, .swatch, i")) continue;
  const style = getComputedStyle(node);
  const size = parseFloat(style.fontSize);
  const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
  const ground = behind(node);
  let ink = parse(style.color);
  ink = over([ink[0], ink[1], ink[2], ink[3] * Number(style.opacity)], ground);
  const [a, b] = [light(ink), light(ground)].sort((x, y) => y - x);
  const ratio = (a + 0.05) / (b + 0.05);
  looked++;
  if (ratio < (large ? 3 : 4.5)) bad.push(`${ratio.toFixed(2)} ${node.tagName}.${node.className}: ${text.slice(0, 40)}`);
}
return [looked, ...bad.slice(0, 20)];
