// What a job's commands print while they run: the latest lines of all its tasks, as they come.
import { make, say, fill, count } from './page.js';
import { isOver } from './fleet.js';
import { field } from './act.js';

// Lines in the page; characters of one; streams of which the page knows how far it has read.
const LINES_MAX = 400, LINE_MAX = 2000, PLACES_MAX = 8192;
const RETRY_MS = 1000, FULL_MS = 10000;

// Kernels that hand on what they print.
export const prints = job => job.kernel === 'exec' || job.kernel === 'container';

const encoder = new TextEncoder();
const bytesOf = text => (typeof text === 'string' ? encoder.encode(text) : Uint8Array.from(atob(text.base64), one => one.charCodeAt(0)));

// Pieces of streams, made lines of: each is { task, worker, stream, text, isOpen }, or a note { note }. After a line was lost the stream tells
// again what is kept, which is passed over by its place.
function book(begin) {
  const places = new Map();
  return function take(piece) {
    const key = `${piece.task} ${piece.stream}`, run = `${piece.attempt} ${piece.start}`;
    let place = places.get(key);
    places.delete(key);
    if (!place || place.run !== run) {
      if (place && piece.stream === 'stdout') begin({ note: `task ${piece.task} runs again, attempt ${piece.attempt}` });
      place = { run, end: 0, decoder: new TextDecoder(), line: null };
    }
    places.set(key, place);
    if (places.size > PLACES_MAX) places.delete(places.keys().next().value);
    const bytes = bytesOf(piece.text), skipped = piece.offset - place.end;
    if (-skipped >= bytes.length) return;
    if (skipped > 0) {
      begin({ note: `${count(skipped)} bytes of task ${piece.task} (${piece.stream}) were passed over; its result may have them` });
      [place.decoder, place.line] = [new TextDecoder(), null];
    }
    place.end = piece.offset + bytes.length;
    const parts = place.decoder.decode(skipped < 0 ? bytes.subarray(-skipped) : bytes, { stream: true }).split('\n');
    // Of very many lines only the last ones will show.
    const from = Math.max(0, parts.length - LINES_MAX - 1);
    if (from) place.line = null;
    parts.slice(from).forEach((part, index, all) => {
      const isLast = index === all.length - 1;
      if (isLast && part === '') return;
      const line = place.line && !place.line.isGone ? place.line : begin({ task: piece.task, worker: piece.worker, stream: piece.stream, text: '' });
      // A program that draws a line again begins it by a carriage return.
      const text = (line.text + part.slice(0, 4 * LINE_MAX)).replace(/\r$/, isLast ? '\r' : '').replace(/^[^]*\r(?!$)/, '');
      line.text = text.length > LINE_MAX ? `${text.slice(0, LINE_MAX)}…` : text;
      line.isNew = true;
      place.line = isLast ? line : null;
    });
  };
}

// `show(job)` with how it stands now, whenever that changed.
export function output(id) {
  const list = make('ol', { class: 'log', tabindex: 0, 'aria-label': 'Output of commands' });
  const [note, only] = [make('p', { class: 'dim' }), make('input', { type: 'number', min: 0, inputmode: 'numeric' })];
  const element = make('section', { hidden: true }, make('h2', {}, 'Output, while it runs'),
    make('div', { class: 'fields few' }, field('Only task', only, 'Empty: all.')), note, list);
  let lines = [], take = null, job = null, going = null, later = 0, isDue = false, told = '';

  function begin(line) {
    lines.push(line);
    if (lines.length > 2 * LINES_MAX) cut();
    return line;
  }
  function cut() { for (const line of lines.splice(0, lines.length - LINES_MAX)) line.isGone = true; }
  // Once a frame, however much comes.
  function due() {
    if (isDue) return;
    isDue = true;
    requestAnimationFrame(() => {
      isDue = false;
      draw();
    });
  }
  function draw() {
    const isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 24;
    if (lines.length > LINES_MAX) cut();
    while (list.firstElementChild?.line.isGone) list.firstElementChild.remove();
    const first = list.lastElementChild ? lines.indexOf(list.lastElementChild.line) + 1 : 0;
    for (const line of lines.slice(0, first)) if (line.isNew) { say(line.shown, line.text); line.isNew = false; }
    list.append(...lines.slice(first).map(row));
    if (isAtEnd) list.scrollTop = list.scrollHeight;
  }
  function row(line) {
    line.isNew = false;
    const element = line.note ? make('li', { class: 'note' }, line.note) : make('li', { class: line.stream },
      make('span', { class: 'from' }, `${line.task} ${line.worker ?? ''}`), make('span', { class: 'stream' }, line.stream === 'stderr' ? 'err' : 'out'),
      line.shown = make('code', {}, line.text));
    element.line = line;
    return element;
  }
  const tell = text => { if (text !== told) { told = text; say(note, text); } };

  async function go() {
    clearTimeout(later);
    if (going || !job || isOver(job) || document.hidden) return;
    const mine = going = new AbortController();
    let wait = RETRY_MS;
    try {
      const answer = await fetch(`/v1/jobs/${id}/output${only.value === '' ? '' : `?task=${Number(only.value)}`}`, { signal: mine.signal, cache: 'no-store' });
      if (!answer.ok) {
        if (answer.status === 503) wait = FULL_MS;
        throw new Error((await answer.json().catch(() => null))?.detail ?? `The coordinator answers ${answer.status}.`);
      }
      tell(`The latest ${LINES_MAX} lines. In a terminal: muster logs -f ${id}`);
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = '';
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        const parts = (rest + value).split('\n');
        rest = parts.pop();
        for (const part of parts) if (part) take(JSON.parse(part));
        due();
      }
    } catch (error) {
      if (mine.signal.aborted) return;
      tell(`Not to be had now, and asked for again: ${error.message}`);
    }
    if (going !== mine) return;
    going = null;
    later = setTimeout(go, wait);
  }
  // A page that nobody sees holds no connection.
  function pause() { clearTimeout(later); going?.abort(); going = null; }
  function anew() { pause(); [lines, take] = [[], book(begin)]; fill(list); go(); }
  const seen = () => { if (document.hidden) pause(); else go(); };
  document.addEventListener('visibilitychange', seen);
  only.onchange = anew;
  return {
    element,
    show(now) {
      if (!prints(now)) return;
      const wasOver = job && isOver(job);
      job = now;
      if (isOver(now)) { tell(lines.length ? 'The job has ended: its results have all that is kept.' : ''); if (!lines.length) element.hidden = true; return; }
      element.hidden = false;
      element.querySelector('.fields').hidden = now.count === 1;
      if (wasOver || !take) anew(); else go();
    },
    end() { pause(); document.removeEventListener('visibilitychange', seen); },
  };
}
