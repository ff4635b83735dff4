// Runs once for all pages of a browser (a shared worker), and holds one stream for all of them: a browser keeps six connections to a server that
// speaks HTTP/1.1, however many pages are open.
const SILENCE_MS = 60000, QUIET_MS = 8000;
// Who follows, and when it last said that it is there: a page that crashed says nothing.
const pages = new Map();
let source = null, heardAt = 0;

function tell(...message) { for (const page of pages.keys()) page.postMessage(message); }

function open() {
  const mine = source = new EventSource('/v1/overview/events');
  heardAt = performance.now();
  mine.onopen = () => { heardAt = performance.now(); tell('open'); };
  mine.onerror = () => { if (mine === source) lost(); };
  mine.addEventListener('change', event => { heardAt = performance.now(); tell('change', event.data); });
}

function lost() {
  tell('lost');
  pages.clear();
  close();
}

function close() {
  source?.close();
  source = null;
}

function leave(page) {
  pages.delete(page);
  if (!pages.size) close();
}

onconnect = ({ ports: [page] }) => {
  page.onmessage = ({ data }) => {
    if (data === 'leave') return leave(page);
    if (data === 'follow') {
      pages.set(page, performance.now());
      page.postMessage(['here']);
      if (!source) open();
      else if (source.readyState === EventSource.OPEN) page.postMessage(['open']);
    } else if (pages.has(page)) pages.set(page, performance.now());
  };
};

setInterval(() => {
  const now = performance.now();
  for (const [page, heard] of pages) if (now - heard > SILENCE_MS) leave(page);
  // A line that broke without a word is as open as before.
  if (source && now - heardAt > QUIET_MS) lost();
}, 2000);
