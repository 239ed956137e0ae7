// When the parts of a page that update themselves ask the server: when the stream names a clip they show, else every
// second or so. A part says in data-live which clip it shows, or "*" for any; the watcher stands for all tiles on
// their way.
import { isHeard, keepStream } from "./stream.js";

const TICK = 250;
const BURST = 200; // a burst of news costs one request
const FLOOD = 800; // and where it never ends, one in this time: many clips of a page render at once
const FLOOD_BEGINS = 4; // requests within three seconds
const BESIDE_STREAM = 10_000; // in case a piece of news got lost
const BUSY = ".htmx-request, .htmx-swapping, .htmx-settling, .htmx-added";

let askedAt = performance.now();
let asks = [];
let timer = 0;
let isMissing = false; // news came while an answer was on its way: it may be older

const watched = () => [...document.querySelectorAll("input[name=watch]")];
const parts = () =>
  [...document.querySelectorAll("[data-live]")].filter((part) => part.id !== "watcher" || watched().length > 0);
const shows = (clip) =>
  parts().some((part) => [clip, "*"].includes(part.dataset.live)) ||
  watched().some((input) => input.value.startsWith(clip));
const waitsInLine = () => document.querySelector("[data-in-line]") !== null;

function ask(wasTold) {
  askedAt = performance.now();
  asks = [...asks.filter((time) => askedAt - time < 3000), askedAt];
  for (const part of parts())
    if (!part.matches(BUSY)) htmx.trigger(part, "news");
    else if (wasTold) isMissing = true;
}

function askSoon(after = 0) {
  const spacing = asks.length > FLOOD_BEGINS ? FLOOD : BURST;
  const wait = Math.max(after, askedAt + spacing - performance.now(), 0);
  timer ||= setTimeout(() => {
    timer = 0;
    ask(true);
  }, wait);
}

function told(kind, clips) {
  if (kind === "all" || (kind === "clips" && clips.some(shows))) askSoon();
  // Everybody in line hears this at the same moment.
  else if (kind === "line" && waitsInLine()) askSoon(Math.random() * 1000);
}

function tick() {
  const asking = parts();
  const isWanted = asking.length > 0 && !document.hidden;
  keepStream(isWanted, told);
  if (!isWanted) return;
  const every = isHeard() ? BESIDE_STREAM : Math.min(...asking.map((part) => Number(part.dataset.every)));
  if (performance.now() - askedAt >= every) ask(false);
}

// A button that is replaced between its press and its release is never clicked: such news waits for the release.
let pressed = null;
document.addEventListener("pointerdown", (event) => {
  pressed = event.target;
});
for (const released of ["pointerup", "pointercancel"])
  document.addEventListener(released, () => {
    pressed = null;
  });
document.addEventListener("htmx:beforeSwap", (event) => {
  const part = event.detail.target;
  if (!part.hasAttribute("data-live") || !part.contains(pressed)) return;
  event.detail.shouldSwap = false;
  isMissing = true;
});

for (const done of ["htmx:afterRequest", "htmx:afterSettle"])
  document.addEventListener(done, () => {
    if (!isMissing) return;
    isMissing = false;
    askSoon();
  });
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return tick();
  askSoon();
  tick();
});
setInterval(tick, TICK);
