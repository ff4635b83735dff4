// The fleet as this page knows it: one snapshot, then what changes. A page that missed something asks for the snapshot again.

const JOBS_MAX = 10000, EVENTS_MAX = 300, POINTS_MAX = 600;
// Without a word for so long the line is lost; the snapshot of a large fleet may take longer over a slow one.
const SILENCE_MS = 8000, LOADING_MS = 120000;

export const fleet = {
  isOnline: false, isKnown: false, number: 0, time: 0, heardAt: 0, version: '', trouble: null, counts: {}, numbers: {}, scale: null, curve: [],
  leader: null, members: new Map(), order: [], doing: new Map(), jobs: new Map(), events: [], rate: 0,
};

const listeners = new Set();
let isAnnounced = false;

export function follow(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function announce() {
  if (isAnnounced) return;
  isAnnounced = true;
  requestAnimationFrame(() => {
    isAnnounced = false;
    for (const listener of listeners) listener();
  });
}

// The coordinator's clock, in seconds since 1970.
export const now = () => fleet.time + (performance.now() - fleet.heardAt) / 1000;

// Speeds from the last ten seconds.
const speeds = new Map();
function measure(key, value) {
  let samples = speeds.get(key);
  if (!samples) speeds.set(key, (samples = []));
  const last = samples[samples.length - 1];
  if (last && (value < last[1])) samples.length = 0;
  if (samples.length < 2 || fleet.time - samples[samples.length - 2][0] >= 0.5) samples.push([fleet.time, value]);
  else samples[samples.length - 1] = [fleet.time, value];
  while (samples.length > 2 && fleet.time - samples[0][0] > 10) samples.shift();
}

export function speed(key) {
  const samples = speeds.get(key);
  if (!samples || samples.length < 2) return 0;
  const [from, to] = [samples[0], samples[samples.length - 1]];
  const seconds = Math.max(to[0], now() - 1) - from[0];
  return seconds > 0.2 ? (to[1] - from[1]) / seconds : 0;
}

export const isOver = job => ['done', 'failed', 'cancelled'].includes(job.state);

// What is left of a job, in seconds; NaN where it does not show.
export function timeLeft(job) {
  const perSecond = speed(`job ${job.id}`);
  return perSecond > 0 ? (job.count - job.done - job.failed) / perSecond : NaN;
}

export const jobName = job => job.name || job.kernel;

function heard(part) {
  fleet.number = part.number;
  [fleet.time, fleet.heardAt] = [part.time, performance.now()];
  fleet.trouble = part.trouble ?? null;
  [fleet.counts, fleet.numbers, fleet.scale] = [part.counts, part.numbers, part.scale ?? null];
  if (part.leader) fleet.leader = part.leader;
  measure('tasks', fleet.counts.tasksRecorded);
  measure('numbers', fleet.numbers.uniqueNumbers);
}

function setDoing(list) {
  for (const [member, job, tasks] of list ?? []) {
    if (job) fleet.doing.set(member, { job, tasks });
    else fleet.doing.delete(member);
  }
}

function setJobs(list) {
  for (const job of list ?? []) {
    fleet.jobs.set(job.id, job);
    if (isOver(job)) speeds.delete(`job ${job.id}`);
    else measure(`job ${job.id}`, job.done + job.failed);
  }
}

function takeWhole(whole) {
  speeds.clear();
  heard(whole);
  [fleet.version, fleet.curve, fleet.leader, fleet.events] = [whole.version, whole.curve, whole.leader, whole.events];
  fleet.members = new Map(whole.members.map(member => [member.id, member]));
  fleet.order = whole.members.map(member => member.id);
  fleet.doing = new Map();
  fleet.jobs = new Map();
  setDoing(whole.doing);
  setJobs(whole.jobs);
  fleet.isKnown = true;
}

function takeChange(change) {
  heard(change);
  for (const member of change.members ?? []) fleet.members.set(member.id, member);
  if (change.order) {
    fleet.order = change.order;
    const here = new Set(change.order);
    for (const id of fleet.members.keys()) if (!here.has(id)) { fleet.members.delete(id); fleet.doing.delete(id); }
    let rank = 0;
    for (const id of change.order) {
      const member = fleet.members.get(id);
      if (member && member.rank !== null) { member.rank = rank; rank += 1; }
    }
  }
  setDoing(change.doing);
  for (const id of change.over ?? []) { fleet.jobs.delete(id); speeds.delete(`job ${id}`); }
  setJobs(change.jobs);
  for (const [id, done, failed] of change.progress ?? []) {
    const job = fleet.jobs.get(id);
    if (!job) continue;
    [job.done, job.failed] = [done, failed];
    measure(`job ${id}`, done + failed);
  }
  for (const id of change.forgotten ?? []) fleet.jobs.delete(id);
  fleet.events.push(...change.events ?? []);
  if (fleet.events.length > EVENTS_MAX) fleet.events.splice(0, fleet.events.length - EVENTS_MAX);
  forgetOldJobs();
  const last = fleet.curve[fleet.curve.length - 1];
  if (!last || change.time - last[0] >= 1) fleet.curve.push([change.time, fleet.numbers.uniqueNumbers, fleet.counts.tasksRecorded]);
  if (fleet.curve.length > POINTS_MAX) fleet.curve = fleet.curve.filter((_, place) => place % 2 === 0);
}

function forgetOldJobs() {
  if (fleet.jobs.size <= JOBS_MAX) return;
  const over = [...fleet.jobs.values()].filter(isOver).map(job => job.id).sort((a, b) => a - b);
  for (const id of over.slice(0, fleet.jobs.size - JOBS_MAX)) fleet.jobs.delete(id);
}

// Whoever is signed in no more is shown how to come in.
export function signedOut() { location.replace('/'); }

// Windows of one browser have one cookie, and streams that are open go on without it: who signs out in one window is out in all.
const windows = new BroadcastChannel('muster-session');
windows.onmessage = signedOut;

// Throws where the coordinator did not do it.
export async function signOut() {
  const answer = await fetch('/sign-out', { method: 'POST', body: new URLSearchParams(), redirect: 'manual' });
  if (answer.type !== 'opaqueredirect') throw new Error(`The coordinator answers ${answer.status}.`);
  windows.postMessage('out');
  signedOut();
}

let source = null, timer = 0, delay = 300, waiting = null, openedAt = 0, loading = null;

// All pages of a browser share one stream where it has shared workers; elsewhere each holds its own. `on`: open(), lost(), change(text).
// `isAnswered`: the worker heard this page since it followed; `isProven`: it ever did.
let worker = null, isShared = typeof SharedWorker === 'function', isAnswered = false, isProven = false;
function openStream(on) {
  if (!isShared) {
    const own = new EventSource('/v1/overview/events');
    [own.onopen, own.onerror] = [on.open, on.lost];
    own.addEventListener('change', event => on.change(event.data));
    return own;
  }
  if (!worker) {
    worker = new SharedWorker('/window/stream.js');
    worker.onerror = () => { isShared = false; lost(); };
  }
  const { port } = worker;
  isAnswered = false;
  port.onmessage = ({ data: [what, text] }) => { isAnswered = isProven = true; on[what]?.(text); };
  port.postMessage('follow');
  return { close() { port.onmessage = null; port.postMessage('leave'); } };
}

function lost() {
  if (source) source.close();
  source = null;
  loading?.abort();
  loading = null;
  if (fleet.isOnline) { fleet.isOnline = false; announce(); }
  clearTimeout(timer);
  if (document.hidden) return;
  timer = setTimeout(ask, delay);
  delay = Math.min(4000, delay * 1.6);
}

// An event source does not tell why it was refused.
async function ask() {
  try {
    const answer = await fetch('/v1/jobs?limit=1', { cache: 'no-store' });
    if (answer.status === 401 || answer.status === 403) return signedOut();
    if (answer.ok) return connect();
  } catch { /* nobody answers */ }
  lost();
}

export function connect() {
  if (source) source.close();
  waiting = [];
  openedAt = performance.now();
  const mine = source = openStream({ open: () => load(mine), lost: () => { if (mine === source) lost(); }, change: take });
  function take(text) {
    if (mine !== source) return;
    const change = JSON.parse(text);
    fleet.heardAt = performance.now();
    if (waiting) return void waiting.push(change);
    if (change.number <= fleet.number) return;
    if (change.number !== fleet.number + 1) {
      waiting = [change];
      return void load(mine);
    }
    takeChange(change);
    announce();
  }
}

async function load(mine) {
  loading?.abort();
  const own = loading = new AbortController();
  openedAt = performance.now();
  try {
    const answer = await fetch('/v1/overview', { cache: 'no-store', signal: own.signal });
    if (answer.status === 401 || answer.status === 403) return signedOut();
    if (!answer.ok) throw new Error(answer.status);
    const whole = await answer.json();
    if (mine !== source) return;
    takeWhole(whole);
    for (const change of waiting) if (change.number > fleet.number) takeChange(change);
    [waiting, fleet.isOnline, delay, loading] = [null, true, 300, null];
    announce();
  } catch {
    if (mine === source && own === loading) lost();
  }
}

// A page that nobody sees follows nothing; it asks again when it is seen.
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) { if (!source) connect(); } else setTimeout(() => { if (document.hidden) lost(); }, 5000);
});

addEventListener('pagehide', () => { source?.close(); source = null; });
addEventListener('pageshow', event => { if (event.persisted) lost(); });

setInterval(() => {
  if (!source) return;
  if (isShared) worker.port.postMessage('here');
  const isSilent = performance.now() - (fleet.isOnline ? fleet.heardAt : openedAt) > (loading ? LOADING_MS : SILENCE_MS);
  if (!isSilent) return;
  // A worker that ended is followed by another one; one that never let this page in is done without.
  if (isShared && !isAnswered && isProven) [worker, isProven] = [null, false];
  else if (isShared && !isAnswered) isShared = false;
  lost();
}, 1000);
