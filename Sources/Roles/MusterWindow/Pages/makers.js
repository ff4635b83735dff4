// Who made the tiles: a layer over the map, and what it means in words. A worker is told apart by its letter and its pattern; the colour
// only helps.
const COLOURS = ['#f0e442', '#56b4e9', '#e69f00', '#ffffff', '#009e73', '#cc79a7', '#d55e00', '#0072b2'];
const PATTERNS = [
  [[0, 0, 16, 16]], [[0, 16, 16, 0]], [[8, 0, 8, 16]], [[0, 8, 16, 8]], [[8, 0, 8, 16], [0, 8, 16, 8]], [[0, 0, 16, 16], [0, 16, 16, 0]],
  [[7, 8, 9, 8]],
];
const LETTERS_MOST = 3, WORKERS_MOST = 12, REMEMBERED_MOST = 1_000;

// `Muster-Workers` (RFC 9651): [{ name, strips }], those who made most first, and how many workers had no room. Null: not told.
export function makersOf(field) {
  if (!field) return null;
  const items = [...field.matchAll(/%"((?:[^"%]|%[0-9a-f]{2})*)";strips=(\d+)/g)];
  const known = items.map(([, name, strips]) => ({ name: decoded(name), strips: Number(strips) }));
  const others = Number(/(?:^|, )others;workers=(\d+)/.exec(field)?.[1] ?? 0);
  return known.length ? { known, others } : null;
}
function decoded(text) { try { return decodeURIComponent(text); } catch { return text; } }

export class Layer {
  #numbers = new Map();
  #patterns = new Map();
  #told = '';

  // Over tiles that are there: [{ at, makers }], places in pixels of the screen.
  paint(pen, tiles, ratio) {
    pen.save();
    pen.font = `600 ${Math.round(13 * ratio)}px system-ui, sans-serif`;
    pen.textBaseline = 'middle';
    for (const { at, makers } of tiles) this.#mark(pen, at, makers, ratio);
    pen.restore();
  }

  // The legend: a line for each worker of what is shown, the most tiles first.
  tell(list, tiles) {
    const counts = new Map();
    for (const { makers } of tiles) {
      for (const name of makers?.known.map(one => one.name) ?? [null]) counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    const rows = [...counts].sort((a, b) => b[1] - a[1]);
    const told = JSON.stringify(rows);
    if (told === this.#told) return;
    this.#told = told;
    const of = count => `${count} ${count === 1 ? 'tile' : 'tiles'}`;
    const lines = rows.slice(0, WORKERS_MOST).map(([name, count]) => this.#line(name, `, ${of(count)}`));
    if (rows.length > WORKERS_MOST) lines.push(`and ${rows.length - WORKERS_MOST} more workers`);
    if (!rows.length) lines.push('No tile is there yet.');
    list.replaceChildren(...lines.map(line => {
      const item = document.createElement('li');
      item.append(line);
      return item;
    }));
  }

  #line(name, rest) {
    const line = document.createElement('span');
    const sample = Object.assign(document.createElement('canvas'), { width: 44, height: 26 });
    sample.setAttribute('aria-hidden', 'true');
    const pen = sample.getContext('2d');
    pen.font = '600 13px system-ui, sans-serif';
    pen.textBaseline = 'middle';
    pen.fillStyle = '#000';
    pen.fillRect(0, 0, 44, 26);
    this.#mark(pen, { x: 0, y: 0, width: 44, height: 26 }, name === null ? null : { known: [{ name }], others: 0 }, 1);
    // A name is any text, and may be written from right to left.
    const who = Object.assign(document.createElement('bdi'), { textContent: name ?? 'not told' });
    const letter = name === null ? '?' : this.#letter(name);
    line.append(sample, ` ${letter}: `, who, rest);
    return line;
  }

  #mark(pen, at, makers, ratio) {
    const number = makers ? this.#number(makers.known[0].name) : -1;
    const colour = makers ? COLOURS[number % COLOURS.length] : '#bbb';
    const line = 3 * ratio;
    pen.globalAlpha = 0.45;
    if (makers) {
      pen.fillStyle = this.#pattern(pen, number, colour);
      pen.fillRect(at.x, at.y, at.width, at.height);
    }
    pen.globalAlpha = 1;
    pen.lineWidth = line;
    pen.strokeStyle = '#000';
    pen.strokeRect(at.x + line / 2, at.y + line / 2, at.width - line, at.height - line);
    pen.lineWidth = line / 2;
    pen.strokeStyle = colour;
    pen.strokeRect(at.x + line / 2, at.y + line / 2, at.width - line, at.height - line);
    const label = this.#label(makers);
    const [pad, high] = [4 * ratio, 18 * ratio];
    // At the tile's corner, or what of it is on the page.
    const [x, y] = [Math.max(0, at.x) + line, Math.max(0, at.y) + line];
    pen.fillStyle = '#000';
    pen.fillRect(x, y, pen.measureText(label).width + 2 * pad, high);
    pen.fillStyle = colour;
    pen.fillText(label, x + pad, y + high / 2);
  }

  #label(makers) {
    if (!makers) return '?';
    const shown = makers.known.slice(0, LETTERS_MOST).map(one => this.#letter(one.name));
    const left = makers.known.length + makers.others - shown.length;
    return shown.join(' ') + (left ? ` +${left}` : '');
  }

  // Given once, so that a worker keeps its mark.
  #number(name) {
    if (!this.#numbers.has(name)) {
      if (this.#numbers.size >= REMEMBERED_MOST) this.#numbers.clear();
      this.#numbers.set(name, this.#numbers.size);
    }
    return this.#numbers.get(name);
  }

  #letter(name) {
    let [number, letters] = [this.#number(name), ''];
    for (; number >= 0; number = Math.floor(number / 26) - 1) letters = String.fromCharCode(65 + (number % 26)) + letters;
    return letters;
  }

  #pattern(pen, number, colour) {
    const kind = number % (PATTERNS.length * COLOURS.length);
    if (!this.#patterns.has(kind)) {
      const part = Object.assign(document.createElement('canvas'), { width: 16, height: 16 });
      const brush = part.getContext('2d');
      [brush.strokeStyle, brush.lineWidth, brush.lineCap] = [colour, 2, 'square'];
      for (const [x0, y0, x1, y1] of PATTERNS[number % PATTERNS.length]) {
        brush.beginPath();
        brush.moveTo(x0, y0);
        brush.lineTo(x1, y1);
        brush.stroke();
      }
      this.#patterns.set(kind, part);
    }
    return pen.createPattern(this.#patterns.get(kind), 'repeat');
  }
}
