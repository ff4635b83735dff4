// Elements and words. Names, outputs and reasons come from anybody: they become text, never markup.

const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

// What shows of a text: characters of a terminal or of another direction stand as U+FFFD.
export const clean = text => String(text ?? '').replace(CONTROLS, '\ufffd');

export function make(name, props = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? '' : clean(value));
  }
  element.append(...children.flat().filter(child => child !== null && child !== undefined && child !== false)
    .map(child => (child instanceof Node ? child : clean(child))));
  return element;
}

export function drawn(name, props) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(props)) element.setAttribute(key, value);
  return element;
}

// Only where it changed: what is selected or focused stays so.
export function say(element, text) {
  const shown = clean(text);
  if (element.textContent !== shown) element.textContent = shown;
}

export function fill(element, ...children) { element.replaceChildren(...children.flat().filter(Boolean)); }

export const count = number => (number ?? 0).toLocaleString('en');

export function rate(perSecond) {
  if (!(perSecond > 0)) return '0/s';
  return `${perSecond >= 100 ? count(Math.round(perSecond)) : perSecond.toPrecision(2).replace(/\.0+$/, '')}/s`;
}

export function span(seconds) {
  if (!Number.isFinite(seconds)) return '';
  if (seconds < 1) return `${Math.max(0, Math.round(seconds * 1000))} ms`;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
export function bytes(number) {
  let [value, unit] = [number ?? 0, 0];
  while (value >= 1024 && unit < UNITS.length - 1) { value /= 1024; unit += 1; }
  return `${unit && value < 10 ? value.toFixed(1) : Math.round(value)} ${UNITS[unit]}`;
}

export const percent = part => `${(100 * part).toFixed(part > 0 && part < 0.1 ? 1 : 0)} %`;

export function clock(seconds) {
  const date = new Date(seconds * 1000);
  const time = date.toLocaleTimeString('en-GB');
  return date.toDateString() === new Date().toDateString() ? time : `${date.toISOString().slice(0, 10)} ${time}`;
}

export const moment = seconds => make('time', { datetime: new Date(seconds * 1000).toISOString() }, clock(seconds));

const KINDS = {
  alive: 'good', running: 'good', done: 'good', proven: 'good', trusted: 'good', delivered: 'good', live: 'good',
  suspect: 'warn', draining: 'warn', queued: 'calm', waiting: 'calm', pending: 'calm', new: 'calm',
  failed: 'bad', distrusted: 'bad', died: 'bad', refused: 'bad', overflow: 'bad', gone: 'warn', cancelled: 'warn', revoked: 'warn',
};
export const kind = state => `badge ${KINDS[state] ?? 'calm'}`;
export const badge = state => make('span', { class: kind(state) }, state);

export function paintBadge(cell, state) {
  const element = cell.firstChild ?? cell.appendChild(make('span'));
  if (element.className !== kind(state)) element.className = kind(state);
  say(element, state);
}

// A bar of what is done and what is lost of a whole.
export function bar(label) {
  const [done, lost] = [make('i'), make('i', { class: 'lost' })];
  const element = make('div', { class: 'bar', role: 'progressbar', 'aria-label': label, 'aria-valuemin': 0, 'aria-valuemax': 100 }, done, lost);
  return {
    element,
    show(good, bad, all, name = label) {
      const whole = Math.max(1, all);
      done.style.width = `${(100 * good) / whole}%`;
      lost.style.width = `${(100 * bad) / whole}%`;
      element.setAttribute('aria-valuenow', Math.floor((100 * (good + bad)) / whole));
      element.setAttribute('aria-label', clean(name));
    },
  };
}

export function facts(pairs) {
  return make('dl', {}, pairs.filter(([, value]) => value !== null && value !== undefined && value !== '')
    .flatMap(([name, value]) => [make('dt', {}, name), make('dd', {}, value)]));
}

// A curve of [x, y] points; the largest y is its top.
export function curve(label) {
  const element = drawn('svg', { class: 'curve', viewBox: '0 0 1000 170', preserveAspectRatio: 'none', role: 'img' });
  const [area, line] = [drawn('path', { class: 'fill', d: '' }), drawn('path', { d: '' })];
  element.append(area, line);
  return {
    element,
    show(points, words) {
      element.setAttribute('aria-label', `${label}: ${words}`);
      if (points.length < 2) return;
      const [first, last] = [points[0][0], points[points.length - 1][0]];
      const top = Math.max(1, ...points.map(point => point[1]));
      const path = points.map(([x, y]) =>
        `${((1000 * (x - first)) / Math.max(1e-9, last - first)).toFixed(1)} ${(166 - (160 * y) / top).toFixed(1)}`).join('L');
      line.setAttribute('d', `M${path}`);
      area.setAttribute('d', `M0 170L${path}L1000 170Z`);
    },
  };
}
