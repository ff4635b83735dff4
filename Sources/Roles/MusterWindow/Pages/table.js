// A table of any length: only the lines that show are in the page, and those stay the same elements while they show.
import { make, say } from './page.js';

// So many lines more are there above and below what shows; while at least NEAR of them are, scrolling is the browser's alone.
const HEIGHT = 38, SPARE = 16, NEAR = 4;
const narrow = matchMedia('(max-width: 719px)');

// columns: [{ title, width, class, text(row) | paint(cell, row), link(row) }]; `key(row)` tells rows apart.
export function table({ label, columns, key, empty }) {
  const head = make('div', { class: 'head', role: 'row' },
    columns.map(column => make('span', { role: 'columnheader', class: column.class }, column.title)));
  const sheet = make('div', { role: 'presentation' });
  const body = make('div', { class: 'body', role: 'rowgroup', tabindex: 0, 'aria-label': label, onscroll: scrolled, onkeydown: move }, sheet);
  const none = make('p', { class: 'none' }, empty);
  const element = make('div', { class: 'table' },
    make('div', { role: 'table', 'aria-label': label }, make('div', { role: 'rowgroup' }, head), body), none);
  const grid = element.firstChild;
  let rows = [], drawn = [0, 0];
  const lines = new Map();

  function shape() {
    const widths = columns.filter(column => !(narrow.matches && column.class?.includes('wide'))).map(column => column.width ?? '1fr');
    element.style.setProperty('--grid', widths.join(' '));
    for (const line of [head, ...[...lines.values()].map(line => line.element)]) line.style.gridTemplateColumns = widths.join(' ');
  }

  function line(row) {
    const cells = columns.map(column => {
      const cell = make('span', { role: 'cell', class: column.class });
      if (column.link) cell.append(make('a', { href: column.link(row) }));
      return cell;
    });
    const made = make('div', { class: 'line', role: 'row' }, cells);
    made.style.gridTemplateColumns = head.style.gridTemplateColumns;
    made.style.height = `${HEIGHT}px`;
    return { element: made, cells };
  }

  function paint({ cells }, row) {
    columns.forEach((column, place) => {
      const cell = cells[place];
      if (column.paint) return column.paint(cell, row);
      const text = column.text(row);
      say(column.link ? cell.firstChild : cell, text);
      if (cell.title !== text) cell.title = text;
      if (column.link) { const link = column.link(row); if (cell.firstChild.getAttribute('href') !== link) cell.firstChild.href = link; }
    });
  }

  // The places that show, and so many more.
  function range(more) {
    return [Math.max(0, Math.floor(body.scrollTop / HEIGHT) - more),
      Math.min(rows.length, Math.ceil((body.scrollTop + (body.clientHeight || 600)) / HEIGHT) + more)];
  }

  function scrolled() {
    const [first, last] = range(NEAR);
    if (first < drawn[0] || last > drawn[1]) draw(false);
  }

  // All lines are painted where the rows may be others; else only new ones.
  function draw(areNew = true) {
    const top = drawn[0];
    const [first, last] = drawn = range(SPARE);
    const wanted = new Set(), above = [], below = [];
    for (let place = first; place < last; place += 1) {
      const row = rows[place], id = key(row);
      wanted.add(id);
      let shown = lines.get(id);
      const isNew = !shown;
      if (isNew) { lines.set(id, (shown = line(row))); (place < top ? above : below).push(shown.element); }
      if (shown.place !== place) {
        shown.place = place;
        shown.element.style.top = `${place * HEIGHT}px`;
        shown.element.setAttribute('aria-rowindex', place + 2);
      }
      if (areNew || isNew) paint(shown, row);
    }
    // In their order, which is that of the keyboard and of who reads aloud.
    sheet.prepend(...above);
    sheet.append(...below);
    for (const [id, shown] of lines) {
      if (wanted.has(id)) continue;
      shown.element.remove();
      lines.delete(id);
    }
  }

  function move(event) {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 12, PageUp: -12, Home: -rows.length, End: rows.length }[event.key];
    if (!step || !rows.length || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const here = [...lines.values()].find(shown => shown.element.contains(document.activeElement))?.place ?? -1;
    const place = Math.max(0, Math.min(rows.length - 1, here + step));
    const top = place * HEIGHT;
    if (top < body.scrollTop) body.scrollTop = top;
    else if (top + HEIGHT > body.scrollTop + body.clientHeight) body.scrollTop = top + HEIGHT - body.clientHeight;
    draw(false);
    (lines.get(key(rows[place]))?.element.querySelector('a, button') ?? body).focus({ preventScroll: true });
  }

  narrow.addEventListener('change', shape);
  shape();
  return {
    element,
    show(list) {
      rows = list;
      grid.setAttribute('aria-rowcount', rows.length + 1);
      none.hidden = rows.length > 0;
      grid.hidden = rows.length === 0;
      const height = `${rows.length * HEIGHT}px`;
      if (sheet.style.height !== height) sheet.style.height = height;
      draw();
    },
    end() { narrow.removeEventListener('change', shape); },
  };
}
