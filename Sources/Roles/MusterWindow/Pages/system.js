// The coordinator itself: its store, its counts, and everything that happened lately.
import { make, fill, count, facts, moment } from './page.js';
import { fleet, now } from './fleet.js';
import { mayAct, ask, kept } from './act.js';
import { news } from './overview.js';

// Bounds by which the coordinator refused somebody since it began.
function limits() {
  const [none, rows] = [make('p', { class: 'dim' }, 'None since the coordinator began.'), make('tbody')];
  const table = make('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Limits that were met', hidden: true }, make('table', {},
    make('thead', {}, make('tr', {}, [['Limit'], ['Met', 'num'], ['Last'], ['What was said then'], ['Moved by']].map(([title, kind]) => make('th', { scope: 'col', class: kind }, title)))), rows));
  let known;
  const look = kept(async () => {
    const met = (await ask('GET', '/v1/limits')).limits;
    const mark = JSON.stringify(met.map(one => [one.limit, one.count, one.last]));
    if (mark === known) return;
    known = mark;
    [none.hidden, table.hidden] = [met.length > 0, met.length === 0];
    fill(rows, met.map(one => make('tr', {}, make('td', {}, make('code', {}, one.limit), ` ${one.what}`), make('td', { class: 'num' }, count(one.count)),
      make('td', {}, moment(one.last)), make('td', { class: 'said' }, one.detail), make('td', {}, one.flag ? make('code', {}, one.flag) : `no flag; ${one.page}`))));
  }, () => `${fleet.isOnline} ${Math.floor(now() / 5)}`);
  return { element: make('section', {}, make('h2', {}, 'Limits that were met'), make('div', { class: 'card' }, none, table)), look };
}

export default function system() {
  const bounds = limits();
  const events = news(300), place = make('div'), find = make('input', { type: 'search', 'aria-label': 'Find events', placeholder: 'member, job, command …' });
  const element = make('div', {}, make('div', { class: 'card' }, place),
    mayAct && make('p', {}, make('a', { class: 'button', href: '/v1/backup', download: 'muster-backup.db' }, 'Download a backup'), ' ', make('span', { class: 'cli' }, 'Same as ', make('code', {}, 'muster backup'))),
    bounds.element, make('h2', {}, 'Events'), find, make('div', { class: 'card' }, events.element));
  function update() {
    const { counts } = fleet;
    fill(place, facts([
      ['Coordinator', location.host], ['Version', fleet.version], ['Its time', moment(now())],
      ['Store', fleet.trouble ? make('span', { class: 'bad' }, `refuses writes: ${fleet.trouble}`) : make('span', { class: 'good' }, 'takes writes')],
      ['Signed in to', mayAct ? 'act and look' : 'look'],
      ['Tasks in line', count(counts.tasksWaiting)], ['Tasks that run', count(counts.tasksLeased)], ['Results since the start', count(counts.tasksRecorded)],
      ['Failed for good', count(counts.tasksFailed)], ['Tried again', count(counts.tasksRetried)], ['Leases that ran out', count(counts.leasesExpired)],
    ]));
    bounds.look();
    const words = find.value.toLowerCase();
    events.show(words ? fleet.events.filter(event => JSON.stringify(event).toLowerCase().includes(words)) : fleet.events);
  }
  find.oninput = update;
  return { title: 'System', element, update };
}

