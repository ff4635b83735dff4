// What changes something: each button is a route that a command has, too, and says which.
import { make, clean, fill } from './page.js';
import { signedOut } from './fleet.js';

export const mayAct = document.documentElement.dataset.rights === 'act';

const WORD = /^[\w@%+=:,./-]+$/;
export const quoted = text => (WORD.test(text) ? text : `'${String(text).replaceAll("'", "'\\''")}'`);

export function tell(text, isBad = false) {
  const line = make('p', { class: isBad ? 'bad' : '' }, text);
  const place = document.getElementById('toasts');
  place.append(line);
  while (place.children.length > 4) place.firstChild.remove();
  setTimeout(() => line.remove(), isBad ? 12000 : 5000);
}

// Throws an Error whose message is for people.
export async function askText(method, path, body) {
  const options = { method, cache: 'no-store' };
  if (body !== undefined) Object.assign(options, { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } });
  let answer;
  try { answer = await fetch(path, options); } catch { throw new Error('The coordinator does not answer.'); }
  if (answer.status === 401) { signedOut(); throw new Error('This browser is not signed in any more.'); }
  const text = await answer.text();
  if (!answer.ok) throw new Error(parsed(text)?.detail ?? `The coordinator answers ${answer.status}.`);
  return text;
}

// The same, of JSON; null where it is none.
export const ask = async (method, path, body) => parsed(await askText(method, path, body));

function parsed(text) {
  try { return JSON.parse(text); } catch { return null; }
}

// What leads to the machine itself: others know the coordinator by another address.
export const isLoopback = host => ['127.0.0.1', 'localhost', '[::1]'].includes(host);
export const isHere = isLoopback(location.hostname);

export const same = command => make('p', { class: 'cli' }, 'Same as ', make('code', {}, command));

let asked = 0;
// Asks once whether what harms is meant.
function isMeant(title, text, command, word) {
  return new Promise(resolve => {
    asked += 1;
    const box = make('dialog', { 'aria-labelledby': `ask-${asked}` },
      make('h2', { id: `ask-${asked}` }, title), make('p', {}, text), same(command),
      make('form', { method: 'dialog' }, make('div', { class: 'row' },
        make('button', { class: 'harm', value: 'yes' }, word), make('button', { class: 'quiet', value: 'no', autofocus: true }, 'Keep it'))));
    box.addEventListener('close', () => { resolve(box.returnValue === 'yes'); box.remove(); });
    document.body.append(box);
    box.showModal();
  });
}

// { word, command, method, path, body, harm: [title, text], done(answer) }; `command`, `path`, `body` and `harm` may be functions, which throw
// an Error for what makes no sense.
export function button(action) {
  const value = part => (typeof part === 'function' ? part() : part);
  const element = make('button', {
    type: 'button', class: action.harm ? 'harm' : action.class ?? 'quiet', title: typeof action.command === 'string' ? `Same as: ${action.command}` : null, onclick: run,
  }, action.word);
  async function run() {
    try {
      const command = value(action.command), harm = value(action.harm);
      if (harm && !(await isMeant(...harm, command, action.word))) return;
      element.disabled = true;
      const answer = await ask(action.method, value(action.path), value(action.body));
      tell(action.said ?? `Done: ${command}`);
      action.done?.(answer);
    } catch (error) { tell(error.message, true); }
    element.disabled = false;
  }
  return element;
}

// A form whose line of the command follows what is typed. `fields`: elements made by `field`; `read()` gives { command, path, body }, or throws.
export function form({ title, fields, read, method = 'POST', word, done }) {
  const [command, complaint] = [make('code'), make('p', { class: 'bad', role: 'alert' })];
  const submit = make('button', { type: 'submit' }, word);
  const element = make('form', { class: 'card', 'aria-label': title, onsubmit: send, oninput: show }, fields,
    complaint, make('div', { class: 'row' }, submit, make('p', { class: 'cli' }, 'Same as ', command)));
  function show() {
    try { command.textContent = clean(read().command); complaint.textContent = ''; } catch (error) { command.textContent = ''; }
  }
  async function send(event) {
    event.preventDefault();
    submit.disabled = true;
    try {
      const { command: words, path, body } = read();
      const answer = await ask(method, path, body);
      complaint.textContent = '';
      tell(`Done: ${words}`);
      done?.(answer);
    } catch (error) { complaint.textContent = clean(error.message); }
    submit.disabled = false;
  }
  show();
  return { element, show };
}

let fieldCount = 0;
export function field(label, input, hint) {
  fieldCount += 1;
  input.id = `field-${fieldCount}`;
  const parts = [make('label', { for: input.id }, label), input];
  if (hint) {
    parts.push(make('small', { class: 'dim', id: `${input.id}-hint` }, hint));
    input.setAttribute('aria-describedby', `${input.id}-hint`);
  }
  return make('div', {}, parts);
}

export const whole = (input, name, from, to) => {
  const value = Number(input.value);
  // An empty field is 0 as a number, and 0x10 and 1e3 are numbers too.
  if (!/^\d+$/.test(input.value.trim()) || !Number.isSafeInteger(value) || value < from || value > to) throw new Error(`${name} is a whole number from ${from} to ${to}.`);
  return value;
};

// A line to copy.
export function copied(label, text) {
  const code = make('code', {}, text);
  const copy = make('button', { type: 'button', class: 'quiet', onclick: async () => {
    try { await navigator.clipboard.writeText(text); tell('Copied.'); } catch { getSelection().selectAllChildren(code); tell('Selected: copy it by the keyboard.'); }
  } }, 'Copy');
  return make('div', {}, make('p', { class: 'dim' }, label), make('pre', { tabindex: 0, 'aria-label': label }, code), copy);
}

// Keeps a list that is fetched in step: `load` is called now, and again where `key()` is another, at most once a second.
export function kept(load, key) {
  let [known, isBusy, last, timer] = [undefined, false, 0, 0];
  return async function look(isForced = false) {
    const wanted = String(key());
    if (isBusy || (wanted === known && !isForced)) return;
    const wait = last + 1000 - performance.now();
    if (wait > 0 && !isForced) {
      clearTimeout(timer);
      timer = setTimeout(look, wait);
      return;
    }
    [isBusy, known, last] = [true, wanted, performance.now()];
    try { await load(); } catch (error) { tell(error.message, true); }
    isBusy = false;
  };
}

export { fill };
