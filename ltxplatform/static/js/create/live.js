// Pages that update themselves: clocks that tick, a note while the server is away, clips that start to play.
import "./news.js";

const still = matchMedia("(prefers-reduced-motion: reduce)");

function elapsed(since) {
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(since)) / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ${seconds % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

setInterval(() => {
  for (const clock of document.querySelectorAll("[data-since]")) clock.textContent = elapsed(clock.dataset.since);
}, 1000);

function away(isAway) {
  const note = document.getElementById("reconnecting");
  if (note) note.hidden = !isAway;
}

for (const failure of ["htmx:sendError", "htmx:timeout", "htmx:responseError"])
  document.addEventListener(failure, (event) => {
    if (event.target.hasAttribute?.("data-live")) away(true);
  });
document.addEventListener("htmx:beforeOnLoad", (event) => {
  if (event.detail.xhr.status < 400) away(false);
});

document.addEventListener("htmx:afterSettle", () => {
  const video = document.querySelector("#status video[data-autoplay]");
  if (video?.paused && !video.currentTime && !still.matches) video.play().catch(() => {});
});

// An address of a clip works for a quarter of an hour: a page that was left open asks for a new one, once a minute
// at most, and goes on where it was.
const AGAIN = 60_000;
let asked = -AGAIN;
document.addEventListener(
  "error",
  async (event) => {
    if (event.target.id !== "player" || event.timeStamp - asked < AGAIN) return;
    asked = event.timeStamp;
    const at = event.target.currentTime;
    await htmx.ajax("GET", location.pathname, { target: "#status", swap: "outerHTML" });
    const player = document.getElementById("player");
    if (player) player.currentTime = at;
  },
  true,
);

document.addEventListener("change", (event) => {
  const player = document.getElementById(event.target.dataset?.loop);
  if (player) player.loop = event.target.checked;
});
