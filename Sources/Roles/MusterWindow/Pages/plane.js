// The plane as a map: the square re -2.5…1.5, im -2…2 is one unit; level z cuts it into 2^z × 2^z tiles, as /tiles/ has them. A view is a
// centre (u, v) in units, from the top left, and a zoom: at zoom z a tile of level z is 256 pixels wide on the page.
export const SIDE = 256, LEVELS = 40, ZOOM_LEAST = -1, ZOOM_MOST = LEVELS + 2;
export const WHOLE = { re: -0.5, im: 0, span: 4 };

export const toPlace = ({ u, v, zoom }, width) => ({ re: -2.5 + 4 * u, im: 2 - 4 * v, span: (4 * width) / (SIDE * 2 ** zoom) });

export function toView({ re, im, span }, width) {
  return bounded({ u: (re + 2.5) / 4, v: (2 - im) / 4, zoom: Math.log2((4 * width) / (SIDE * span)) });
}

// The centre stays inside the square.
export const bounded = ({ u, v, zoom }) => ({
  u: Math.min(1, Math.max(0, u)), v: Math.min(1, Math.max(0, v)), zoom: Math.min(ZOOM_MOST, Math.max(ZOOM_LEAST, zoom)),
});

// Moved by pixels of the page.
export const moved = (view, dx, dy) => {
  const unit = SIDE * 2 ** view.zoom;
  return bounded({ u: view.u - dx / unit, v: view.v - dy / unit, zoom: view.zoom });
};

// Zoomed to `zoom`; what is (x, y) pixels right of and below the centre stays where it is.
export function zoomed(view, zoom, x = 0, y = 0) {
  const after = Math.min(ZOOM_MOST, Math.max(ZOOM_LEAST, zoom));
  const [before, now] = [SIDE * 2 ** view.zoom, SIDE * 2 ** after];
  return bounded({ u: view.u + x / before - x / now, v: view.v + y / before - y / now, zoom: after });
}

// The level whose tiles of 256 pixels have pixels nearest those of the screen.
export const levelOf = (view, ratio) => Math.min(LEVELS, Math.max(0, Math.round(view.zoom + Math.log2(ratio))));

// Twice as wide a tile shows four times the place for little more work of the browser; an iteration limit above 10^12 for a tile's pixels is
// refused.
const LARGE = 2 * SIDE, LARGE_ESCAPE_MOST = 3_800_000;
export const sideOf = escape => (escape <= LARGE_ESCAPE_MOST ? LARGE : SIDE);
// The level of such tiles that has the same pixels.
export const tileLevelOf = (level, side) => Math.max(0, level - Math.log2(side / SIDE));
export const levelOfTile = (z, side) => z + Math.log2(side / SIDE);

// Places in pixels of the screen, from its top left; whole numbers, so that neighbours meet.
export function rectOf(view, z, x, y, width, height, ratio) {
  const [scale, cells] = [SIDE * 2 ** (view.zoom - z) * ratio, 2 ** z];
  const [left, top] = [(x - view.u * cells) * scale + (width * ratio) / 2, (y - view.v * cells) * scale + (height * ratio) / 2];
  const [x0, y0] = [Math.round(left), Math.round(top)];
  return { x: x0, y: y0, width: Math.round(left + scale) - x0, height: Math.round(top + scale) - y0 };
}

// Tiles of a level that the page shows, the nearest to its middle first.
export function tilesIn(view, z, width, height) {
  const [size, cells] = [SIDE * 2 ** (view.zoom - z), 2 ** z];
  const [cx, cy] = [view.u * cells, view.v * cells];
  const clamp = number => Math.min(cells - 1, Math.max(0, number));
  const [x0, x1] = [clamp(Math.floor(cx - width / 2 / size)), clamp(Math.ceil(cx + width / 2 / size) - 1)];
  const [y0, y1] = [clamp(Math.floor(cy - height / 2 / size)), clamp(Math.ceil(cy + height / 2 / size) - 1)];
  const found = [];
  for (let y = y0; y <= y1; y += 1) for (let x = x0; x <= x1; x += 1) found.push({ z, x, y });
  const away = ({ x, y }) => (x + 0.5 - cx) ** 2 + (y + 0.5 - cy) ** 2;
  return found.sort((a, b) => away(a) - away(b));
}

// Deep places need more iterations than the whole; few different numbers, so that a cache serves many.
export const depthOf = z => 1000 * 2 ** Math.max(0, Math.floor((z - 6) / 6));

// As many digits as tell neighbouring pixels apart.
export function digits(number, pixel) {
  const places = Math.min(20, Math.max(2, Math.ceil(-Math.log10(pixel)) + 1));
  return number.toFixed(places).replace(/\.?0+$/, '').replace(/^-0$/, '0');
}
export const brief = span => (span >= 0.001 ? String(Number(span.toPrecision(6))) : span.toExponential(5).replace(/\.?0+e/, 'e'));
