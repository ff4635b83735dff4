// Commands down the ranks, and what became of each at each receiver.
import { make, say, fill, count, badge, moment, span } from './page.js';
import { fleet } from './fleet.js';
import { table } from './table.js';
import { mayAct, form, field, kept, ask, quoted } from './act.js';

const OUTCOMES = ['delivered', 'pending', 'gone', 'refused', 'overflow'];
const summary = command => OUTCOMES.filter(word => command[word]).map(word => `${count(command[word])} ${word}`).join(', ') || 'nobody';

const columns = [
  { title: 'No.', width: '56px', class: 'num', text: command => String(command.id), link: command => `#/commands/${command.id}` },
  { title: 'Command', width: 'minmax(0,1.5fr)', text: command => command.command },
  { title: 'From', width: 'minmax(0,1fr)', class: 'wide', text: command => command.from || 'operator' },
  { title: 'At', width: '100px', class: 'wide', text: command => moment(command.created).textContent },
  { title: 'What became of it', width: 'minmax(0,1.5fr)', text: summary },
];

const mark = () => `${fleet.isOnline} ${fleet.events.filter(event => event.event === 'command').map(event => event.data.id).pop()}`;

function sending(look) {
  const text = make('input', { required: true, maxlength: 4096, list: 'known-commands', spellcheck: 'false' });
  const known = make('datalist', { id: 'known-commands' }, ['START_TRANSMIT', 'STOP_TRANSMIT', 'PAUSE_TRANSMIT', 'RESTART_TRANSMIT'].map(value => make('option', { value })));
  return form({ title: 'Send a command', word: 'Send', done: receipt => { location.hash = `#/commands/${receipt.id}`; look(true); },
    fields: [field('Command', text, 'To every member with a rank, as the operator.'), known],
    read: () => {
      if (!text.value) throw new Error('Give a command.');
      return { body: { command: text.value }, path: '/v1/commands', command: `muster send ${quoted(text.value)}` };
    } }).element;
}

function list() {
  const shown = table({ label: 'Commands', columns, key: command => command.id, empty: 'None was sent yet.' });
  let isOpen = false, tick = 0;
  const look = kept(async () => {
    const { commands } = await ask('GET', '/v1/commands?limit=1000');
    isOpen = commands.some(command => !command.ended);
    shown.show(commands);
  }, () => `${mark()} ${isOpen ? tick : ''}`);
  const element = make('div', {}, mayAct && sending(look), make('h2', {}, 'Sent'), shown.element);
  return { title: 'Commands', element, update: () => { tick += 1; look(); }, end: shown.end };
}

function one(id) {
  const [title, text, receivers] = [make('h2'), make('p'), make('ul', { class: 'news', tabindex: 0, 'aria-label': 'Receivers' })];
  const element = make('div', {}, make('p', {}, make('a', { href: '#/commands' }, 'All commands')), make('div', { class: 'card' }, title, text, receivers));
  let isOpen = true, tick = 0;
  const look = kept(async () => {
    const command = await ask('GET', `/v1/commands/${id}`);
    isOpen = !command.ended;
    say(title, command.command);
    say(text, `From ${command.from || 'the operator'} to ${count(command.recipients)}: ${summary(command)}${command.ended ? `, after ${span(command.ended - command.created)}` : ''}`);
    fill(receivers, (command.outcomes ?? command.members ?? []).slice(0, 2000).map(one => make('li', {}, badge(one.outcome), make('span', {}, one.name ?? `member ${one.member}`))));
  }, () => `${fleet.isOnline} ${isOpen ? tick : ''}`);
  return { title: `Command ${id}`, element, update: () => { tick += 1; look(); } };
}

export default ([id]) => (id ? one(Number(id)) : list());
