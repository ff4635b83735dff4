// The coordinator itself: its store, its counts, and everything that happened lately.
import { make, fill, count, facts, moment } from './page.js';
import { fleet, now } from './fleet.js';
import { mayAct } from './act.js';
import { news } from './overview.js';

export default function system() {
  const events = news(300), place = make('div'), find = make('input', { type: 'search', 'aria-label': 'Find events', placeholder: 'member, job, command …' });
  const element = make('div', {}, make('div', { class: 'card' }, place),
    mayAct && make('p', {}, make('a', { class: 'button', href: '/v1/backup', download: 'muster-backup.db' }, 'Download a backup'), ' ', make('span', { class: 'cli' }, 'Same as ', make('code', {}, 'muster backup'))),
    make('h2', {}, 'Events'), find, make('div', { class: 'card' }, events.element));
  function update() {
    const { counts } = fleet;
    fill(place, facts([
      ['Coordinator', location.host], ['Version', fleet.version], ['Its time', moment(now())],
      ['Store', fleet.trouble ? make('span', { class: 'bad' }, `refuses writes: ${fleet.trouble}`) : make('span', { class: 'good' }, 'takes writes')],
      ['Signed in to', mayAct ? 'act and look' : 'look'],
      ['Tasks in line', count(counts.tasksWaiting)], ['Tasks that run', count(counts.tasksLeased)], ['Results since the start', count(counts.tasksRecorded)],
      ['Failed for good', count(counts.tasksFailed)], ['Tried again', count(counts.tasksRetried)], ['Leases that ran out', count(counts.leasesExpired)],
    ]));
    const words = find.value.toLowerCase();
    events.show(words ? fleet.events.filter(event => JSON.stringify(event).toLowerCase().includes(words)) : fleet.events);
  }
  find.oninput = update;
  return { title: 'System', element, update };
}

