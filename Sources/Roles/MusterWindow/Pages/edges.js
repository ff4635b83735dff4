// The caches: who leads them, what they do, who is behind.
import { make, say, fill, count, bytes, percent, badge } from './page.js';
import { fleet } from './fleet.js';
import { kept, ask } from './act.js';

const hits = edge => (edge.hits + edge.misses ? percent(edge.hits / (edge.hits + edge.misses)) : '–');

function head(titles) { return make('thead', {}, make('tr', {}, titles.map(([title, kind]) => make('th', { scope: 'col', class: kind }, title)))); }

export default function edges() {
  const [summary, rows, origins] = [make('p'), make('tbody'), make('ul')];
  let tick = 0;
  const look = kept(async () => {
    const list = (await ask('GET', '/v1/edges')).edges.map(edge => ({ ...edge, ...edge.state }));
    const known = list.filter(edge => edge.term !== undefined);
    const newest = Math.max(0, ...known.map(edge => edge.term));
    const leader = known.find(edge => edge.term === newest)?.leader ?? fleet.leader?.leader;
    const [all, missed] = [known.reduce((sum, edge) => sum + edge.hits, 0), known.reduce((sum, edge) => sum + edge.misses, 0)];
    say(summary, list.length ? `${count(list.length)} edges; ${leader ? `edge ${leader} leads, term ${newest}` : 'nobody leads'}; ${hits({ hits: all, misses: missed })} of ${count(all + missed)} answers from a cache.`
      : 'There is no edge. One joins by: muster edge --join URL --upstream URL');
    const most = Math.max(0, ...known.map(edge => edge.objects));
    fill(rows, list.map(edge => make('tr', {}, make('td', {}, edge.name), make('td', {}, edge.url ?? ''),
      edge.problem ? make('td', { class: 'bad', colspan: 6 }, edge.problem) : [
        make('td', {}, edge.id === leader ? badge('leader') : edge.term < newest ? badge(`term ${edge.term}`) : 'follows'),
        make('td', { class: 'num' }, hits(edge)), make('td', { class: 'num' }, count(edge.hits + edge.misses)), make('td', { class: 'num' }, count(edge.objects)),
        make('td', { class: 'num' }, bytes(edge.bytes)), make('td', { class: 'num' }, most - edge.objects ? `${count(most - edge.objects)} behind` : '')])));
  }, () => `${fleet.isOnline} ${Math.floor(tick / 2)}`);
  const element = make('div', {}, make('div', { class: 'card' }, summary),
    make('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Edges' }, make('table', {},
      head([['Edge'], ['Where'], ['Role'], ['Hits', 'num'], ['Answers', 'num'], ['Objects', 'num'], ['Kept', 'num'], ['Behind', 'num']]), rows)),
    make('h2', {}, 'Origins'), origins);
  let known;
  function update() {
    tick += 1;
    const list = fleet.order.map(id => fleet.members.get(id)).filter(member => member?.role === 'origin');
    const mark = JSON.stringify(list);
    if (mark !== known) {
      known = mark;
      fill(origins, list.length ? list.map(member => make('li', {}, `${member.name} at ${member.labels?.url ?? member.address} `, badge(member.state))) : make('li', {}, 'None.'));
    }
    look();
  }
  return { title: 'Edges', element, update };
}
