// The explorer: a map of tiles that the fleet computes, and what people do with it.
import * as plane from './plane.js';
import { Tiles } from './tiles.js';
import { Sheets, common } from './sheets.js';
import { Layer } from './makers.js';
import { picture, store } from './save.js';

const of = id => document.getElementById(id);
const [map, stage, box] = [of('map'), of('stage'), of('box')];
const pen = map.getContext('2d');
const isCalm = matchMedia('(prefers-reduced-motion: reduce)').matches;

// How often what came is drawn while more is on its way and nothing moves, milliseconds: a large page takes as long to draw as a tile
// to make.
const ARRIVALS = 100;
let view = null, target = null, style = { palette: 'spectrum', escape: 0, who: false };
// Whether a frame is asked for, and nothing has moved for a while; how many tiles the view has, and how many are not there.
let isDue = false, isSettled = false, wanted = 0, lacking = 0, toldPlace = 0, arrival = 0;
const tiles = new Tiles(arrived);
const sheets = new Sheets(draw);
const layer = new Layer();
// Through a cache, what others asked for is there already, in tiles. Until that is known nothing is asked for.
let isCached = null;

const size = () => ({ width: stage.clientWidth, height: stage.clientHeight, ratio: Math.min(3, devicePixelRatio || 1) });

// MARK: What is drawn

const side = () => plane.sideOf(style.escape);
// The level of what is shown: large tiles begin at 1.
const levelOf = (place, ratio) => plane.levelOfTile(plane.tileLevelOf(plane.levelOf(place, ratio), side()), side());
const escapeOf = level => style.escape || plane.depthOf(level);
const lookOf = level => ({ level, palette: style.palette, escape: escapeOf(level) });

function url({ z, x, y }) {
  const asked = new URLSearchParams({ size: side() });
  if (style.palette !== 'spectrum') asked.set('palette', style.palette);
  const escape = escapeOf(plane.levelOfTile(z, side()));
  if (escape !== 1000) asked.set('escape', escape);
  return `/tiles/${z}/${x}/${y}.png?${asked}`;
}

const tilesOf = (place, { width, height, ratio }) => (
  plane.tilesIn(place, plane.tileLevelOf(plane.levelOf(place, ratio), side()), width, height));

function arrived() {
  if (!tiles.missing) return draw();
  arrival ||= setTimeout(draw, ARRIVALS);
}

function draw() {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => { isDue = false; paint(); });
}

function paint() {
  clearTimeout(arrival);
  arrival = 0;
  const { width, height, ratio } = size();
  step();
  const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (map.width !== across || map.height !== down) [map.width, map.height] = [across, down];
  const [level, shown] = [levelOf(view, ratio), tilesOf(view, size())];
  const area = plane.areaOf(view, level, width, height);
  const [sheet, at] = [sheets.covering(lookOf(level), area), plane.rectOfArea(view, level, area, width, height, ratio)];
  if (!sheet || at.x > 0 || at.y > 0 || at.x + at.width < across || at.y + at.height < down) {
    pen.fillStyle = '#000';
    pen.fillRect(0, 0, across, down);
  }
  if (sheet) paintPart(sheet, area);
  else for (const tile of shown) paintTile(tile, plane.rectOf(view, tile.z, tile.x, tile.y, width, height, ratio), level, area);
  if (style.who) {
    const there = shown.filter(tile => tiles.get(url(tile))).map(tile => (
      { at: plane.rectOf(view, tile.z, tile.x, tile.y, width, height, ratio), makers: tiles.makers(url(tile)) }));
    layer.paint(pen, there, ratio);
    layer.tell(of('makers'), there);
  }
  ask();
  tell();
  if (target) draw();
}

// What is not there: all of it as one picture, or tile by tile. While it moves only what it comes to is worth asking for. The square itself
// stands in for much: first among tiles, last beside one picture.
function ask() {
  const [place, { width, height, ratio }] = [target ?? view, size()];
  const [look, all] = [lookOf(levelOf(place, ratio)), tilesOf(place, size())];
  const area = plane.areaOf(place, look.level, width, height);
  const seen = tile => common(plane.areaOfTile(tile, side()), area);
  const missing = all.filter(tile => !tiles.get(url(tile)) && (style.who || !sheets.covering(look, seen(tile))));
  [wanted, lacking] = [all.length, missing.length];
  if (isCached === null) return;
  if (style.who || isCached) sheets.giveUp();
  else sheets.want(look, area, all.length, missing.length === all.length);
  const apart = new Set(missing.filter(tile => !sheets.isComing(look, seen(tile))));
  const square = { z: 0, x: 0, y: 0 };
  const isUseful = apart.size || isSettled || sheets.isSlow || tiles.get(url(square)) || tiles.isWanted(url(square));
  tiles.want([...(isUseful ? [square] : []), ...all.filter(tile => apart.has(tile) || tiles.get(url(tile)))].map(url));
}

// A tile, or what is there of its place: coarser pictures, finer ones over them, and a sheet's own part. `seen`: of the level.
function paintTile(tile, at, level, seen) {
  const own = tiles.get(url(tile));
  if (own) return pen.drawImage(own, at.x, at.y, at.width, at.height);
  const area = plane.areaOfTile(tile, side());
  if (!sheets.covering(lookOf(level), common(area, seen))) paintOthers(tile, at, level);
  for (const sheet of sheets.of(lookOf(level), area)) paintPart(sheet, area);
}

function paintOthers({ z, x, y }, at, level) {
  const coarse = [];
  for (let up = 1; up <= level; up += 1) {
    const area = plane.areaOfTile({ x, y }, side(), -up);
    for (const sheet of sheets.of(lookOf(level - up), area).reverse()) coarse.push(() => paintPart(sheet, area));
    if (sheets.covering(lookOf(level - up), area)) break;
    const tile = up <= z && tiles.get(url({ z: z - up, x: Math.floor(x / 2 ** up), y: Math.floor(y / 2 ** up) }));
    if (!tile) continue;
    const part = tile.width / 2 ** up;
    coarse.push(() => pen.drawImage(tile, (x % 2 ** up) * part, (y % 2 ** up) * part, part, part, at.x, at.y, at.width, at.height));
    break;
  }
  for (const paint of coarse.reverse()) paint();
  const [halfWidth, halfHeight] = [Math.round(at.width / 2), Math.round(at.height / 2)];
  for (const [dx, dy] of [[0, 0], [1, 0], [0, 1], [1, 1]]) {
    const fine = tiles.get(url({ z: z + 1, x: 2 * x + dx, y: 2 * y + dy }));
    if (fine) {
      pen.drawImage(fine, at.x + dx * halfWidth, at.y + dy * halfHeight,
        dx ? at.width - halfWidth : halfWidth, dy ? at.height - halfHeight : halfHeight);
    }
  }
  for (const finer of [3, 2, 1]) {
    const area = plane.areaOfTile({ x, y }, side(), finer);
    for (const sheet of sheets.of(lookOf(level + finer), area)) paintPart(sheet, area);
  }
}

// What a sheet has of an area of its level.
function paintPart(sheet, area) {
  const { width, height, ratio } = size();
  const part = common(sheet, area);
  const at = plane.rectOfArea(view, sheet.level, part, width, height, ratio);
  pen.drawImage(sheet.picture, part.left - sheet.left, part.top - sheet.top, part.right - part.left, part.bottom - part.top,
    at.x, at.y, at.width, at.height);
}

// MARK: What is said

function say(element, text) { if (element.textContent !== text) element.textContent = text; }

function tell() {
  const { width, ratio } = size();
  const place = plane.toPlace(view, width);
  say(of('work'), lacking ? `${wanted - lacking} of ${wanted} tiles` : 'complete');
  of('work').className = `badge ${lacking ? 'calm' : 'good'}`;
  const notes = [];
  if (tiles.trouble) notes.push(tiles.trouble);
  if (view.zoom > plane.LEVELS + 0.5) notes.push('Tiles end here: a pixel is 2^-46 of the plane, the last that doubles tell apart well.');
  of('note').hidden = !notes.length;
  say(of('note'), notes.join(' '));
  say(of('depth'), `level ${plane.levelOf(view, ratio)}, ${Math.round(2 ** Math.max(0, view.zoom)).toLocaleString('en')} times the whole`);
  if (!target) settle(place, width);
}

// The fields and the address follow once nothing moves.
function settle(place, width) {
  const pixel = place.span / width;
  const texts = { re: plane.digits(place.re, pixel), im: plane.digits(place.im, pixel), span: plane.brief(place.span) };
  for (const [name, text] of Object.entries(texts)) if (document.activeElement !== of(name)) of(name).value = text;
  clearTimeout(toldPlace);
  toldPlace = setTimeout(() => {
    const link = new URLSearchParams({ ...texts, ...(style.palette !== 'spectrum' && { palette: style.palette }),
      ...(style.escape && { escape: style.escape }), ...(style.who && { who: 1 }) });
    history.replaceState(null, '', `#${link}`);
    map.setAttribute('aria-label', `The Mandelbrot set around ${texts.re}, ${texts.im}, span ${texts.span}`);
    if (isSettled || lacking) return;
    isSettled = true;
    ask();
  }, 150);
}

// MARK: Where it goes

function go(next, isAtOnce = isCalm) {
  if (isAtOnce) [view, target] = [plane.bounded(next), null];
  else target = plane.bounded(next);
  isSettled = false;
  ask();
  draw();
}

// Somewhere else. What comes within a moment is drawn without anything coarser before it.
function jump(next) {
  [view, target, isSettled] = [plane.bounded(next), null, false];
  ask();
  tell();
  if (lacking < wanted) return draw();
  arrival ||= setTimeout(draw, ARRIVALS);
}

// A part of the way that is left, each time; the zoom by its own measure, so that the place under the pointer stays.
function step() {
  if (!target) return;
  const near = 0.3, left = target.zoom - view.zoom;
  if (Math.abs(left) < 0.01 && Math.hypot(target.u - view.u, target.v - view.v) * plane.SIDE * 2 ** view.zoom < 0.5) {
    [view, target] = [target, null];
    return;
  }
  const zoom = view.zoom + near * left;
  // The point that both views have in one place is the one about which it zooms.
  const [a, b, c] = [2 ** -view.zoom, 2 ** -target.zoom, 2 ** -zoom];
  const part = Math.abs(a - b) < 1e-9 * a ? near : (a - c) / (a - b);
  view = { u: view.u + part * (target.u - view.u), v: view.v + part * (target.v - view.v), zoom };
}

const zoomBy = (levels, x = 0, y = 0) => go(plane.zoomed(target ?? view, (target ?? view).zoom + levels, x, y));
function whole() {
  const { width, height } = size();
  go(plane.toView({ ...plane.WHOLE, span: Math.max(3.4, (2.6 * width) / height) }, width));
}

// From the page's address. False: it names no place.
function readAddress() {
  const asked = new URLSearchParams(location.hash.slice(1));
  const [re, im, span] = ['re', 'im', 'span'].map(name => Number.parseFloat(asked.get(name)));
  style = { palette: known(asked.get('palette')), escape: depth(asked.get('escape')), who: asked.get('who') === '1' };
  [of('palette').value, of('escape').value] = [style.palette, style.escape || ''];
  showWho(style.who);
  if (![re, im, span].every(Number.isFinite) || span <= 0) {
    draw();
    return false;
  }
  jump(plane.toView({ re, im, span }, size().width));
  return true;
}
const known = name => ([...of('palette').options].some(option => option.value === name) ? name : 'spectrum');
const depth = text => { const number = Number(text); return Number.isInteger(number) && number >= 1 && number <= 15_000_000 ? number : 0; };

of('place').onsubmit = event => {
  event.preventDefault();
  const [re, im, span] = ['re', 'im', 'span'].map(name => Number(of(name).value.trim() || NaN));
  const wrong = !(re >= -2.5 && re <= 1.5) ? 'The real part must be a number from -2.5 to 1.5.'
    : !(im >= -2 && im <= 2) ? 'The imaginary part must be a number from -2 to 2.'
      : !(span > 0 && span <= 100) ? 'The span must be a number above 0, at most 100.'
        : of('escape').value.trim() && !depth(of('escape').value) ? 'Iterations must be a whole number from 1 to 15,000,000, or nothing.' : '';
  of('wrong').hidden = !wrong;
  say(of('wrong'), wrong);
  if (wrong) return;
  style = { ...style, escape: depth(of('escape').value) };
  document.activeElement?.blur();
  jump(plane.toView({ re, im, span }, size().width));
};
of('palette').onchange = () => { [style, isSettled] = [{ ...style, palette: of('palette').value }, false]; draw(); };
function showWho(isOn) {
  [style, isSettled] = [{ ...style, who: isOn }, false];
  of('who').checked = isOn;
  of('legend').hidden = !isOn;
}
const turnWho = isOn => { showWho(isOn); draw(); };
of('who').onchange = () => turnWho(of('who').checked);
of('in').onclick = () => zoomBy(1);
of('out').onclick = () => zoomBy(-1);
of('home').onclick = whole;
of('draw').onclick = () => setBoxing(!map.classList.contains('boxing'));
of('skip').onclick = event => { event.preventDefault(); map.focus(); };

function setBoxing(isOn) {
  map.classList.toggle('boxing', isOn);
  of('draw').setAttribute('aria-pressed', isOn);
}

// MARK: Pointers

const pointers = new Map();
let began = null;
const at = event => { const rect = map.getBoundingClientRect(); return { x: event.clientX - rect.left, y: event.clientY - rect.top }; };
const fromMiddle = ({ x, y }) => { const { width, height } = size(); return [x - width / 2, y - height / 2]; };

map.onpointerdown = event => {
  if (event.button) return;
  map.setPointerCapture(event.pointerId);
  map.focus({ preventScroll: true });
  pointers.set(event.pointerId, at(event));
  [view, target] = [view, null];
  began = pointers.size === 1 && (event.shiftKey || map.classList.contains('boxing')) ? at(event) : null;
};

map.onpointermove = event => {
  const before = pointers.get(event.pointerId);
  if (!before) return;
  const now = at(event);
  if (began) return showBox(began, now);
  const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
  pointers.set(event.pointerId, now);
  if (!other) return go(plane.moved(view, now.x - before.x, now.y - before.y), true);
  // Two fingers: what lies between them stays there.
  const apart = (a, b) => Math.max(1, Math.hypot(a.x - b.x, a.y - b.y));
  const middle = { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 };
  const panned = plane.moved(view, (now.x - before.x) / 2, (now.y - before.y) / 2);
  go(plane.zoomed(panned, view.zoom + Math.log2(apart(now, other) / apart(before, other)), ...fromMiddle(middle)), true);
};

map.onpointerup = event => {
  if (!pointers.delete(event.pointerId) || !began) return;
  const end = at(event);
  const [width, height] = [Math.abs(end.x - began.x), Math.abs(end.y - began.y)];
  const middle = { x: (end.x + began.x) / 2, y: (end.y + began.y) / 2 };
  began = null;
  box.hidden = true;
  setBoxing(false);
  if (Math.max(width, height) < 8) return;
  const all = size();
  const [dx, dy] = fromMiddle(middle);
  const centred = plane.moved(view, -dx, -dy);
  go(plane.zoomed(centred, view.zoom + Math.log2(Math.min(all.width / Math.max(1, width), all.height / Math.max(1, height)))));
};
map.onpointercancel = event => { pointers.delete(event.pointerId); began = null; box.hidden = true; };

function showBox(a, b) {
  box.hidden = false;
  Object.assign(box.style, { left: `${Math.min(a.x, b.x)}px`, top: `${Math.min(a.y, b.y)}px`,
    width: `${Math.abs(a.x - b.x)}px`, height: `${Math.abs(a.y - b.y)}px` });
}

map.addEventListener('wheel', event => {
  event.preventDefault();
  const lines = event.deltaMode === 1 ? 33 : 1;
  zoomBy(Math.max(-2, Math.min(2, (-event.deltaY * lines) / 240)), ...fromMiddle(at(event)));
}, { passive: false });
map.ondblclick = event => zoomBy(event.shiftKey ? -1 : 1, ...fromMiddle(at(event)));

map.onkeydown = event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const { width, height } = size();
  const by = (dx, dy) => go(plane.moved(target ?? view, dx * width, dy * height));
  const act = {
    ArrowLeft: () => by(0.15, 0), ArrowRight: () => by(-0.15, 0), ArrowUp: () => by(0, 0.15), ArrowDown: () => by(0, -0.15),
    '+': () => zoomBy(1), '=': () => zoomBy(1), '-': () => zoomBy(-1), PageUp: () => zoomBy(3), PageDown: () => zoomBy(-3),
    w: () => turnWho(!style.who), W: () => turnWho(!style.who),
    0: whole, Home: whole, Escape: () => { began = null; box.hidden = true; setBoxing(false); },
  }[event.key];
  if (!act) return;
  event.preventDefault();
  act();
};

// MARK: One picture as a file

let saving = null;

function question() {
  const { width, height } = size();
  const place = plane.toPlace(view, width);
  const [wide, tall] = [Number(of('width').value), Number(of('height').value)];
  const pixel = place.span / Math.max(1, wide);
  // What the page shows stays in the picture, whatever its shape.
  const span = wide / tall >= width / height ? (place.span / width) * height * (wide / tall) : place.span;
  return {
    width: wide, height: tall, re: plane.digits(place.re, pixel / 16), im: plane.digits(place.im, pixel / 16), span: plane.brief(span),
    escape: style.escape || plane.depthOf(plane.levelOf(view, 1)), palette: style.palette, smooth: of('smooth').checked,
    samples: Number(of('samples').value), spread: of('spread').value,
  };
}

function showQuestion() {
  const words = Object.entries(question()).filter(([name, value]) => !(name === 'smooth' && !value));
  say(of('cli'), `muster render -o set.png ${words.map(([name, value]) => (name === 'smooth' ? '--smooth' : `--${name} ${value}`)).join(' ')}`);
}

of('save').onclick = () => {
  const { width, height, ratio } = size();
  [of('width').value, of('height').value] = [Math.round(width * ratio), Math.round(height * ratio)];
  of('done').hidden = true;
  say(of('told'), '');
  showQuestion();
  of('saving').showModal();
};
of('file').oninput = showQuestion;
of('cancel').onclick = () => { saving?.abort(); of('saving').close(); };
of('saving').onclose = () => saving?.abort();

of('file').onsubmit = async event => {
  event.preventDefault();
  saving = new AbortController();
  const [asked, mine] = [question(), saving];
  of('begin').disabled = true;
  of('done').hidden = false;
  try {
    const blob = await picture(`/mandelbrot.png?${new URLSearchParams(asked)}`, (part, bytes) => {
      of('done').value = part;
      say(of('told'), `${Math.floor(100 * part)} % of the rows, ${(bytes / 1e6).toFixed(1)} MB`);
    }, mine.signal);
    store(blob, `mandelbrot ${asked.re} ${asked.im} ${asked.span}.png`);
    of('done').value = 1;
    say(of('told'), `Saved: ${(blob.size / 1e6).toFixed(1)} MB.`);
  } catch (error) {
    say(of('told'), mine.signal.aborted ? 'Given up.' : `Not saved: ${error.detail ?? 'the picture broke off; try again.'}`);
  }
  of('begin').disabled = false;
  if (saving === mine) saving = null;
};

// MARK: Begin

new ResizeObserver(() => { if (view) draw(); }).observe(stage);
addEventListener('hashchange', readAddress);
view = plane.toView({ ...plane.WHOLE }, Math.max(1, size().width));
if (!readAddress()) {
  whole();
  if (target) [view, target] = [target, null];
}
draw();
// HEAD computes nothing, and a cache says that it is one (RFC 9111, 5.1; RFC 9211; what others say). Without an answer that is soon, tiles.
const CACHES_SAY = ['Age', 'Cache-Status', 'X-Cache', 'X-Cache-Status', 'CF-Cache-Status'];
const begin = known => { isCached = known; draw(); };
setTimeout(() => { if (isCached === null) begin(true); }, 300);
fetch('/tiles/0/0/0.png', { method: 'HEAD' })
  .then(answer => begin(CACHES_SAY.some(name => answer.headers.has(name))))
  .catch(() => begin(true));
