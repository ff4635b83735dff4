// Children, and the growing set of their numbers.
import { make, say, count, rate, curve, paintBadge, span } from './page.js';
import { fleet, speed } from './fleet.js';
import { table } from './table.js';
import { mayAct, form, field, whole, kept, ask, button } from './act.js';

const columns = [
  { title: 'Child', width: 'minmax(0,1fr)', text: child => child.name },
  { title: 'State', width: '92px', paint: (cell, child) => paintBadge(cell, child.state) },
  { title: 'Numbers', width: '130px', class: 'num', text: child => `${count(child.received)}${child.numbers ? ` / ${count(child.numbers)}` : ''}` },
  { title: 'Attempts', width: '80px', class: 'num wide', text: child => String(child.attempts) },
  { title: 'Took', width: '90px', class: 'num wide', text: child => (child.ended ? span(child.ended - child.created) : '') },
  { title: 'Why', width: 'minmax(0,2fr)', class: 'wide', text: child => child.reason ?? '' },
  ...(mayAct ? [{ title: 'Act', width: '92px', paint: (cell, child) => {
    if (!cell.button) {
      cell.button = button({ word: 'Cancel', method: 'DELETE', path: `/v1/children/${child.id}`, command: `muster children cancel ${child.name}`,
        harm: ['Call this child off?', `${child.name} ends; the numbers that it brought stay.`] });
      cell.append(cell.button);
    }
    cell.button.hidden = Boolean(child.ended);
  } }] : []),
];

function spawning() {
  const [many, numbers] = [make('input', { type: 'number', min: 1, max: 10000, value: 1 }), make('input', { type: 'number', min: 1, max: 10000000, value: 1000 })];
  return form({ title: 'New children', word: 'Spawn',
    fields: [make('div', { class: 'fields' }, field('Children', many), field('Numbers each', numbers))],
    read: () => {
      const body = { count: whole(many, 'Children', 1, 10000), numbers: whole(numbers, 'Numbers', 1, 10000000) };
      return { body, path: '/v1/children', command: `muster create-child --count ${body.count} --numbers ${body.numbers}` };
    } }).element;
}

export default function children() {
  const chart = curve('Unique numbers'), words = make('p');
  const shown = table({ label: 'Children', columns, key: child => child.id, empty: 'No child yet.' });
  const element = make('div', {}, make('div', { class: 'card' }, chart.element, words),
    mayAct && make('section', {}, make('h2', {}, 'New children'), spawning()), make('h2', {}, 'Children'), shown.element);
  const look = kept(async () => shown.show((await ask('GET', '/v1/children?limit=1000')).children), () => JSON.stringify([fleet.numbers, fleet.isOnline]));
  function update() {
    const { numbers } = fleet, of = numbers.children ?? {};
    chart.show(fleet.curve.map(([time, unique]) => [time, unique]), `${count(numbers.uniqueNumbers)} by now`);
    say(words, `${count(numbers.uniqueNumbers)} unique of ${count(numbers.range)} (${(numbers.percentage ?? 0).toFixed(3)} %), ${rate(speed('numbers'))}; `
      + `${count(numbers.received)} received, ${count(numbers.duplicates)} twice, ${count(numbers.rejected)} refused. `
      + `Children: ${count(of.live)} live, ${count(of.waiting)} waiting, ${count(of.done)} done, ${count(of.died)} died, ${count(of.failed)} failed, ${count(of.cancelled)} cancelled.`);
    look();
  }
  return { title: 'Children', element, update, end: shown.end };
}
