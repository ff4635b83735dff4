// Everything at a glance.
import { make, say, count, rate, span, curve, bar, badge, fill, moment, clean } from './page.js';
import { fleet, speed, isOver, timeLeft, jobName } from './fleet.js';
import { warningList } from './warnings.js';

const SHOWN = 8;

// What happened, in words.
export function words({ event, data }) {
  const name = data.name ? `“${data.name}”` : '';
  switch (event) {
    case 'member-joined': return `${name} joined${data.rank === null ? '' : `, rank ${data.rank}`}`;
    case 'member-left': return `${name} left`;
    case 'member-crashed': return `${name} is gone: its process ended or its connection broke`;
    case 'member-silent': return `${name} is gone: it gave no sign of life`;
    case 'member-suspected': return `${name} may be gone: its connection broke`;
    case 'member-returned': return `${name} is back`;
    case 'member-restarted': return `${name} is back as a new process`;
    case 'member-draining': return `${name} finishes what it has, and leaves`;
    case 'job-ended': return `job ${data.id}: ${data.state}`;
    case 'job-refused': return `“${data.worker}” cannot run job ${data.job}: ${data.reason}`;
    case 'job-forgotten': return `job ${data.id} is forgotten`;
    case 'command': return `command ${data.id} “${data.command}” to ${count(data.recipients)}`;
    case 'leader': return `edge ${data.leader} leads the edges, term ${data.term}`;
    case 'machine-distrusted': return `a machine is out: ${data.machine}`;
    default: return `${event} ${JSON.stringify(data)}`;
  }
}

export function news(most) {
  const list = make('ul', { class: 'news', tabindex: 0, 'aria-label': 'Events' });
  let known;
  return {
    element: list,
    show(events) {
      const last = events[events.length - 1];
      const mark = `${events.length} ${last?.time} ${last?.event}`;
      if (mark === known) return;
      known = mark;
      fill(list, events.slice(-most).reverse().map(event => make('li', {}, moment(event.time), make('span', {}, words(event)))));
      if (!events.length) fill(list, make('li', { class: 'dim' }, 'Nothing yet.'));
    },
  };
}

function card(label, href) {
  const [value, more] = [make('b', {}, '–'), make('span', { class: 'dim' })];
  return {
    element: make('li', { class: 'card' }, href ? make('a', { href }, label) : make('span', {}, label), value, more),
    show(text, words) { say(value, text); say(more, words); },
  };
}

function jobLine(job) {
  const progress = bar(`job ${job.id}`);
  const [title, text] = [make('a', { href: `#/jobs/${job.id}` }), make('span', { class: 'dim' })];
  const state = make('span');
  return {
    element: make('li', {}, make('div', { class: 'row' }, title, state, text), progress.element),
    show(now) {
      say(title, `${now.id} ${jobName(now)}`);
      if (state.textContent !== now.state) fill(state, badge(now.state));
      const perSecond = speed(`job ${now.id}`), left = timeLeft(now);
      say(text, [`${count(now.done)} of ${count(now.count)}`, now.failed ? `${count(now.failed)} failed` : '',
        perSecond > 0 ? rate(perSecond) : '', Number.isFinite(left) ? `${span(left)} left` : ''].filter(Boolean).join(' · '));
      progress.show(now.done, now.failed, now.count, `job ${now.id} ${clean(jobName(now))}`);
    },
  };
}

export default function overview() {
  const cards = {
    workers: card('Workers', '#/members'), members: card('Members', '#/members'), jobs: card('Jobs', '#/jobs'),
    tasks: card('Tasks', '#/jobs'), speed: card('Results', '#/jobs'), numbers: card('Unique numbers', '#/children'),
  };
  const chart = curve('Results recorded'), events = news(30), warned = warningList();
  const jobs = make('ul', { class: 'jobs', 'aria-label': 'Jobs under way' });
  const more = make('p', { class: 'dim' });
  const lines = new Map();
  const element = make('div', {},
    make('ul', { class: 'cards', 'aria-label': 'Numbers' }, Object.values(cards).map(one => one.element)), warned.element,
    make('div', { class: 'columns' },
      make('section', {}, make('h2', {}, 'Jobs under way'), make('div', { class: 'card' }, jobs, more)),
      make('section', {}, make('h2', {}, 'Results'), make('div', { class: 'card' }, chart.element),
        make('h2', {}, 'Events'), make('div', { class: 'card' }, events.element))));

  function update() {
    const members = fleet.order.map(id => fleet.members.get(id)).filter(Boolean);
    const workers = members.filter(member => member.role === 'worker');
    const alive = workers.filter(member => member.state === 'alive').length;
    const slots = workers.reduce((sum, member) => sum + member.slots, 0);
    const { counts, numbers } = fleet;
    cards.workers.show(count(alive), `${count(slots)} slots, ${count(fleet.doing.size)} at work`);
    cards.members.show(count(counts.members), [...new Set(members.map(member => member.role))].join(', '));
    const open = [...fleet.jobs.values()].filter(job => !isOver(job)).sort((a, b) => (b.state === 'running') - (a.state === 'running') || a.id - b.id);
    cards.jobs.show(count(counts.unfinishedJobs), `${count(open.filter(job => job.state === 'running').length)} running`);
    cards.tasks.show(count(counts.tasksLeased), `run, ${count(counts.tasksWaiting)} wait`);
    cards.speed.show(rate(speed('tasks')), `${count(counts.tasksRecorded)} recorded, ${count(counts.tasksFailed)} failed`);
    cards.numbers.show(count(numbers.uniqueNumbers), `${(numbers.percentage ?? 0).toFixed(2)} % of ${count(numbers.range)}`);
    chart.show(fleet.curve.map(([time, , recorded]) => [time, recorded]), `${count(counts.tasksRecorded)} by now`);
    const shown = open.slice(0, SHOWN);
    const wanted = new Set(shown.map(job => job.id));
    for (const [id, line] of lines) if (!wanted.has(id)) { line.element.remove(); lines.delete(id); }
    for (const job of shown) {
      if (!lines.has(job.id)) { const line = jobLine(job); lines.set(job.id, line); jobs.append(line.element); }
      lines.get(job.id).show(job);
    }
    say(more, shown.length ? (open.length > SHOWN ? `And ${count(counts.unfinishedJobs - SHOWN)} more.` : '') : 'Nothing is asked for.');
    events.show(fleet.events);
    warned.show();
  }
  return { title: 'Overview', element, update };
}
