// Jobs: how they stand, what came of them, and new ones.
import { make, say, fill, count, rate, span, bar, badge, paintBadge, facts, moment, clean, percent } from './page.js';
import { fleet, now, speed, timeLeft, isOver, jobName } from './fleet.js';
import { table } from './table.js';
import { output as printed } from './output.js';
import { mayAct, button, form, field, ask, quoted, tell, kept } from './act.js';

const RESULTS_MAX = 200, READ_MAX = 20000, FAILURES_MAX = 200;

const columns = [
  { title: 'No.', width: '56px', class: 'num', text: job => String(job.id), link: job => `#/jobs/${job.id}` },
  { title: 'Name', width: 'minmax(0,1.6fr)', text: job => (job.name ? `${job.name} (${job.kernel})` : job.kernel) },
  { title: 'State', width: '92px', paint: (cell, job) => paintBadge(cell, job.state) },
  { title: 'Progress', width: 'minmax(60px,1.2fr)', paint: (cell, job) => {
    if (!cell.bar) { cell.bar = bar(''); cell.append(cell.bar.element); }
    cell.bar.show(job.done, job.failed, job.count, `job ${job.id}`);
  } },
  { title: 'Done', width: '110px', class: 'num wide', text: job => `${count(job.done)} / ${count(job.count)}` },
  { title: 'Failed', width: '70px', class: 'num wide', text: job => (job.failed ? count(job.failed) : '') },
  { title: 'Speed', width: '80px', class: 'num wide', text: job => (isOver(job) ? '' : rate(speed(`job ${job.id}`))) },
  { title: 'Left / took', width: '100px', class: 'num wide', text: job => (isOver(job) ? span(job.seconds) : span(timeLeft(job))) },
];

async function older(button) {
  const oldest = Math.min(...fleet.jobs.keys(), Infinity);
  const { jobs } = await ask('GET', `/v1/jobs?limit=500${Number.isFinite(oldest) ? `&before=${oldest}` : ''}`);
  for (const job of jobs) if (!fleet.jobs.has(job.id)) fleet.jobs.set(job.id, job);
  if (!jobs.length) { button.disabled = true; tell('There are no older jobs.'); }
}

function list() {
  const jobs = table({ label: 'Jobs', columns, key: job => job.id, empty: 'No job.' });
  const find = make('input', { type: 'search', placeholder: 'name, kernel, owner, number', 'aria-label': 'Find jobs', oninput: update });
  const state = make('select', { 'aria-label': 'State', onchange: update },
    [['', 'all'], ['open', 'unfinished'], ['running', 'running'], ['queued', 'queued'], ['done', 'done'], ['failed', 'failed'], ['cancelled', 'cancelled']]
      .map(([value, text]) => make('option', { value }, text)));
  const summary = make('p', { class: 'dim' });
  const more = make('a', { href: '#/jobs', onclick: async event => { event.preventDefault(); try { await older(more); update(); } catch (error) { tell(error.message, true); } } }, 'Older jobs');
  const element = make('div', {}, mayAct && submitting(), make('div', { class: 'fields' }, find, state), summary, jobs.element, make('p', {}, more));
  function update() {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = job => (state.value === '' || job.state === state.value || (state.value === 'open' && !isOver(job)))
      && words.every(word => `${job.id} ${job.name ?? ''} ${job.kernel} ${job.owner ?? ''}`.toLowerCase().includes(word));
    const found = [...fleet.jobs.values()].filter(fits).sort((a, b) => b.id - a.id);
    say(summary, `${count(found.length)} shown, ${count(fleet.counts.unfinishedJobs)} unfinished in all`);
    jobs.show(found);
  }
  return { title: 'Jobs', element, update, end: jobs.end };
}

// MARK: New jobs

const KERNELS = {
  sleep: ['{"ms": 500}', ''], noop: ['{}', ''], fail: ['{}', ''], random: ['{}', ''], sum: ['{}', '[3,4]\n[1,2,3]'],
  primes: ['{}', '[1,100000]\n[100001,200000]'], mandelbrot: ['{}', ''], container: ['{"image": "alpine", "command": ["echo", "hello"]}', ''],
};

function lines(text) { return text.split('\n').filter(line => line.trim() !== ''); }

function named(name) { return name.value ? { name: name.value } : {}; }

function kernelForm() {
  const kernel = make('select', {}, Object.keys(KERNELS).map(name => make('option', {}, name)));
  const tasks = make('input', { type: 'number', min: 1, value: 20 });
  const params = make('textarea', { rows: 2, spellcheck: 'false' }, KERNELS.sleep[0]);
  const inputs = make('textarea', { rows: 3, spellcheck: 'false' });
  const priority = make('select', {}, make('option', {}, 'batch'), make('option', {}, 'interactive'));
  const name = make('input', { maxlength: 128 });
  kernel.onchange = () => { [params.value, inputs.value] = KERNELS[kernel.value]; };
  function read() {
    const values = lines(inputs.value).map((line, place) => { try { return JSON.parse(line); } catch { throw new Error(`Input ${place + 1} is no JSON: ${line}`); } });
    let given;
    try { given = JSON.parse(params.value || '{}'); } catch { throw new Error('Params are no JSON object.'); }
    const body = { kernel: kernel.value, params: given, priority: priority.value, ...named(name), ...(values.length ? { inputs: values } : { count: Number(tasks.value) }) };
    const flags = Object.entries(given).map(([key, value]) => ` --param ${quoted(`${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)}`).join('');
    return { body, path: '/v1/jobs', command: `muster submit ${kernel.value}${values.length ? ' --input FILE' : ` --count ${tasks.value}`}${flags}`
      + `${priority.value === 'batch' ? '' : ' --priority interactive'}${name.value ? ` --name ${quoted(name.value)}` : ''}` };
  }
  return form({ title: 'New job of a kernel', word: 'Submit', read, done: job => { location.hash = `#/jobs/${job.id}`; }, fields: [
    make('div', { class: 'fields' }, field('Kernel', kernel), field('Tasks', tasks, 'Where there are no inputs.'), field('Priority', priority), field('Name', name)),
    field('Params', params, 'One JSON object, for the kernel.'), field('Inputs', inputs, 'One JSON value a line, each a task; or none.')] }).element;
}

function runForm() {
  const command = make('input', { required: true, placeholder: 'echo {} | tr a-z A-Z', spellcheck: 'false' });
  const values = make('textarea', { rows: 3, spellcheck: 'false' });
  const name = make('input', { maxlength: 128 });
  function read() {
    if (!command.value.trim()) throw new Error('Give a command.');
    const inputs = lines(values.value);
    return { path: '/v1/jobs', body: { kernel: 'exec', params: { shell: command.value }, ...named(name), ...(inputs.length ? { inputs } : { count: 1 }) },
      command: `muster run${name.value ? ` --name ${quoted(name.value)}` : ''} ${quoted(command.value)}${inputs.length ? ` ::: ${inputs.slice(0, 4).map(quoted).join(' ')}${inputs.length > 4 ? ' …' : ''}` : ''}` };
  }
  return form({ title: 'Run a command', word: 'Run', read, done: job => { location.hash = `#/jobs/${job.id}`; }, fields: [
    field('Command', command, 'For a shell of a worker that allows commands (--allow-exec); {} is the value.'),
    field('Values', values, 'One a line; the command runs for each.'), field('Name', name)] }).element;
}

function submitting() {
  return make('details', {}, make('summary', {}, 'New job'), make('div', { class: 'columns' },
    make('section', {}, make('h2', {}, 'A kernel'), kernelForm()), make('section', {}, make('h2', {}, 'A command of yours'), runForm())));
}

// MARK: One job

// What a command printed, or a value as JSON.
export function shown(value) {
  if (typeof value === 'string') return value;
  if (!value || typeof value !== 'object' || !('exitCode' in value)) return JSON.stringify(value);
  const part = name => value[name] ?? (value[`${name}Base64`] ? '(bytes that are no text)' : '');
  return [part('stdout').replace(/\n$/, ''), part('stderr') && `[stderr] ${part('stderr').replace(/\n$/, '')}`,
    value.exitCode && `[exit ${value.exitCode}]`].filter(Boolean).join('\n');
}

// Lines of results that are there, from one on. No connection is held for those that will come: a browser has six.
async function read(id, first, take, signal) {
  const answer = await fetch(`/v1/jobs/${id}/results?order=arrival&from=${first}`, { signal, cache: 'no-store' });
  if (!answer.ok) throw new Error(`The coordinator answers ${answer.status}.`);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split('\n');
    rest = parts.pop();
    take(parts.filter(Boolean).map(line => JSON.parse(line)));
  }
}

function results(id) {
  const [bad, good, note] = [make('tbody'), make('tbody'), make('p', { class: 'dim' })];
  const failed = make('section', { hidden: true }, make('h2', {}, 'Failures'), make('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Failures' },
    make('table', {}, make('thead', {}, make('tr', {}, ['Task', 'Worker', 'Why'].map(title => make('th', { scope: 'col' }, title)))), bad)));
  const element = make('div', {}, failed, make('section', {}, make('h2', {}, 'Results'), note,
    make('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Results' },
      make('table', {}, make('thead', {}, make('tr', {}, ['Task', 'Worker', 'Value', 'Took'].map(title => make('th', { scope: 'col' }, title)))), good))));
  // What was read, from which on, by whom; the job as it was seen last.
  let got = 0, first = null, going = null, job = null, isWhole = false, isEnded = false, later = 0;
  const cut = text => (text.length > 2000 ? `${text.slice(0, 2000)} …` : text);
  function take(list) {
    got += list.length;
    for (const line of list.filter(one => 'error' in one).slice(-FAILURES_MAX)) {
      failed.hidden = false;
      const output = line.value === undefined ? '' : cut(shown(line.value));
      bad.prepend(make('tr', {}, make('td', { class: 'num' }, line.task), make('td', {}, line.worker),
        make('td', {}, line.error, output && make('pre', { tabindex: 0 }, output))));
      if (bad.children.length > FAILURES_MAX) bad.lastChild.remove();
    }
    for (const line of list.filter(one => !('error' in one)).slice(-RESULTS_MAX)) {
      const text = cut(shown(line.value));
      good.prepend(make('tr', {}, make('td', { class: 'num' }, line.task), make('td', {}, line.worker),
        make('td', { class: 'mono' }, text.includes('\n') ? make('pre', { tabindex: 0 }, text) : text), make('td', { class: 'num' }, span(line.seconds))));
      if (good.children.length > RESULTS_MAX) good.lastChild.remove();
    }
    say(note, `${count(got)} read; the latest ${RESULTS_MAX} are shown. All of them: muster results ${id}`);
  }
  async function go() {
    clearTimeout(later);
    const wasOver = isOver(job);
    if (going || isWhole || isEnded || document.hidden || (!wasOver && job.done + job.failed <= first + got)) return;
    const mine = going = new AbortController();
    try {
      await read(id, first + got, take, mine.signal);
      isWhole = wasOver;
    } catch (error) {
      if (mine.signal.aborted) return;
      say(note, `Results are not to be had now: ${error.message}`);
    }
    if (going !== mine) return;
    going = null;
    if (!isWhole) later = setTimeout(go, 1000);
  }
  // A page that nobody sees holds no connection.
  function pause() { clearTimeout(later); going?.abort(); going = null; }
  const seen = () => { if (document.hidden) pause(); else if (first !== null) go(); };
  document.addEventListener('visibilitychange', seen);
  return { element, end() { isEnded = true; pause(); document.removeEventListener('visibilitychange', seen); }, show(now) {
    // Tried again: what was there may be there no more.
    if (job && isOver(job) && !isOver(now)) { pause(); [got, isWhole] = [0, false]; fill(good); fill(bad); failed.hidden = true; }
    job = now;
    first ??= Math.max(0, job.count - READ_MAX);
    go();
  } };
}

function one(id) {
  const progress = bar(`job ${id}`);
  const [title, state, text, detail, actions, tasks] = [make('h2'), make('span'), make('p'), make('div'), make('div', { class: 'row' }), make('div')];
  const [live, output] = [printed(id), results(id)];
  const element = make('div', {}, make('p', {}, make('a', { href: '#/jobs' }, 'All jobs')),
    make('div', { class: 'card' }, make('div', { class: 'row' }, title, state), progress.element, text, detail, actions), tasks, live.element, output.element);
  let job, known;
  const look = kept(async () => {
    const answer = await ask('GET', `/v1/jobs/${id}`).catch(error => { fill(detail, make('p', { class: 'bad' }, error.message)); });
    if (!answer) return;
    job = answer;
    if (isOver(job) && fleet.jobs.has(id)) fleet.jobs.set(id, job);
    const running = isOver(job) ? [] : (await ask('GET', `/v1/jobs/${id}/tasks?limit=20`)).tasks;
    draw(running);
    live.show(job);
    output.show(job);
  }, () => { const seen = fleet.jobs.get(id); return `${seen?.state} ${seen?.done} ${seen?.failed} ${seen?.waiting} ${fleet.isOnline}`; });

  function draw(running) {
    say(title, `${job.id} ${jobName(job)}`);
    fill(state, badge(job.state));
    const did = Object.entries(job.workers ?? {}).sort((a, b) => b[1] - a[1]);
    const of = Math.max(1, job.done + job.failed);
    fill(detail, facts([
      ['Kernel', job.kernel], ['Asked for', job.created ? moment(job.created) : ''], ['Whose', job.owner], ['Priority', job.priority],
      ['Waits', job.state === 'queued' || !(speed(`job ${id}`) > 0) ? job.waiting : ''], ['Why it ended', job.reason], ['Quorum', job.quorum], ['After', (job.after ?? job.afterAny ?? []).join?.(', ')],
      [isOver(job) ? 'Took' : 'So far', span(job.seconds)],
      ['Who did how much', did.slice(0, 30).map(([name, tasksDone]) => `${name}: ${count(tasksDone)} (${percent(tasksDone / of)})`).join(', ') + (did.length > 30 ? ` and ${did.length - 30} more` : '')],
    ]));
    fill(tasks, running.length ? [make('h2', {}, 'Runs now'), make('ul', {}, running.map(task =>
      make('li', {}, `task ${task.task} at ${task.worker || 'nobody'} for ${span(task.seconds)}, attempt ${task.attempt}`)))] : []);
    if (mayAct && known !== job.state) {
      known = job.state;
      const waiting = !isOver(job);
      fill(actions, waiting ? act('Cancel', 'DELETE', '', `muster cancel ${id}`, ['Cancel this job?', `What runs of job ${id} is ended; results that are there stay.`]) : [
        (job.failed > 0 || job.state === 'cancelled') && act('Try again', 'POST', '/retry', `muster retry ${id}`),
        act('Forget', 'POST', '/forget', `muster forget ${id}`, ['Forget this job?', `Job ${id} goes with its inputs and results.`], () => { fleet.jobs.delete(id); location.hash = '#/jobs'; })]);
    }
  }
  function act(word, method, path, command, harm, done) {
    return button({ word, method, path: `/v1/jobs/${id}${path}`, command, harm, done: answer => { done?.(answer); look(true); } });
  }
  function update() {
    const seen = fleet.jobs.get(id) ?? job;
    look();
    if (!seen) return;
    const perSecond = speed(`job ${id}`), left = timeLeft(seen);
    progress.show(seen.done, seen.failed, seen.count, `job ${id} ${clean(jobName(seen))}`);
    say(text, [`${count(seen.done)} of ${count(seen.count)} done`, seen.failed ? `${count(seen.failed)} failed` : '',
      !isOver(seen) && perSecond > 0 ? rate(perSecond) : '', !isOver(seen) && Number.isFinite(left) ? `${span(left)} left` : '',
      !isOver(seen) && seen.created ? `for ${span(now() - seen.created)}` : ''].filter(Boolean).join(' · '));
  }
  return { title: `Job ${id}`, element, update, end() { live.end(); output.end(); } };
}

export default ([id]) => (id ? one(Number(id)) : list());
