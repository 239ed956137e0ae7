// One stream of news from the server, open while somebody looks at the page and something on it is on its way.
// Without an address, or while it cannot be had, the page asks again and again instead: see news.js.
const address = document.body.dataset.stream;
const SILENCE = 40_000; // the server beats every 15 s
const PAUSE = 5_000;
const LONGEST_PAUSE = 60_000;

let source = null;
let heardAt = 0;
let pause = PAUSE;
let nextTry = 0;

const now = () => performance.now();

export const isHeard = () => source?.readyState === EventSource.OPEN && now() - heardAt < SILENCE;

// Open or close the stream, whichever is due; `told` gets the kind of each piece of news and the clips it is about.
export function keepStream(isWanted, told) {
  if (!address) return;
  if (source && (!isWanted || source.readyState === EventSource.CLOSED || now() - heardAt > SILENCE)) close(isWanted);
  if (!source && isWanted && now() >= nextTry) open(told);
}

function open(told) {
  heardAt = now();
  source = new EventSource(address, { withCredentials: true });
  source.addEventListener("open", () => {
    pause = PAUSE;
    heardAt = now();
    told("all", []); // what happened before is not repeated
  });
  for (const kind of ["clips", "line", "all", "beat"])
    source.addEventListener(kind, (event) => {
      heardAt = now();
      if (kind !== "beat") told(kind, event.data.split(" "));
    });
}

// A refused stream is tried again later and later, and not by all pages at once.
function close(hasFailed) {
  source.close();
  source = null;
  if (!hasFailed) return;
  nextTry = now() + pause * (0.75 + Math.random() / 2);
  pause = Math.min(pause * 2, LONGEST_PAUSE);
}
