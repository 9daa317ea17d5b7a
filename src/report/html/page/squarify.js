// Rectangles as square as they can be, each as large as its size says (Bruls, Huizing, van Wijk:
// "Squarified Treemaps", 2000). `items` stand by size, the largest first.
const squarify = (items, x, y, w, h, emit) => {
  let left = items.reduce((a, i) => a + i.size, 0);
  let at = 0;
  while (at < items.length && left > 0 && w > 0 && h > 0) {
    const scale = (w * h) / left;
    const side = Math.min(w, h);
    let sum = 0;
    let end = at;
    let worst = Infinity;
    // A row grows while its shapes get better.
    while (end < items.length) {
      const area = (sum + items[end].size) * scale;
      const thick = area / side;
      const longest = (items[at].size * scale) / thick;
      const shortest = (items[end].size * scale) / thick;
      const ratio = Math.max(longest / thick, thick / Math.max(shortest, 1e-9), thick / longest);
      if (ratio > worst) break;
      worst = ratio;
      sum += items[end].size;
      end++;
    }
    const thick = (sum * scale) / side;
    let along = 0;
    for (; at < end; at++) {
      const long = (items[at].size * scale) / thick;
      if (w >= h) emit(items[at], x, y + along, thick, long);
      else emit(items[at], x + along, y, long, thick);
      along += long;
    }
    if (w >= h) { x += thick; w -= thick; } else { y += thick; h -= thick; }
    left -= sum;
  }
};
