// The map as a picture: which cells there are, and how they are painted.
const HEAD = 18;
const MOST_CELLS = 6000;
// Dark enough for white letters on them, in light and dark pages alike.
const TONES = ["#26627f", "#2d6f5f", "#4a5d94", "#5a6636", "#6c5688", "#7c5a3c", "#3f666b", "#80506a"];

// Cells of what is below `root`, the outer before the inner. Depth 1 is what can be chosen.
const layOut = (root, width, height) => {
  const cells = [];
  const queue = [{ node: root, x: 0, y: 0, w: width, h: height, depth: 0, tone: 0, open: true }];
  // Breadth first, so that where there is too much, the inmost is left out.
  for (let i = 0; i < queue.length && queue.length < MOST_CELLS; i++) {
    const c = queue[i];
    if (!c.open) continue;
    const head = c.depth > 0 && c.w > 46 && c.h > HEAD + 16 ? HEAD : 0;
    const pad = c.depth === 0 ? 0 : 2;
    c.head = head;
    let child = 0;
    // A chain of folders that hold nothing else is one box.
    const inner = c.depth === 0 ? c.node : inward(c.node);
    c.title = c.node.group && !c.node.directory ? c.node.name : trail(inner).slice(trail(c.node).length - 1).map((n) => n.name).join("/");
    squarify(inner.children, c.x + pad, c.y + (head || pad), c.w - 2 * pad, c.h - (head || pad) - pad, (n, x, y, w, h) => {
      // What one directory dominates has its colours one step further in.
      const tone = c.depth === 0 || (c.depth === 1 && c.node.size > root.size * 0.6) ? child++ % TONES.length : c.tone;
      // A gap between neighbours; too small to be seen is not drawn.
      const cell = { node: n, x, y, w: w - 1, h: h - 1, depth: c.depth + 1, tone, head: 0 };
      cell.open = n.children.length > 0 && cell.w > 14 && cell.h > 14 && cell.w * cell.h > 500;
      if (cell.w > 0.6 && cell.h > 0.6) queue.push(cell);
    });
  }
  for (const c of queue) if (c.depth > 0) cells.push(c);
  return cells;
};

const hatch = (context, line, mirrored) => {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 16;
  const t = tile.getContext("2d");
  t.strokeStyle = line;
  t.lineWidth = 3;
  t.beginPath();
  for (const d of [-16, 0, 16]) {
    t.moveTo(mirrored ? d : d + 16, 0);
    t.lineTo(mirrored ? d + 16 : d, 16);
  }
  t.stroke();
  const pattern = context.createPattern(tile, "repeat");
  pattern.setTransform(new DOMMatrix().scale(0.5));
  return pattern;
};

const fit = (context, text, room) => {
  if (room < 10) return "";
  let cut = text.length > room / 3 ? text.slice(0, Math.ceil(room / 3)) : text;
  let width = context.measureText(cut).width;
  if (width <= room && cut === text) return text;
  while (cut.length > 1 && width > room - 8) {
    cut = cut.slice(0, Math.max(1, Math.min(cut.length - 1, Math.floor(cut.length * (room - 8) / width))));
    width = context.measureText(cut + "…").width;
    if (width <= room) break;
  }
  return cut.length > 1 ? cut + "…" : "";
};

const paint = (canvas, cells, width, height) => {
  const ratio = Math.min(3, window.devicePixelRatio || 1);
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const c = canvas.getContext("2d");
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
  c.clearRect(0, 0, width, height);
  const fills = {
    waste: [colour("--waste"), hatch(c, colour("--waste-line"), false), colour("--waste-ink")],
    unneeded: [colour("--unneeded"), hatch(c, colour("--unneeded-line"), true), colour("--unneeded-ink")],
  };
  const font = (weight, size) => `${weight} ${size}px system-ui, "Segoe UI", "DejaVu Sans", sans-serif`;
  const fill = (kind, x, y, w, h) => {
    for (const style of [fills[kind][0], fills[kind][1]]) {
      c.fillStyle = style;
      c.fillRect(x, y, w, h);
    }
  };
  const mostly = (n) => (n.waste > n.size * 0.98 ? "waste" : n.unneeded > n.size * 0.98 ? "unneeded" : null);
  for (const cell of cells) {
    const { node: n, x, y, w, h } = cell;
    const kind = mostly(n);
    if (cell.open) {
      c.fillStyle = kind ? fills[kind][0] : TONES[cell.tone];
      c.fillRect(x, y, w, h);
      c.fillStyle = kind ? "rgba(0,0,0,.12)" : "rgba(0,0,0,.34)";
      c.fillRect(x, y, w, h);
    } else {
      const whole = n.size || 1;
      c.fillStyle = TONES[cell.tone];
      c.fillRect(x, y, w, h);
      c.fillStyle = `rgba(255,255,255,${Math.min(0.1, 0.025 * (cell.depth - 1))})`;
      c.fillRect(x, y, w, h);
      let at = 0;
      for (const part of ["waste", "unneeded"]) {
        const share = n[part] / whole;
        if (share <= 0) continue;
        if (w >= h) fill(part, x + w * (1 - at - share), y, w * share, h);
        else fill(part, x, y + h * (1 - at - share), w, h * share);
        at += share;
      }
    }
    const striped = cell.open ? kind : !n.waste && !n.unneeded ? null : n.waste > n.unneeded ? "waste" : "unneeded";
    if (w > 34 && h > 13) label(c, cell, striped ? fills[striped] : null, font);
    if (n.leaf >= 0 && n.found && w > 16 && h > 16) mark(c, x + w - 9, y + 9, font);
  }
};

const label = (c, cell, kind, font) => {
  const { node: n, x, y, w, h } = cell;
  if (cell.open && !cell.head) return;
  const size = bytes(n.size);
  const text = (cell.title || n.name) + (isDir(n) && !(n.group && !n.directory) ? "/" : "");
  const room = w - 10 - (n.leaf >= 0 && n.found ? 14 : 0);
  c.textBaseline = "middle";
  c.direction = "ltr";
  // Letters on stripes need ground of one colour.
  const put = (line, at, weight, whole) => {
    c.font = font(weight, 11.5);
    const shown = fit(c, line, room);
    if (!shown || (whole && shown !== line)) return 0;
    const wide = c.measureText(shown).width;
    if (kind && !cell.open) {
      c.fillStyle = kind[0];
      c.fillRect(x + 3, at - 7, wide + 5, 14);
    }
    c.fillStyle = kind ? kind[2] : "#fff";
    c.fillText(shown, x + 5, at + 0.5);
    return wide;
  };
  if (cell.open) {
    const wide = put(text, y + HEAD / 2, 600);
    c.font = font(400, 11.5);
    if (wide && wide + c.measureText(size).width + 18 < w) {
      c.textAlign = "right";
      c.fillText(size, x + w - 5, y + HEAD / 2 + 0.5);
      c.textAlign = "left";
    }
    return;
  }
  put(text, y + Math.min(10, h / 2), 500);
  if (h > 32) put(size, y + 25, 400, true);
};

// A file with a finding.
const mark = (c, x, y, font) => {
  c.fillStyle = "#fff";
  c.beginPath();
  c.arc(x, y, 6.5, 0, 7);
  c.fill();
  c.fillStyle = "#8c1022";
  c.font = font(800, 11);
  c.textAlign = "center";
  c.textBaseline = "middle";
  c.fillText("!", x, y + 0.5);
  c.textAlign = "left";
};
