// What somebody should look at, beside what stands above each page: sentences as `muster status` has them.
import { make, fill, count } from './page.js';
import { fleet, isOver } from './fleet.js';

const NAMED = 5;

function named(names) {
  if (!names.length) return [];
  const who = names.length > NAMED ? `${count(names.length)} members, among them ${names[0]},` : names.join(', ');
  return [`${who} ${names.length === 1 ? 'is' : 'are'} silent, and taken for dead soon`];
}

export function warnings() {
  const silent = fleet.order.map(id => fleet.members.get(id)).filter(member => member?.state === 'suspect');
  const open = [...fleet.jobs.values()].filter(job => !isOver(job)).sort((a, b) => a.id - b.id);
  const waiting = open.filter(job => job.state === 'queued' && job.waiting);
  const children = fleet.numbers.children ?? {};
  return [
    ...named(silent.map(member => member.name)),
    ...waiting.slice(0, NAMED).map(job => `job ${job.id} waits: ${job.waiting}`),
    ...(waiting.length > NAMED ? [`${count(waiting.length - NAMED)} more jobs wait`] : []),
    ...(children.failed || children.died ? [`${count(children.failed)} children failed and ${count(children.died)} died`] : []),
  ];
}

export function warningList() {
  const list = make('ul');
  const element = make('section', { class: 'card warnings', hidden: true }, make('h2', {}, 'Look at this'), list);
  let known = '';
  return {
    element,
    show() {
      const lines = warnings(), mark = lines.join('\n');
      if (mark === known) return;
      known = mark;
      element.hidden = !lines.length;
      fill(list, lines.map(line => make('li', {}, line)));
    },
  };
}
