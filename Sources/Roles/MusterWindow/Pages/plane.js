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
export const rectOf = (view, z, x, y, width, height, ratio) => (
  rectOfArea(view, z, { left: x, top: y, right: x + 1, bottom: y + 1 }, width, height, ratio, 1));

// The same for an area of a level, in its pixels.
export function rectOfArea(view, level, area, width, height, ratio, side = SIDE) {
  const [scale, all] = [(SIDE / side) * 2 ** (view.zoom - level) * ratio, side * 2 ** level];
  const across = x => Math.round((x - view.u * all) * scale + (width * ratio) / 2);
  const down = y => Math.round((y - view.v * all) * scale + (height * ratio) / 2);
  const [x, y] = [across(area.left), down(area.top)];
  return { x, y, width: across(area.right) - x, height: down(area.bottom) - y };
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

// Places in pixels of a level, from the square's top left: what the page shows of the square, and a tile. `fine`: of so many levels finer.
export function areaOf(view, level, width, height) {
  const [unit, part] = [SIDE * 2 ** level, 2 ** (level - view.zoom - 1)];
  const inside = number => Math.min(unit, Math.max(0, number));
  return {
    left: inside(Math.floor(view.u * unit - width * part)), right: inside(Math.ceil(view.u * unit + width * part)),
    top: inside(Math.floor(view.v * unit - height * part)), bottom: inside(Math.ceil(view.v * unit + height * part)),
  };
}
export function areaOfTile({ x, y }, side, fine = 0) {
  const size = side * 2 ** fine;
  return { left: x * size, top: y * size, right: (x + 1) * size, bottom: (y + 1) * size };
}

// Deep places need more iterations than the whole; few different numbers, so that a cache serves many.
export const depthOf = z => 1000 * 2 ** Math.max(0, Math.floor((z - 6) / 6));

// As many digits as tell neighbouring pixels apart.
export function digits(number, pixel) {
  const places = Math.min(20, Math.max(2, Math.ceil(-Math.log10(pixel)) + 1));
  return number.toFixed(places).replace(/\.?0+$/, '').replace(/^-0$/, '0');
}
export const brief = span => (span >= 0.001 ? String(Number(span.toPrecision(6))) : span.toExponential(5).replace(/\.?0+e/, 'e'));
