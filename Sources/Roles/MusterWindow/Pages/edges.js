// The caches: who leads them, what they do, who is behind.
import { make, say, fill, count, bytes, percent, badge } from './page.js';
import { fleet } from './fleet.js';
import { mayAct, button, field, kept, ask, quoted, whole } from './act.js';

const some = (number, word) => `${count(number)} ${word}${number === 1 ? '' : 's'}`;
const hits = edge => (edge.hits + edge.misses ? percent(edge.hits / (edge.hits + edge.misses)) : '–');

function head(titles) { return make('thead', {}, make('tr', {}, titles.map(([title, kind]) => make('th', { scope: 'col', class: kind }, title)))); }

// What is to be forgotten, and what became of that at each edge.
function purge(look) {
  const kind = make('select', {}, [['prefix', 'paths that begin so'], ['id', 'an image, by its id'], ['all', 'everything']].map(([value, text]) => make('option', { value }, text)));
  const what = make('input', { spellcheck: 'false', value: '/', maxlength: 2048 });
  const [code, told] = [make('code'), make('div', { role: 'status' })];
  const place = field('Which', what, 'A path with a slash first, or a number.');
  const body = () => {
    if (kind.value === 'all') return { all: true };
    if (kind.value === 'id') return { id: whole(what, 'The id', 0, Number.MAX_SAFE_INTEGER) };
    if (!what.value.startsWith('/')) throw new Error('A path begins with a slash.');
    return { prefix: what.value };
  };
  const command = () => `muster purge${{ all: ' --all', id: ` --image ${what.value.trim()}`, prefix: ` --prefix ${quoted(what.value)}` }[kind.value]}`;
  const said = () => (kind.value === 'all' ? 'everything' : kind.value === 'id' ? `image ${what.value.trim()}` : `all that begins with ${what.value}`);
  function show() { place.hidden = kind.value === 'all'; say(code, command()); }
  kind.onchange = () => { what.value = kind.value === 'id' ? '1' : '/'; show(); };
  what.oninput = show;
  show();
  const start = button({ word: 'Purge', method: 'POST', path: '/v1/edges/purge', command, body,
    harm: () => { body(); return ['Have the edges forget?', `Every edge forgets ${said()}, and fetches it anew when it is asked for.`]; },
    done: answer => {
      const missing = answer.edges.filter(edge => !edge.confirmed).length;
      fill(told, make('p', { class: missing ? 'bad' : 'good' }, `${some(answer.purged, 'answer')} ${answer.purged === 1 ? 'is' : 'are'} forgotten; ${missing ? `${count(missing)} of ${some(answer.edges.length, 'edge')} did not confirm` : answer.edges.length === 1 ? '1 edge confirmed' : `all ${some(answer.edges.length, 'edge')} confirmed`}.`),
        make('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Who confirmed' }, make('table', {}, head([['Edge'], ['Confirmed'], ['Why not']]),
          make('tbody', {}, answer.edges.map(edge => make('tr', {}, make('td', {}, edge.name), make('td', { class: edge.confirmed ? 'good' : 'bad' }, edge.confirmed ? 'yes' : 'no'), make('td', {}, edge.problem ?? '')))))));
      look(true);
    } });
  return make('section', {}, make('h2', {}, 'Purge'), make('div', { class: 'card' }, make('div', { class: 'fields' }, field('What to forget', kind), place),
    make('div', { class: 'row' }, start, make('p', { class: 'cli' }, 'Same as ', code)), told));
}

export default function edges() {
  const [summary, rows, origins] = [make('p'), make('tbody'), make('ul')];
  let tick = 0;
  const look = kept(async () => {
    const list = (await ask('GET', '/v1/edges')).edges.map(edge => ({ ...edge, ...edge.state }));
    const known = list.filter(edge => edge.term !== undefined);
    const newest = Math.max(0, ...known.map(edge => edge.term));
    const leader = known.find(edge => edge.term === newest)?.leader ?? fleet.leader?.leader;
    const [all, missed] = [known.reduce((sum, edge) => sum + edge.hits, 0), known.reduce((sum, edge) => sum + edge.misses, 0)];
    say(summary, list.length ? `${some(list.length, 'edge')}; ${leader ? `edge ${leader} leads, term ${newest}` : 'nobody leads'}; ${hits({ hits: all, misses: missed })} of ${some(all + missed, 'answer')} from a cache.`
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
    mayAct && purge(look), make('h2', {}, 'Origins'), origins);
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
