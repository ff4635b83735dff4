// The page's frame: which part is shown, what is wrong, whether the line to the coordinator holds.
import { make, say, fill } from './page.js';
import { fleet, follow, connect, isOver, signOut } from './fleet.js';
import { tell } from './act.js';
import overview from './overview.js';

const parts = [
  ['overview', 'Overview', async () => overview],
  ['members', 'Members', async () => (await import('./members.js')).default],
  ['jobs', 'Jobs', async () => (await import('./jobs.js')).default],
  ['children', 'Children', async () => (await import('./children.js')).default],
  ['commands', 'Commands', async () => (await import('./commands.js')).default],
  ['edges', 'Edges', async () => (await import('./edges.js')).default],
  ['volunteers', 'Volunteers', async () => (await import('./volunteers.js')).default],
  ['system', 'System', async () => (await import('./system.js')).default],
];

const main = document.getElementById('main'), line = document.getElementById('line'), alerts = document.getElementById('alerts');
const links = new Map(parts.map(([name, title]) => [name, make('a', { href: `#/${name}` }, title)]));
document.getElementById('pages').append(...links.values(), make('a', { href: '/explore' }, 'Explorer'));
say(document.getElementById('host'), location.host);
document.getElementById('skip').onclick = event => { event.preventDefault(); main.focus(); };

// { element, update(), end() } of what is shown.
let shown = null, asked = 0;

async function route() {
  const [name, ...rest] = location.hash.replace(/^#\/?/, '').split('/').map(decodeURIComponent);
  const part = parts.find(([known]) => known === name) ?? parts[0];
  const mine = ++asked;
  let view;
  try {
    view = (await part[2]())(rest);
  } catch (error) {
    view = { title: part[1], element: make('p', { class: 'bad' }, `This part could not be loaded: ${error.message}`) };
  }
  if (mine !== asked) return view.end?.();
  const isFirst = !shown;
  shown?.end?.();
  shown = view;
  for (const [known, link] of links) {
    if (known === part[0]) link.setAttribute('aria-current', 'page'); else link.removeAttribute('aria-current');
  }
  links.get(part[0]).scrollIntoView({ block: 'nearest', inline: 'nearest' });
  document.title = `${view.title} · Muster`;
  const title = make('h1', { tabindex: -1 }, view.title);
  fill(main, title, view.element);
  if (!isFirst) title.focus({ preventScroll: true });
  if (fleet.isKnown) view.update?.();
}

// What somebody should know, whatever part is shown.
function warnings() {
  const found = [];
  if (fleet.trouble) found.push(['bad', `The store refuses writes: ${fleet.trouble}`]);
  if (!fleet.isKnown) return found;
  const workers = fleet.order.map(id => fleet.members.get(id)).filter(member => member?.role === 'worker');
  const jobs = [...fleet.jobs.values()].filter(job => !isOver(job));
  if (jobs.length && !workers.length) found.push(['warn', 'There is work, and no worker: muster join-command tells how one joins.']);
  const out = workers.filter(member => member.state === 'distrusted').length;
  if (out) found.push(['warn', `${out} ${out === 1 ? 'worker gets' : 'workers get'} no work: their machines were wrong too often.`]);
  return found;
}

let told = '';
function frame() {
  say(line, fleet.isOnline ? 'live' : fleet.isKnown ? 'connection lost' : 'connecting');
  line.className = `badge ${fleet.isOnline ? 'good' : fleet.isKnown ? 'bad' : 'calm'}`;
  document.body.classList.toggle('stale', !fleet.isOnline);
  const found = warnings();
  if (JSON.stringify(found) !== told) {
    told = JSON.stringify(found);
    fill(alerts, found.map(([kind, text]) => make('p', { class: kind }, text)));
  }
  if (fleet.isKnown) shown?.update?.();
}

document.getElementById('sign-out').form.onsubmit = event => {
  event.preventDefault();
  signOut().catch(error => tell(`Not signed out: ${error.message}`, true));
};
addEventListener('hashchange', route);
addEventListener('resize', () => document.querySelector('nav [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' }));
follow(frame);
route();
connect();
// What only shows the time that went by.
setInterval(() => { if (fleet.isOnline && !document.hidden) shown?.update?.(); }, 1000);
