// Sheets: all of a view as one picture, with the pixels that its tiles would have. Many tiles cost a browser more than the fleet. A sheet
// is asked for where nothing of a view is there; what a move comes to are tiles.
import { refused } from './tiles.js';

// A view of fewer tiles is as quick with them. Sheets begin and end at multiples of `GRID`: so windows of nearly one size ask for the same.
const TILES_LEAST = 4, GRID = 32;
// Pixels of one, and iterations that it may cost: pixels times limit. All that are kept have at most `KEPT` pixels, four bytes each.
const PIXELS_MOST = 12e6, COST_MOST = 5e10, KEPT = 256 * 256 * 256;
// Milliseconds. What takes longer than `WAIT` comes by tiles, of which the first are there sooner; and for `PAUSE` what costs half as much
// does. After `SOON` it is slow.
const SOON = 150, WAIT = 1000, PAUSE = 30_000;

export class Sheets {
  // The newest first: { level, palette, escape, left, top, right, bottom, picture }, places in pixels of the level.
  #kept = [];
  #asked = null;
  // Until when less may be asked for, and how much.
  #pause = { until: 0, costMost: 0 };
  #changed;

  // `changed` is called when one came, is slow, or could not come.
  constructor(changed) { this.#changed = changed; }

  // Those that have these pixels, whole or a part of them, the newest last.
  of(look, area) { return this.#kept.filter(sheet => isAlike(sheet, look) && size(common(sheet, area)) > 0).reverse(); }

  // One that has all of them, if there is one.
  covering(look, area) { return this.#kept.find(sheet => isAlike(sheet, look) && holds(sheet, area)); }

  // Whether at least half of them is on its way.
  isComing(look, area) { return this.#asked !== null && isAlike(this.#asked, look) && 2 * size(common(this.#asked, area)) >= size(area); }

  get isSlow() { return this.#asked?.isSlow === true; }

  // This area is what is looked at. What is on its way is given up unless it has most of it; one is asked for if nothing of it is there.
  want(look, area, tiles, isEmpty) {
    if (!this.isComing(look, area)) this.giveUp();
    if (this.#asked || !isEmpty || tiles < TILES_LEAST) return;
    const sheet = { ...look, ...snapped(area), isSlow: false, control: new AbortController() };
    const costMost = performance.now() < this.#pause.until ? this.#pause.costMost : COST_MOST;
    if (size(sheet) <= PIXELS_MOST && size(sheet) * sheet.escape <= costMost) this.#fetch(sheet);
  }

  giveUp() {
    this.#asked?.control.abort();
    this.#asked = null;
  }

  async #fetch(sheet) {
    this.#asked = sheet;
    const timers = [
      setTimeout(() => { sheet.isSlow = true; if (this.#asked === sheet) this.#changed(); }, SOON),
      setTimeout(() => this.#fail(sheet, (size(sheet) * sheet.escape) / 2), WAIT),
    ];
    try {
      const answer = await fetch(url(sheet), { signal: sheet.control.signal });
      if (!answer.ok) throw await refused(answer);
      const bytes = await answer.blob();
      for (const timer of timers) clearTimeout(timer);
      this.#keep(sheet, await createImageBitmap(bytes));
    } catch {
      this.#fail(sheet, 0);
    }
    for (const timer of timers) clearTimeout(timer);
  }

  #keep(sheet, picture) {
    if (this.#asked !== sheet) return picture.close();
    this.#asked = null;
    this.#kept.unshift({ ...sheet, picture });
    let pixels = 0;
    this.#kept = this.#kept.filter(one => {
      pixels += size(one);
      if (pixels <= KEPT) return true;
      one.picture.close();
      return false;
    });
    this.#changed();
  }

  // Tiles come instead, and say why if they cannot. One that was given up is not this one's any more.
  #fail(sheet, costMost) {
    if (this.#asked !== sheet) return;
    this.giveUp();
    this.#pause = { until: performance.now() + PAUSE, costMost };
    this.#changed();
  }
}

const isAlike = (sheet, { level, palette, escape }) => sheet.level === level && sheet.palette === palette && sheet.escape === escape;

// MARK: Areas

const size = ({ left, top, right, bottom }) => Math.max(0, right - left) * Math.max(0, bottom - top);
const holds = (a, b) => a.left <= b.left && a.top <= b.top && a.right >= b.right && a.bottom >= b.bottom;
export const common = (a, b) => ({
  left: Math.max(a.left, b.left), top: Math.max(a.top, b.top), right: Math.min(a.right, b.right), bottom: Math.min(a.bottom, b.bottom),
});
// The square's own side is a multiple, too.
const snapped = ({ left, top, right, bottom }) => {
  const [down, up] = [number => Math.floor(number / GRID) * GRID, number => Math.ceil(number / GRID) * GRID];
  return { left: down(left), top: down(top), right: up(right), bottom: up(bottom) };
};

// Its centre and span are exact: halves of the level's pixels, which are powers of two.
function url({ level, palette, escape, left, top, right, bottom }) {
  const [width, height, pixel] = [right - left, bottom - top, 2 ** (-6 - level)];
  const asked = new URLSearchParams({ width, height, re: -2.5 + ((left + right) / 2) * pixel, im: 2 - ((top + bottom) / 2) * pixel,
    span: width * pixel, escape });
  if (palette !== 'spectrum') asked.set('palette', palette);
  return `/mandelbrot.png?${asked}`;
}
