// Strangers' machines: what each gave, how far it is believed, and the tokens by which they come.
import { make, drawn, say, fill, count, span, percent, moment, paintBadge } from './page.js';
import { fleet } from './fleet.js';
import { table } from './table.js';
import { mayAct, isHere, isLoopback, form, field, kept, ask, askText, quoted, button, copied } from './act.js';

const machineColumns = [
  { title: 'Machine', width: 'minmax(0,1.5fr)', text: machine => machine.name || machine.machine },
  { title: 'State', width: '88px', paint: (cell, machine) => paintBadge(cell, machine.state) },
  { title: 'Tasks', width: '64px', class: 'num', text: machine => count(machine.tasks) },
  { title: 'Computed', width: '100px', class: 'num wide', text: machine => span(machine.seconds) },
  { title: 'Confirmed', width: '90px', class: 'num wide', text: machine => count(machine.accepted) },
  { title: 'Refuted', width: '80px', class: 'num wide', text: machine => (machine.rejected ? count(machine.rejected) : '') },
  { title: 'Checked', width: '80px', class: 'num wide', text: machine => percent(machine.checked) },
  { title: 'Here', width: '38px', class: 'num', text: machine => String(machine.members) },
];

// For a camera. Of the coordinator's picture its measures and its one path are taken: nothing from outside becomes markup. The text goes
// in a body, as it has a token.
async function qrCode(label, text) {
  const picture = new DOMParser().parseFromString(await askText('POST', '/v1/qr-code', { text }), 'image/svg+xml').documentElement;
  const code = drawn('svg', { class: 'qr', viewBox: picture.getAttribute('viewBox'), role: 'img', 'aria-label': label, 'shape-rendering': 'crispEdges' });
  code.append(drawn('rect', { width: '100%', height: '100%', fill: '#fff' }), drawn('path', { fill: '#000', d: picture.querySelector('path').getAttribute('d') }));
  return code;
}

// What nobody is told again goes with the page's part.
async function showToken(made, token) {
  const place = make('div', {}, copied('The token is shown this once. It lets a worker join, and nothing else:', token));
  fill(made, place);
  try {
    const url = isHere ? (await ask('POST', '/v1/join-command?program=false')).url : location.origin;
    const line = `MUSTER_TOKEN=${token} muster worker --join ${quoted(url)}`;
    place.append(copied('The line for a machine that has muster:', line));
    if (isLoopback(new URL(url).hostname)) place.append(make('p', { class: 'warn' }, `${url} is reached from this machine only: start the coordinator with --host 0.0.0.0.`));
    place.append(await qrCode('QR code of the line for a machine that has muster', line));
  } catch (error) { place.append(make('p', { class: 'bad' }, error.message)); }
}

function tokens() {
  const [label, made] = [make('input', { maxlength: 128 }), make('div')];
  const columns = [
    { title: 'No.', width: '56px', class: 'num', text: token => String(token.id) },
    { title: 'Whose', width: 'minmax(0,2fr)', text: token => token.label },
    { title: 'State', width: '92px', paint: (cell, token) => paintBadge(cell, token.revoked ? 'revoked' : 'good') },
    { title: 'Made', width: '100px', class: 'wide', text: token => moment(token.created).textContent },
    { title: 'Here', width: '50px', class: 'num', text: token => String(token.members) },
    { title: 'Act', width: '92px', paint: (cell, token) => {
      if (!cell.button) {
        cell.button = button({ word: 'Revoke', method: 'DELETE', path: `/v1/tokens/${token.id}`, command: `muster tokens revoke ${token.id}`, done: () => look(true),
          harm: ['Revoke this token?', `Who came by token ${token.id} goes, and what nobody else confirmed of theirs is done again.`] });
        cell.append(cell.button);
      }
      cell.button.hidden = Boolean(token.revoked);
    } },
  ];
  const shown = table({ label: 'Tokens', columns, key: token => token.id, empty: 'None was made yet.' });
  let tick = 0;
  const look = kept(async () => shown.show((await ask('GET', '/v1/tokens')).tokens), () => `${fleet.isOnline} ${tick >> 1}`);
  const create = form({ title: 'New token', word: 'Make a token', fields: [field('Whose', label, 'For you, to know it again.')],
    read: () => ({ body: label.value ? { label: label.value } : {}, path: '/v1/tokens', command: `muster tokens create${label.value ? ` --label ${quoted(label.value)}` : ''}` }),
    done: token => {
      showToken(made, token.token);
      look(true);
    } });
  return { element: make('section', {}, make('h2', {}, 'Tokens'), create.element, made, shown.element), update() { tick += 1; look(); }, end: shown.end };
}

export default function volunteers() {
  const shown = table({ label: 'Machines', columns: machineColumns, key: machine => machine.machine, empty: 'No machine yet.' });
  const summary = make('p', { class: 'dim' }), own = mayAct ? tokens() : null;
  let tick = 0;
  const look = kept(async () => {
    const { machines } = await ask('GET', '/v1/machines');
    say(summary, `${count(machines.length)} machines, ${count(machines.filter(machine => machine.token !== null).length)} of volunteers`);
    shown.show(machines);
  }, () => `${fleet.isOnline} ${Math.floor(tick / 4)}`);
  const element = make('div', {}, own?.element, make('h2', {}, 'Machines'), summary, shown.element);
  return { title: 'Volunteers', element, update() { tick += 1; look(); own?.update(); }, end() { shown.end(); own?.end(); } };
}
