// Who is in the fleet, by rank; who went, and why.
import { make, say, fill, count, span, moment, badge, paintBadge, facts, bytes } from './page.js';
import { fleet, now, jobName } from './fleet.js';
import { table } from './table.js';
import { mayAct, isHere, button, form, field, whole, same, ask, copied, quoted } from './act.js';
import { news } from './overview.js';

const GONE = new Set(['member-left', 'member-crashed', 'member-silent', 'member-restarted']);

function doing(member) {
  const held = fleet.doing.get(member.id);
  if (!held) return '';
  const job = fleet.jobs.get(held.job);
  return `${count(held.tasks)} of job ${held.job}${job ? ` ${jobName(job)}` : ''}`;
}

const columns = [
  { title: 'Rank', width: '44px', class: 'num', text: member => (member.rank === null ? '' : String(member.rank)) },
  { title: 'Name', width: 'minmax(0,2fr)', text: member => member.name, link: member => `#/members/${member.id}` },
  { title: 'State', width: '96px', paint: (cell, member) => paintBadge(cell, member.state) },
  { title: 'Role', width: '70px', class: 'wide', text: member => member.role },
  { title: 'Does', width: 'minmax(0,2fr)', text: doing },
  { title: 'Where', width: 'minmax(0,1.4fr)', class: 'wide', text: member => member.address },
  { title: 'Slots', width: '50px', class: 'num wide', text: member => (member.role === 'worker' ? String(member.slots) : '') },
  { title: 'For', width: '90px', class: 'num wide', text: member => span(now() - member.joined) },
];

// The line that `muster join-command` prints, where the machine has no muster yet.
export function joinLine(offer, url) {
  const kept = file => `(umask 077; rm -f ${file}; printf '%s\\n' ${quoted(offer.token)} >${file})`;
  if (!offer.program) {
    return `${kept('muster-join.token')} && MUSTER_TOKEN= MUSTER_TOKEN_FILE=muster-join.token muster worker --join ${quoted(url)}`;
  }
  const from = quoted(url + offer.program.path);
  return 'd="$HOME/muster-worker"; ' + ['mkdir -p -m 700 "$d"', kept('"$d/join.token"'),
    `{ curl -fsS -o "$d/muster.tar.gz" ${from} || wget -q -O "$d/muster.tar.gz" ${from}; }`,
    `echo "${offer.program.sha256}  $d/muster.tar.gz" | sha256sum -c - >/dev/null`, 'tar -xzf "$d/muster.tar.gz" -C "$d"',
    `MUSTER_TOKEN= MUSTER_TOKEN_FILE="$d/join.token" "$d/muster-native/muster" worker --data "$d" --join ${quoted(url)}`].join(' && ');
}

function joining() {
  const place = make('div');
  const show = make('button', { type: 'button', onclick: async () => {
    show.disabled = true;
    try {
      const offer = await ask('POST', '/v1/join-command');
      fill(place, copied('In a shell of the other machine. It holds the join token: who has it may become a member.',
        joinLine(offer, isHere ? offer.url : location.origin)), offer.trouble && make('p', { class: 'warn' }, offer.trouble));
    } catch (error) { fill(place, make('p', { class: 'bad' }, error.message)); }
    show.disabled = false;
  } }, 'Show the line to join');
  return make('div', { class: 'card' }, make('div', { class: 'row' }, show, same('muster join-command')), place);
}

function acting() {
  const input = make('input', { type: 'number', min: 0, max: 10000, value: 4, required: true });
  const scale = form({
    title: 'Workers of this machine', word: 'Scale',
    fields: [field('Launched workers', input, 'So many, here at the coordinator; those too many finish what they hold.')],
    read: () => { const workers = whole(input, 'This', 0, 10000); return { command: `muster scale ${workers}`, path: '/v1/scale', body: { workers } }; },
  });
  return make('details', {}, make('summary', {}, 'Add workers'), make('div', { class: 'columns' },
    make('section', {}, scale.element), make('section', {}, joining())));
}

function list() {
  const members = table({ label: 'Members', columns, key: member => member.id, empty: 'Nobody is here.' });
  const find = make('input', { type: 'search', placeholder: 'name, role, state, address', 'aria-label': 'Find members' });
  const summary = make('p', { class: 'dim' }), gone = news(20);
  find.oninput = update;
  const element = make('div', {}, make('div', { class: 'row' }, find), summary, members.element,
    mayAct && acting(), make('h2', {}, 'Gone'), make('div', { class: 'card' }, gone.element));
  function update() {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    const all = fleet.order.map(id => fleet.members.get(id)).filter(Boolean);
    const found = words.length
      ? all.filter(member => words.every(word => `${member.name} ${member.role} ${member.state} ${member.address}`.toLowerCase().includes(word))) : all;
    const { scale } = fleet;
    say(summary, `${count(found.length)} of ${count(fleet.counts.members)}`
      + (scale ? `; launched here: ${count(scale.workers)} of ${count(scale.min)} to ${count(scale.max)}, as ${scale.reason}` : ''));
    members.show(found);
    gone.show(fleet.events.filter(event => GONE.has(event.event)));
  }
  return { title: 'Members', element, update, end: members.end };
}

function one(id) {
  const place = make('div', { class: 'card' }), state = make('span'), does = make('span');
  const element = make('div', {}, make('p', {}, make('a', { href: '#/members' }, 'All members')), place);
  let known;
  function update() {
    const member = fleet.members.get(id);
    const mark = JSON.stringify(member ?? null);
    if (mark !== known) {
      known = mark;
      fill(place, member ? parts(member) : make('p', {}, `There is no member ${id} any more.`));
    }
    if (member) say(does, doing(member) || 'nothing now');
  }
  function parts(member) {
    fill(state, badge(member.state));
    const has = Object.entries(member.resources ?? {}).map(([name, value]) => `${name} ${name === 'memory' ? bytes(value) : JSON.stringify(value)}`).join(', ');
    return [
      make('h2', {}, member.name),
      facts([['Id', member.id], ['Role', member.role], ['Rank', member.rank ?? 'none'], ['State', state], ['Does', does], ['Address', member.address],
        ['Since', moment(member.joined)], ['Slots', member.slots], ['Has', has], ['Machine', member.machine], ['Volunteer’s token', member.volunteer],
        ['Version', member.version], ['Labels', Object.entries(member.labels ?? {}).map(([name, value]) => `${name}=${value}`).join(', ')]]),
      mayAct && member.role === 'worker' && make('div', { class: 'row' }, button({
        word: 'Drain', method: 'POST', path: `/v1/members/${id}/drain`, command: `muster drain ${quoted(member.name)}`,
        harm: ['Drain this worker?', `${member.name} finishes what it has, gets nothing more, and leaves.`],
      }), same(`muster drain ${quoted(member.name)}`)),
    ];
  }
  return { title: 'Member', element, update };
}

export default ([id]) => (id ? one(Number(id)) : list());
